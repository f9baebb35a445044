"""The first metric over parts of the questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import fmean

from components.errors import BadOption
from evals.compare.outcome import Measured, Slice
from evals.datasets.judged import Judged, Question
from evals.experiment.namesakes import words

FEWEST = 5
"""Questions of a part that is shown."""
_MOST = 12
"""Values of a field that are shown: more of them divide the questions too finely."""
Part = Callable[[Question], str]


def slices(data: Judged, systems: Sequence[Measured], metric: str) -> list[Slice]:
    """By length, type and the other fields of the questions."""
    return [
        Slice(by=by, value=value, questions=len(ids), means=_means(systems, metric, ids))
        for by in _ways(data)
        for value, ids in _divided(data, by).items()
        if len(ids) >= FEWEST
    ]


def parts(data: Judged, by: str) -> dict[str, list[str]]:
    """Ids of the questions of each value of a field, as slices have them. Raises BadOption where
    it divides nothing.
    """
    known = [each for each in _ways(data) if _divided(data, each)]
    if by not in known:
        raise BadOption(f"{by!r} does not divide the queries into 2 to {_MOST} parts").at(
            where=data.name, hint=f"there are: {', '.join(known) or 'none'}"
        )
    return _divided(data, by)


def _divided(data: Judged, by: str) -> dict[str, list[str]]:
    """Nothing where a field has one value, or too many."""
    part = _ways(data)[by]
    found: dict[str, list[str]] = {}
    for question in data.questions:
        found.setdefault(part(question), []).append(question.id)
    found.pop("", None)
    return dict(sorted(found.items())) if 2 <= len(found) <= _MOST else {}


def _ways(data: Judged) -> Mapping[str, Part]:
    fields = dict.fromkeys(name for each in data.questions for name in each.metadata)
    own: dict[str, Part] = {
        "length": _thirds(data, lambda each: len(words(each.text)), "words"),
        "type": lambda question: question.type,
    }
    for name in fields:
        values = [each.metadata.get(name) for each in data.questions]
        numbers = any(isinstance(each, float) for each in values)
        part = _thirds(data, partial(_number, name), "") if numbers else partial(_value, name)
        own[f"{name} of the data set" if name in own else name] = part
    return own


def _thirds(data: Judged, measure: Callable[[Question], float | None], of: str) -> Part:
    """Questions by where they stand between the smallest and the largest."""
    measured = (measure(each) for each in data.questions)
    ordered = sorted(each for each in measured if each is not None)
    low, high = ordered[len(ordered) // 3], ordered[2 * len(ordered) // 3]

    def part(question: Question) -> str:
        found = measure(question)
        if found is None:
            return ""
        if found <= low:
            return f"1: up to {low:g} {of}".strip()
        return f"2: to {high:g} {of}".strip() if found <= high else f"3: over {high:g} {of}".strip()

    return part


def _number(name: str, question: Question) -> float | None:
    value = question.metadata.get(name)
    return float(value) if isinstance(value, int | float) else None


def _value(name: str, question: Question) -> str:
    value = question.metadata.get(name)
    return str(value) if isinstance(value, str | int) else ""


def _means(systems: Sequence[Measured], metric: str, ids: Sequence[str]) -> dict[str, float]:
    return {each.name: fmean(each.values[metric][id] for id in ids) for each in systems}
