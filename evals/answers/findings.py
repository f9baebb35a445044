"""What is found of answers, each kept with the answer's text: of another answer it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from evals import kept
from evals.answers.answered import Answered
from evals.answers.plan import Plan
from evals.datasets.judged import Question
from evals.pool import Fails

T = TypeVar("T")


def known(file: Path, answers: Mapping[str, Answered], of: type[T]) -> dict[str, T]:
    """By question id, of the answers that there are."""
    adapter = TypeAdapter(of)
    return {
        id: adapter.validate_python(row)
        for id, row in kept.read(file).items()
        if id in answers and row["of"] == answers[id].text
    }


def waiting(
    plan: Plan, answers: Mapping[str, Answered], known: Mapping[str, T], fails: Fails[T]
) -> list[Question]:
    """Questions with an answer of which nothing is known, or of which that `fails`."""
    return [
        each
        for each in plan.data.questions
        if each.id in answers
        and not answers[each.id].error
        and (each.id not in known or fails(known[each.id]))
    ]
