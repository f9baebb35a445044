"""What a number of questions can show, by the normal approximation."""

from __future__ import annotations

import math

from evals import extras


def minimal_detectable_difference(
    deviation: float, questions: int, alpha: float, power: float
) -> float:
    """The true difference that a two-sided test at `alpha` finds with chance `power`.

    `deviation` is that of the per-question differences. In the metric's unit. Raises MissingExtra.
    """
    return _distance(alpha, power) * deviation / math.sqrt(questions)


def questions_needed(deviation: float, margin: float, alpha: float, power: float) -> int:
    """How many questions make `margin` the minimal detectable difference; at least 1.

    With so many, the interval of a system that is in truth as good lies above -margin with chance
    `power`. `margin` is above 0. Raises MissingExtra.
    """
    return max(1, math.ceil((_distance(alpha, power) * deviation / margin) ** 2))


def _distance(alpha: float, power: float) -> float:
    """In standard errors."""
    with extras.needed("power needs"):
        from scipy.stats import norm
    return float(norm.isf(alpha / 2) + norm.ppf(power))
