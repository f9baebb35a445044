"""The share of a run's answers that people call correct, from labels of some of these answers.

Answers are divided into strata by what judges say of them, and some of each are labelled. Each
stratum counts by its size, whatever share of it has labels, so that nothing is assumed of the
judges: the better they tell right from wrong, the less do labels differ within a stratum. It is
prediction-powered inference where the prediction is a stratum, with a coefficient for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from evals.judging.mixture import DRAWS, SEED, TAILS
from evals.metrics import Interval

_PRIOR = 0.5
"""Right and wrong labels that the draws add, since all of a few does not mean all: Jeffreys' prior
for one stratum. Of several each gets the root of its share: a whole one each would pull the rate to
a half, and its share alone would take few labels for many.
"""
FEWEST = 2
"""Answers that are labelled of every stratum that has so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Answers of which some, drawn at random, have labels."""

    answers: int
    labels: int
    correct: int
    """Of those with labels."""


def share(
    strata: Sequence[Stratum], failed: int = 0, *, draws: int = DRAWS, seed: int = SEED
) -> Interval:
    """The share that is correct, with an interval of 95 % for questions like these.

    Of a stratum without labels nothing is known: it counts as the others do in the share, and as
    all or nothing in the interval. `failed`: questions without an answer, which count and are not
    right. At least one answer has a label.
    """
    random = np.random.default_rng(seed)
    sizes, labels, correct = np.array(
        [(each.answers, each.labels, each.correct) for each in strata], dtype=np.float64
    ).T
    known = labels > 0
    rates = np.divide(correct, labels, out=np.zeros_like(labels), where=known)
    pooled = float(sizes @ rates / (sizes @ known))
    value = float(sizes @ np.where(known, rates, pooled) / (sizes.sum() + failed))

    prior = _PRIOR * np.sqrt(sizes / sizes.sum())
    # As a sample's variance is divided by one less than its size: labels of a stratum are few.
    fewer = np.maximum(1 - 1 / np.maximum(labels, 1), 0.5)
    right, wrong = fewer * correct + prior, fewer * (labels - correct) + prior
    drawn = random.beta(right, wrong, (draws, len(strata)))
    size = random.standard_gamma(sizes, (draws, len(strata)))
    lost = random.standard_gamma(failed, draws) if failed else np.zeros(draws)
    low, high = np.quantile((size * drawn).sum(axis=1) / (size.sum(axis=1) + lost), TAILS)
    return Interval(value, min(float(low), value), max(float(high), value))


def allocated(sizes: Sequence[int], likely: Sequence[float], labels: int) -> list[int]:
    """How many of `labels` each stratum gets, for the narrowest interval: Neyman's allocation, in
    whole numbers (Wright, 2012), with at least FEWEST of each, or all where there are fewer.

    `sizes`: answers of each stratum. `likely`: the share of each that is expected to be correct.
    """
    found = [min(FEWEST, each) for each in sizes]
    spread = [size * sqrt(p * (1 - p)) for size, p in zip(sizes, likely, strict=True)]
    while sum(found) < min(labels, sum(sizes)):
        open_ = [at for at, size in enumerate(sizes) if found[at] < size]
        most = max(open_, key=lambda at: spread[at] / sqrt(found[at] * (found[at] + 1)))
        found[most] += 1
    return found
