"""Metrics of rankings, by ir_measures with the semantics of trec_eval, and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evals import extras
from evals.datasets.judged import Judgements
from evals.runs import Run, scores

_SAMPLES = 10_000
_SEED = 20_240_501
_AT_ONCE = 2**20
"""Values drawn at a time."""


@dataclass(frozen=True)
class Interval:
    """A mean over questions with its confidence interval."""

    mean: float
    low: float
    high: float


def per_question(
    judgements: Judgements, run: Run, names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Metric name (as ir_measures writes it: `R@10`, `nDCG@10`, `RR@10`) to question to value.

    Every judged question counts; one without hits counts 0. Raises MissingExtra.
    """
    with extras.needed("metrics need"):
        import ir_measures
    measures = {name: ir_measures.parse_measure(name) for name in names}
    values = {measure: dict.fromkeys(judgements, 0.0) for measure in measures.values()}
    scored = {question: scores(ranked) for question, ranked in run.items()}
    grades = {question: dict(each) for question, each in judgements.items()}
    for each in ir_measures.iter_calc(list(values), grades, scored):
        values[each.measure][each.query_id] = float(each.value)
    return {name: values[measure] for name, measure in measures.items()}


def interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Percentile bootstrap over questions, the same for the same values. Raises MissingExtra."""
    found = np.asarray(values, dtype=np.float64)
    if not len(found):
        raise ValueError("no values")
    mean = float(found.mean())
    if len(found) == 1:
        return Interval(mean, mean, mean)
    with extras.needed("intervals need"):
        from scipy.stats import bootstrap
    ends = bootstrap(
        (found,),
        np.mean,
        n_resamples=_SAMPLES,
        batch=max(1, _AT_ONCE // len(found)),
        confidence_level=confidence,
        method="percentile",
        rng=_SEED,
    ).confidence_interval
    return Interval(mean, float(ends.low), float(ends.high))
