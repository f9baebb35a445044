"""Parts of the questions, and what the texts are like."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median

from evals.compare.outcome import Measured, Slice
from evals.datasets.judged import Judged, Question

FEWEST = 5
"""Questions of a part that is shown."""
_MOST = 12
"""Values of a field that are shown: more of them divide the questions too finely."""
_WORD = re.compile(r"\w+")
Part = Callable[[Question], str]


def slices(data: Judged, systems: Sequence[Measured], metric: str) -> list[Slice]:
    """By length, type and the other fields of the questions."""
    found: list[Slice] = []
    for by, part in _parts(data).items():
        parts: dict[str, list[str]] = {}
        for question in data.questions:
            parts.setdefault(part(question), []).append(question.id)
        parts.pop("", None)
        if 2 <= len(parts) <= _MOST:
            found += [
                Slice(by=by, value=value, questions=len(ids), means=_means(systems, metric, ids))
                for value, ids in sorted(parts.items())
                if len(ids) >= FEWEST
            ]
    return found


def statistics(data: Judged) -> dict[str, float]:
    """Of the questions: how many, their length in words, relevant units of each."""
    words = [len(_WORD.findall(each.text)) for each in data.questions]
    relevant = [sum(grade > 0 for grade in own.values()) for own in data.judgements.values()]
    return {
        "questions": len(words),
        "words_per_question_median": median(words),
        "relevant_per_question_mean": fmean(relevant),
    }


def _parts(data: Judged) -> Mapping[str, Part]:
    lengths = sorted(len(_WORD.findall(each.text)) for each in data.questions)
    low, high = lengths[len(lengths) // 3], lengths[2 * len(lengths) // 3]

    def length(question: Question) -> str:
        words = len(_WORD.findall(question.text))
        if words <= low:
            return f"1: up to {low} words"
        return f"2: {low + 1} to {high} words" if words <= high else f"3: over {high} words"

    fields = dict.fromkeys(name for each in data.questions for name in each.metadata)
    return {
        "length": length,
        "type": lambda question: question.type,
        **{name: _field(name) for name in fields if name != data.scope},
    }


def _field(name: str) -> Part:
    def part(question: Question) -> str:
        value = question.metadata.get(name)
        return str(value) if isinstance(value, str | int | bool) else ""

    return part


def _means(systems: Sequence[Measured], metric: str, ids: Sequence[str]) -> dict[str, float]:
    return {each.name: fmean(each.values[metric][id] for id in ids) for each in systems}
