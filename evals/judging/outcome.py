"""A judge measured against people's labels, on each half of the questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evals.datasets.judged import BadData
from evals.judging.agreement import RESAMPLES, SEED, Agreement, Pair, agreement
from evals.judging.halves import Halves, halves
from evals.judging.judgement import CLASSES, Judgement
from evals.judging.labelled import Labelled
from evals.judging.left_out import LeftOut, errors, left_out
from evals.judging.offline import judge

OVERALL, NUMERIC, WITHOUT_REFUSALS = "overall", "numeric", "without refusals"

_FEWEST = 2

Slices = Mapping[str, Agreement]
"""`overall`, `numeric`, `without refusals` (of people), and a slice for each type of question."""
Judged = tuple[Labelled, Judgement]


@dataclass(frozen=True, slots=True)
class Outcome:
    """All answers with their judgements, and the agreement on both halves."""

    judged: tuple[Judged, ...]
    halves: Halves
    tune: Slices
    report: Slices
    left_out: Sequence[LeftOut]
    """Each run's rate as the labels of the others correct it, over all questions."""

    @property
    def runs(self) -> dict[str, dict[str, int]]:
        """Answers by run and by what people say, in the order of CLASSES."""
        counted = Counter((each.run, each.human) for each, _ in self.judged)
        names = sorted({each.run for each, _ in self.judged})
        return {run: {label: counted[run, label] for label in CLASSES} for run in names}

    @property
    def numeric(self) -> list[str]:
        """Ids of the questions whose gold answer is one number or percentage, ascending."""
        return sorted({each.question_id for each, _ in self.judged if each.numeric})

    def to_json(self) -> dict[str, Any]:
        """For json.dumps: everything, each judgement with its rule."""
        return {
            "seed": SEED,
            "resamples": RESAMPLES,
            "questions": {**asdict(self.halves), "numeric": self.numeric},
            "human_labels": self.runs,
            "tune": {name: each.to_json() for name, each in self.tune.items()},
            "report": {name: each.to_json() for name, each in self.report.items()},
            "left_out": {
                "runs": [each.to_json() for each in self.left_out],
                "errors": errors(self.left_out) if self.left_out else {},
            },
            "judgements": [
                {
                    "run": answer.run,
                    "question": answer.question_id,
                    "human": answer.human,
                    **asdict(judgement),
                }
                for answer, judgement in self.judged
            ],
        }


def measure(answers: Sequence[Labelled]) -> Outcome:
    """Judge all answers and compare. Raises BadData for fewer than two questions."""
    if len({each.question_id for each in answers}) < _FEWEST:
        raise BadData(f"fewer than {_FEWEST} questions: no half to report on")
    judged = tuple((each, judge(each.question, each.gold, each.answer)) for each in answers)
    parts = halves(each.question_id for each in answers)
    tune, report = (_slices(judged, ids) for ids in (parts.tune, parts.report))
    return Outcome(judged, parts, tune, report, left_out(judged))


def _slices(judged: Sequence[Judged], ids: Sequence[str]) -> Slices:
    chosen = frozenset(ids)
    half = [each for each in judged if each[0].question_id in chosen]
    found = {
        OVERALL: half,
        NUMERIC: [each for each in half if each[0].numeric],
        WITHOUT_REFUSALS: [each for each in half if each[0].human != "refused"],
    }
    for type in sorted({each.question_type for each, _ in half}):
        found[type] = [each for each in half if each[0].question_type == type]
    return {
        name: agreement(_pairs(some)) for name, some in found.items() if some or name == OVERALL
    }


def _pairs(judged: Sequence[Judged]) -> list[Pair]:
    return [Pair(each.question_id, each.human, found.verdict) for each, found in judged]
