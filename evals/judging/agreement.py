"""How far a judge agrees with people, and how sure that is.

Answers to one question are alike, so that the bootstrap draws questions, each with all its answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.judging.judgement import CLASSES, Verdict
from evals.metrics import Interval

SEED = 20_240_501
RESAMPLES = 2_000
_TAIL = 0.025
_SIZE = len(CLASSES)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """What a person and the judge say of one answer to a question."""

    question_id: str
    human: Verdict
    judge: Verdict


@dataclass(frozen=True, slots=True)
class Agreement:
    """Accuracy and Cohen's kappa over three classes, with percentile intervals of 95 %.

    Kappa is NaN where both give every answer one and the same class.
    """

    accuracy: Interval
    kappa: Interval
    confusion: tuple[tuple[int, ...], ...]
    """Answers: a row for each class by people, a column for each by the judge, as CLASSES has them.
    """
    questions: int
    unmeasured: int
    """Answers that the judge did not judge; they count nowhere else."""

    @property
    def answers(self) -> int:
        return sum(map(sum, self.confusion))

    def to_json(self) -> dict[str, Any]:
        """For json.dumps: null for NaN."""
        return {
            "questions": self.questions,
            "answers": self.answers,
            "unmeasured": self.unmeasured,
            "accuracy": _interval_json(self.accuracy),
            "kappa": _interval_json(self.kappa),
            "confusion": {
                human: dict(zip(CLASSES, row, strict=True))
                for human, row in zip(CLASSES, self.confusion, strict=True)
            },
        }


def agreement(pairs: Sequence[Pair], *, resamples: int = RESAMPLES, seed: int = SEED) -> Agreement:
    """Agreement over all pairs, the same for the same pairs in any order.

    Raises ValueError where none is measured.
    """
    measured = [each for each in pairs if each.judge in CLASSES]
    if not measured:
        raise ValueError("no answer is measured")
    tables = _tables(measured)
    whole = tables.sum(axis=0)
    random = np.random.default_rng(seed)
    picks = random.integers(len(tables), size=(resamples, len(tables)))
    drawn = np.stack([tables[pick].sum(axis=0) for pick in picks])
    return Agreement(
        accuracy=_interval(accuracy, whole, drawn),
        kappa=_interval(kappa, whole, drawn),
        confusion=tuple(tuple(int(cell) for cell in row) for row in whole),
        questions=len(tables),
        unmeasured=len(pairs) - len(measured),
    )


def accuracy(tables: Array) -> Array:
    """Share on the diagonal, of tables (..., classes, classes) of counts."""
    return np.asarray(np.trace(tables, axis1=-2, axis2=-1) / tables.sum(axis=(-2, -1)))


def kappa(tables: Array) -> Array:
    """Cohen's kappa of tables (..., classes, classes) of counts; NaN where chance agrees always."""
    total = tables.sum(axis=(-2, -1))
    by_chance = (tables.sum(axis=-1) * tables.sum(axis=-2)).sum(axis=-1) / total**2
    beyond = np.where(by_chance < 1, 1 - by_chance, np.nan)
    return np.asarray((accuracy(tables) - by_chance) / beyond)


def _tables(pairs: Sequence[Pair]) -> Array:
    """Confusion by question (questions, classes, classes), questions by id."""
    ids = sorted({each.question_id for each in pairs})
    places = {id: place for place, id in enumerate(ids)}
    tables = np.zeros((len(ids), _SIZE, _SIZE))
    for each in pairs:
        cell = CLASSES.index(each.human), CLASSES.index(each.judge)
        tables[(places[each.question_id], *cell)] += 1
    return tables


def _interval(measure: Callable[[Array], Array], whole: Array, drawn: Array) -> Interval:
    values = measure(drawn)
    known = values[~np.isnan(values)]
    ends = np.quantile(known, [_TAIL, 1 - _TAIL]) if len(known) else (np.nan, np.nan)
    return Interval(float(measure(whole)), float(ends[0]), float(ends[1]))


def _interval_json(found: Interval) -> dict[str, float | None]:
    values = {"value": found.mean, "low": found.low, "high": found.high}
    return {name: None if np.isnan(each) else each for name, each in values.items()}
