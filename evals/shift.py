"""How far the rankings of an index have moved from those of another, without any judgement.

A shift is no loss: what is found instead may be better. It says which queries to look at.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from evals.runs import Run
from evals.similarity import Curve, curves, jaccard, rank_similarity

DEPTH = 10
"""Units of each ranking that are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryShift:
    """A query by its id, and how much of what it found is found again, 0 to 1."""

    query: str
    jaccard: float
    """Units in both first ten, over units in either."""
    rank_similarity: float
    """Whether those in both stand at the same ranks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Means over all queries, and each query."""

    jaccard: float
    rank_similarity: float
    queries: tuple[QueryShift, ...]
    """Those that have changed most first; of equal ones in order of ids."""

    @property
    def value(self) -> float:
        """0: each query finds the same ten; 1: none finds any of them again."""
        return 1 - self.jaccard

    def to_json(self) -> dict[str, Any]:
        """With `value` and `depth`, for its own file."""
        return {"value": self.value, "depth": DEPTH, **asdict(self)}


def shift(before: Run, after: Run) -> Shift:
    """From one run to another of the same queries, in any order. Where neither has found anything,
    nothing was lost: that counts as equal.

    Raises UserError where the runs have other queries, or none.
    """
    alike = _measured(before, after, jaccard)
    ranked = _measured(before, after, rank_similarity)
    queries = [
        QueryShift(query=id, jaccard=alike[id], rank_similarity=ranked[id]) for id in sorted(alike)
    ]
    return Shift(
        jaccard=fmean(alike.values()),
        rank_similarity=fmean(ranked.values()),
        queries=tuple(sorted(queries, key=lambda each: (each.jaccard, each.rank_similarity))),
    )


def _measured(before: Run, after: Run, measure: Curve) -> dict[str, float]:
    """By query. A sum over ranks may be off by a rounding: it is cut at 1."""
    return {
        id: min(1.0, float(curve[-1])) if before[id] or after[id] else 1.0
        for id, curve in curves(before, after, DEPTH, measure).items()
    }
