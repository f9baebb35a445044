"""Each run in turn, its rate corrected by the labels of the others: is that nearer to its own?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from evals.datasets.judged import BadData
from evals.judging.corrected import Label, corrected
from evals.judging.judgement import CLASSES, Judgement
from evals.judging.labelled import Labelled
from evals.metrics import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """One run; rates are shares of correct answers."""

    run: str
    measured: int
    """Answers that the judge has judged."""
    raw: float
    """Of the judge, over these."""
    corrected: Interval
    people: float
    """Of the labels of its own, over all of its answers."""

    @property
    def covers(self) -> bool:
        return self.corrected.low <= self.people <= self.corrected.high

    def to_json(self) -> dict[str, Any]:
        found = self.corrected
        told = {"value": found.mean, "low": found.low, "high": found.high}
        return {**asdict(self), "corrected": told, "covers": self.covers}


def left_out(judged: Sequence[tuple[Labelled, Judgement]]) -> list[LeftOut]:
    """The runs, by name, that the labels of the others can correct."""
    found = []
    for run in sorted({each.run for each, _ in judged}):
        with suppress(BadData):
            found.append(_left_out(judged, run))
    return found


def errors(found: Sequence[LeftOut]) -> Mapping[str, float]:
    """How far from people's rates: means over the runs, of the distance and of the difference."""
    raw = [each.raw - each.people for each in found]
    near = [each.corrected.mean - each.people for each in found]
    return {
        "raw_distance": fmean(map(abs, raw)),
        "corrected_distance": fmean(map(abs, near)),
        "raw_difference": fmean(raw),
        "corrected_difference": fmean(near),
    }


def _left_out(judged: Sequence[tuple[Labelled, Judgement]], run: str) -> LeftOut:
    own = [(each.human, found.verdict) for each, found in judged if each.run == run]
    others = [
        Label(question_id=each.question_id, human=each.human, verdicts=(found.verdict,))
        for each, found in judged
        if each.run != run
    ]
    measured = [verdict for _, verdict in own if verdict in CLASSES]
    return LeftOut(
        run=run,
        measured=len(measured),
        raw=measured.count("correct") / len(measured) if measured else 0.0,
        corrected=corrected(others, [(verdict,) for _, verdict in own]),
        people=fmean(human == "correct" for human, _ in own),
    )
