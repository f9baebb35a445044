"""What a comparison says, in one word."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["better", "worse", "no_worse", "undecided"]

FEWEST = 6
"""Questions. With five, even five wins of five are no rarer than 1 in 16 among equals."""


def verdict(
    *,
    difference: float,
    low: float,
    p_corrected: float,
    questions: int,
    alpha: float,
    margin: float,
) -> Verdict:
    """`better` or `worse` where the corrected p is below alpha, by the sign of the difference.

    Else `no_worse` where the interval's lower end is above -margin: non-inferiority, one-sided at
    alpha / 2. Else, and with fewer than six questions, `undecided`.
    """
    if questions < FEWEST:
        return "undecided"
    if p_corrected < alpha:
        return "better" if difference > 0 else "worse"
    return "no_worse" if low > -margin else "undecided"
