"""What comparisons say, in one word each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from evals.significance.correction import holm

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
