"""Many comparisons at once: each p made as large as their number asks for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from evals import extras


def holm(values: Sequence[float]) -> list[float]:
    """Holm's corrected p, in the order given. Raises MissingExtra.

    The chance that the corrected p of any hypothesis that is true is below alpha is at most alpha,
    whatever the dependence between them and whatever holds of the others.
    """
    with extras.needed("corrected p needs"):
        from statsmodels.stats.multitest import multipletests
    if len(values) < 2:
        return list(values)
    corrected: np.ndarray = multipletests(list(values), method="holm")[1]
    return [float(each) for each in corrected]


def levels(values: Sequence[float], alpha: float) -> list[float]:
    """The level that Holm leaves to each test: alpha over the number of those that are not refuted
    before it. A p is below its level exactly where the corrected p is below alpha.

    Raises MissingExtra.
    """
    ordered = sorted(values)
    refuted = sum(each < alpha for each in holm(values))
    return [alpha / (len(values) - min(bisect_left(ordered, each), refuted)) for each in values]
