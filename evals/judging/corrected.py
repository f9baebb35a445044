"""The rate of correct answers that people would find, from judges' verdicts on other answers with
labels: `mixture` does the sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evals.datasets.judged import BadData
from evals.judging import mixture
from evals.judging.judgement import CLASSES, Verdict
from evals.judging.mixture import Array
from evals.metrics import Interval

Verdicts = tuple[Verdict, ...]
"""Of the judges of one answer, always in the same order; `unmeasured` is one like any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a person says of one answer to a question, and what judges say."""

    question_id: str
    human: Verdict
    verdicts: Verdicts
    weight: float = 1.0
    """Answers that it stands for."""


def corrected(
    labels: Sequence[Label],
    verdicts: Sequence[Verdicts],
    failed: int = 0,
    *,
    draws: int = mixture.DRAWS,
    seed: int = mixture.SEED,
) -> Interval:
    """The share of a run's answers that people would call correct, with an interval of 95 %.

    `labels`: of other answers, judged by the same judges. `verdicts`: of each answer of the run,
    one to a question. `failed`: its questions without an answer, which count and are not right.

    Assumes that judges err with this run as they do with the labelled ones: that right answers are
    called wrong as often, and so on. Raises BadData where the labels cannot say that, or the run
    has no answer.
    """
    kinds = [kind for kind in CLASSES if any(each.human == kind for each in labels)]
    if kinds[:1] != ["correct"] or len(kinds) < 2:
        raise BadData("the labels need answers that are correct, and some that are not")
    if len({each.verdicts for each in labels}) < 2:
        raise BadData("judges say the same of all labelled answers, and tell nothing apart")
    if not verdicts:
        raise BadData("there is no answer to correct a rate of")
    known = sorted({*verdicts, *(each.verdicts for each in labels)})
    run = np.array([sum(each == one for each in verdicts) for one in known], dtype=np.float64)
    return mixture.share(_counts(labels, kinds, known), run, failed, draws=draws, seed=seed)


def _counts(labels: Sequence[Label], kinds: Sequence[Verdict], known: Sequence[Verdicts]) -> Array:
    """(questions, kinds, verdicts), with weights; together as many as equal ones would say as much
    as these (Kish).
    """
    questions = sorted({each.question_id for each in labels})
    places = {id: place for place, id in enumerate(questions)}
    found = np.zeros((len(questions), len(kinds), len(known)))
    for each in labels:
        cell = places[each.question_id], kinds.index(each.human), known.index(each.verdicts)
        found[cell] += each.weight
    weights = np.array([each.weight for each in labels])
    return np.asarray(found * weights.sum() / (weights**2).sum())
