"""Many comparisons at once: each p made as large as their number asks for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np


def holm(values: Sequence[float]) -> list[float]:
    """Holm's corrected p, in the order given.

    The chance that the corrected p of any hypothesis that is true is below alpha is at most alpha,
    whatever the dependence between them and whatever holds of the others. (statsmodels has it too,
    and collects the process's garbage at every call: 50 ms.)
    """
    given = np.asarray(values, dtype=np.float64)
    order = np.argsort(given, kind="stable")
    raised = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    corrected = np.empty_like(given)
    corrected[order] = np.minimum(raised, 1.0)
    return [float(each) for each in corrected]


def levels(values: Sequence[float], alpha: float) -> list[float]:
    """The level that Holm leaves to each test: alpha over the number of those that are not refuted
    before it. A p is below its level exactly where the corrected p is below alpha.
    """
    ordered = sorted(values)
    refuted = sum(each < alpha for each in holm(values))
    return [alpha / (len(values) - min(bisect_left(ordered, each), refuted)) for each in values]
