"""What the comparisons of a family say, in one word each: each p made as large as their number
asks for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal

import numpy as np

Verdict = Literal["better", "worse", "no_worse", "undecided"]

FEWEST = 6
"""Questions. With five, even five wins of five are no rarer than 1 in 16 among equals."""


def verdicts(
    differences: Sequence[float],
    p: Sequence[float],
    p_of_loss: Sequence[float],
    questions: Sequence[int],
    alpha: float,
) -> list[Verdict]:
    """Of a family of comparisons; p of no difference, and of a loss of the margin or more.

    `better` where the corrected p of no difference is below alpha and the difference above 0.

    Else `no_worse` where the corrected p of a loss of the margin or more is below alpha: the
    interval lies above -margin. Else `worse` where the corrected p of no difference is below alpha:
    the interval lies below 0. Else, and with fewer than six questions, `undecided`.
    """
    corrected = zip(differences, holm(p), holm(p_of_loss), questions, strict=True)
    return [_verdict(*each, alpha) for each in corrected]


def _verdict(
    difference: float, p_corrected: float, p_of_loss: float, questions: int, alpha: float
) -> Verdict:
    if questions < FEWEST:
        return "undecided"
    if p_corrected < alpha and difference > 0:
        return "better"
    if p_of_loss < alpha:
        return "no_worse"
    return "worse" if p_corrected < alpha else "undecided"


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
