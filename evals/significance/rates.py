"""How often a test errs where the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evals.significance.paired import Array, estimate

_BATCH = 100
"""Comparisons that share resamples."""


@dataclass(frozen=True)
class Rates:
    """Shares of simulated comparisons."""

    false_positives: float
    """p below alpha, although the population is centred at 0."""
    coverage: float
    """The interval holds the population's mean."""
    above: float
    """The whole interval lies above it: what a wrong `no_worse` comes from."""
    below: float
    unbounded: float
    """An end of the interval is infinite."""


def simulate(
    population: Array, questions: int, comparisons: int, test: str, resamples: int, seed: int,
    alpha: float = 0.05,
) -> Rates:  # fmt: skip
    """Compare `comparisons` times for each rate, rounded up to whole hundreds, with new draws.

    `population` is (n,), per-question differences. False positives and coverage have draws of their
    own.
    """
    random = np.random.default_rng(seed)
    mean = population.mean()
    counts = np.zeros(5)
    batches = -(-comparisons // _BATCH)
    for _ in range(batches):
        drawn = random.choice(population, size=(questions, 2 * _BATCH))
        drawn[:, :_BATCH] -= mean
        found = estimate(drawn, test, resamples, int(random.integers(2**31)), alpha)
        low, high = found.low[_BATCH:], found.high[_BATCH:]
        counts += [
            (found.p[:_BATCH] < alpha).sum(),
            ((low <= mean) & (mean <= high)).sum(),
            (low > mean).sum(),
            (high < mean).sum(),
            (np.isinf(low) | np.isinf(high)).sum(),
        ]
    return Rates(*(float(each) for each in counts / (batches * _BATCH)))
