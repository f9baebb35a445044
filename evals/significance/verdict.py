"""What a comparison says, in one word."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["better", "worse", "no_worse", "undecided"]

FEWEST = 6
"""Questions. With five, even five wins of five are no rarer than 1 in 16 among equals."""


def verdict(
    *, difference: float, p_corrected: float, p_of_loss: float, questions: int, alpha: float
) -> Verdict:
    """`better` where the corrected p of no difference is below alpha and the difference above 0.

    Else `no_worse` where the corrected p of a loss of the margin or more is below alpha: the
    interval lies above -margin. Else `worse` where the corrected p of no difference is below alpha:
    the interval lies below 0. Else, and with fewer than six questions, `undecided`.
    """
    if questions < FEWEST:
        return "undecided"
    if p_corrected < alpha and difference > 0:
        return "better"
    if p_of_loss < alpha:
        return "no_worse"
    return "worse" if p_corrected < alpha else "undecided"
