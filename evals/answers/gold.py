"""The answer that a data set holds for a question."""

from __future__ import annotations

from collections.abc import Sequence

from evals.datasets.judged import BadData, Judged, Question
from evals.judging.offline import Gold

_FIELDS = ("answer", "gold_answer", "answers", "reference_answer")
"""Where data sets have it; the first that a question has."""


def gold(question: Question) -> Gold:
    """For a person: all of several, as one text; empty where there is none."""
    found = alternatives(question)
    return found[0] if len(found) == 1 else " | ".join(map(str, found))


def alternatives(question: Question) -> list[Gold]:
    """Answers that are each right."""
    values = (question.metadata.get(name) for name in _FIELDS)
    return next((found for found in map(_several, values) if found), [])


def _several(value: object) -> list[Gold]:
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, str | int | float):
        return [value] if str(value).strip() else []
    if isinstance(value, Sequence):
        return [each for one in value for each in _several(one)]
    return []


def check(data: Judged) -> None:
    """Raises BadData where no question has an answer to judge by."""
    if not any(alternatives(each) for each in data.questions):
        raise BadData("no question has an answer to judge by").at(
            where=data.name, hint=f"queries.jsonl holds it in a field: {', '.join(_FIELDS)}"
        )
