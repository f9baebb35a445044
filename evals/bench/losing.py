"""Systems whose true difference is known.

The values of queries are tenths, many of them 0 and 1. A system has a share of all queries at each
tenth, which is the whole population; the next one moves some of the queries, at rates for which the
population's mean falls by exactly so much.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.significance.paired import Array

Tenths = NDArray[np.int64]
VALUES = np.arange(11) / 10
FIRST = np.array([0.2, *[0.3 / 9] * 9, 0.5])
"""Share of the queries at each value: for 2 in 10 nothing is found, for 5 in 10 all."""


def _rates(moves: Iterable[tuple[int, int]]) -> Array:
    """What leaves each value, below 0, and where it goes, (11, 11)."""
    found = np.zeros((11, 11))
    for old, new in moves:
        found[old, old] -= 1
        found[old, new] += 1
    return found


_SMALL_LOSS = _rates((at, at - 1) for at in range(1, 11))
_SMALL_GAIN = _rates((at, at + 1) for at in range(10))
_LARGE_LOSS = _rates((at, 0) for at in range(1, 11))
_LARGE_GAIN = _rates([(0, 10)])


@dataclass(frozen=True)
class Shape:
    """In which way a system differs from the one before."""

    name: str
    loss: Array
    gain: Array
    gained: float
    """Share of the queries that gain, while some lose more."""

    def moves(self, shares: Array, loss: float, churn: float = 1.0) -> Array:
        """Chances of a query at each value to be at each other in the next system, (11, 11).

        `shares`, (11,): of the population, whose mean falls by exactly `loss`. `churn`: how many
        times `gained` gain.
        """
        gain = self.gain * (self.gained * churn / (shares @ (self.gain.diagonal() < 0)))
        lost = loss + shares @ gain @ VALUES
        found: Array = np.eye(11) + gain - self.loss * (lost / (shares @ self.loss @ VALUES))
        if found.min() < -1e-12:
            raise ValueError(f"{self.name}: no more to lose than {loss:g}")
        return found.clip(0)


SHAPES = (
    Shape("large flips", _LARGE_LOSS, _LARGE_GAIN, 0.03),
    Shape("many small", _SMALL_LOSS, _SMALL_GAIN, 0.05),
    Shape("few large losses, small gains", _LARGE_LOSS, _SMALL_GAIN, 0.15),
    Shape("few large gains, small losses", _SMALL_LOSS, _LARGE_GAIN, 0.01),
)


def drawn(shares: Array, size: tuple[int, int], random: np.random.Generator) -> Tenths:
    """Tenths of so many queries, (queries, columns)."""
    return random.choice(11, size, p=shares)


def moved(tenths: Tenths, moves: Array, random: np.random.Generator) -> Tenths:
    """The same queries in the next system."""
    sums = moves.cumsum(axis=1)[:, :-1]
    found: Tenths = (random.random(tenths.shape)[..., None] > sums[tenths]).sum(axis=-1)
    return found
