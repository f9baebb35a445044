"""The answer that a data set holds for a question."""

from __future__ import annotations

from collections.abc import Sequence

from evals.datasets.judged import BadData, Judged, Question
from evals.judging.offline import Gold

_FIELDS = ("answer", "gold_answer", "answers", "reference_answer")
"""Where data sets have it; the first that a question has."""


def gold(question: Question) -> Gold:
    """Empty where there is none; of several, all of them as one text."""
    for name in _FIELDS:
        found = question.metadata.get(name)
        if isinstance(found, str | int | float) and not isinstance(found, bool):
            return found
        if isinstance(found, Sequence):
            return ", ".join(map(str, found))
    return ""


def check(data: Judged) -> None:
    """Raises BadData where no question has an answer to judge by."""
    if not any(str(gold(each)).strip() for each in data.questions):
        raise BadData("no question has an answer to judge by").at(
            where=data.name, hint=f"queries.jsonl holds it in a field: {', '.join(_FIELDS)}"
        )
