"""Paired tests by resampling. Interval and p come from the same resamples, so they always agree.

Suppose the true difference were x: is a resample as far from x as what was seen? It is for all x in
one range around the difference that was seen, the resample's *reach*. p is the share of resamples
whose reach holds 0; the interval is every x that at least a share alpha of the reaches hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_CELLS = 2_000_000
"""Random numbers held at a time."""
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Reach:
    """Ends of the ranges, (resamples, comparisons) each. The sample itself counts as a resample."""

    low: Array
    high: Array

    def p(self, supposed: float) -> Array:
        """Of this true difference, (comparisons,): the share of resamples whose reach holds it."""
        held: Array = ((self.low <= supposed) & (self.high >= supposed)).mean(axis=0)
        return held

    def p_of_less(self, supposed: float, means: Array) -> Array:
        """Of this true difference or a smaller one. Two-sided all the same, so that what is refuted
        at a level lies below the interval of that level; 1 where `means`, which were seen, are no
        larger.
        """
        return np.where(means > supposed, self.p(supposed), 1.0)

    def interval(self, alpha: float) -> tuple[Array, Array]:
        """Ends of all true differences with a p of at least alpha."""
        total = len(self.low)
        # The fewest resamples that make a p of alpha or more.
        needed = int(np.searchsorted(np.arange(total + 1) / total, alpha)) - 1
        low = np.partition(self.low, needed, axis=0)[needed]
        high = np.partition(self.high, total - 1 - needed, axis=0)[total - 1 - needed]
        return low, high


Test = Callable[[Array, int, np.random.Generator], Reach]
"""Takes differences (questions, comparisons), the number of resamples, and the random numbers."""


def reach(
    differences: Array, test: str, resamples: int, seed: int, supposed: Sequence[float] = (0.0,)
) -> Reach:
    """Of every column of `differences` (questions, comparisons; finite); they share resamples.

    `supposed`: the true differences that will be asked about. A column of zeros reaches 0 only.
    """
    found = TESTS[test](differences, resamples, np.random.default_rng(seed))
    # A resample that is as extreme as the sample but for rounding is as extreme.
    slack = _ROUNDING * len(differences) * np.abs(differences).max(axis=0)
    for each in supposed:
        found.low[np.abs(found.low - each) <= slack] = each
        found.high[np.abs(found.high - each) <= slack] = each
    equal = ~differences.any(axis=0)
    found.low[:, equal] = found.high[:, equal] = 0.0
    return found


def bootstrap(differences: Array, resamples: int, random: np.random.Generator) -> Reach:
    """Studentised and symmetric: questions are drawn with replacement, and the distance between the
    means of resample and sample is measured in the resample's own standard errors.

    A resample of equal values has no standard error, so it reaches everywhere.
    """
    count = len(differences)
    mean = differences.mean(axis=0)
    if count == 1:
        return _everywhere(mean)
    centred = differences - mean
    squares = centred**2
    error = np.sqrt(squares.sum(axis=0) / (count - 1) / count)
    widths = [np.full((1, len(mean)), np.inf)]
    for size in _portions(resamples, count):
        times = _drawn(size, count, random)
        shift = times @ centred / count
        spread = times @ squares / count - shift**2
        alike = spread <= _ROUNDING * squares.max(axis=0)
        spread[alike] = 1.0
        width = np.abs(shift) * error / np.sqrt(spread / (count - 1))
        width[alike] = np.inf
        width[:, error <= _ROUNDING * np.abs(mean)] = 0.0
        widths.append(width)
    width = np.concatenate(widths)
    return Reach(mean - width, mean + width)


def randomisation(differences: Array, resamples: int, random: np.random.Generator) -> Reach:
    """Fisher's: the systems change names at every question by a coin. All ways of doing it are
    counted where they are no more than `resamples`; then p is exact.

    With the true difference supposed to be x, signs s are as extreme as what was seen when
    |mean(s (d - x))| >= |mean(d) - x|, which two straight lines bound.
    """
    count = len(differences)
    mean = differences.mean(axis=0)
    flipped, share = [], []
    for signs in _signs(count, resamples, random):
        flipped.append(signs @ differences / count)
        share.append(signs.mean(axis=1, keepdims=True))
    other, kept = np.concatenate(flipped), np.concatenate(share)
    with np.errstate(divide="ignore", invalid="ignore"):
        one, two = (mean - other) / (1 - kept), (mean + other) / (1 + kept)
    low, high = np.minimum(np.minimum(one, two), mean), np.maximum(np.maximum(one, two), mean)
    trivial = np.abs(kept[:, 0]) == 1
    low[trivial], high[trivial] = -np.inf, np.inf
    return Reach(low, high)


TESTS: dict[str, Test] = {"bootstrap": bootstrap, "randomisation": randomisation}


def _everywhere(mean: Array) -> Reach:
    ends = np.full((1, len(mean)), np.inf)
    return Reach(-ends, ends)


def _portions(rows: int, width: int) -> Iterator[int]:
    most = max(1, _CELLS // width)
    for start in range(0, rows, most):
        yield min(most, rows - start)


def _drawn(rows: int, count: int, random: np.random.Generator) -> Array:
    """How often each question was drawn in each resample, (rows, count)."""
    picks = random.integers(count, size=(rows, count))
    picks += np.arange(rows)[:, None] * count
    return np.bincount(picks.ravel(), minlength=rows * count).reshape(rows, count).astype(float)


def _signs(count: int, resamples: int, random: np.random.Generator) -> Iterator[Array]:
    """All +1 first, then random rows of +1 and -1; or all rows there are, (rows, count)."""
    if 2**count <= resamples:
        bits = np.arange(2**count)[:, None] >> np.arange(count) & 1
        yield (1 - 2 * bits).astype(np.float64)
        return
    yield np.ones((1, count))
    for size in _portions(resamples, count):
        yield (1 - 2 * random.integers(2, size=(size, count), dtype=np.int8)).astype(np.float64)
