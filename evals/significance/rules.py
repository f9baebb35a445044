"""How a comparison is judged: fixed before it is made."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from components.errors import BadOption
from evals.significance.paired import TESTS


@dataclass(frozen=True)
class Rules:
    """Levels, margin, test and seed. Raises BadOption for values that cannot be.

    `alpha` is two-sided, and so is the interval, of confidence 1 - alpha. `margin` is the loss that
    does not matter, in the metric's unit. `power` is the chance to find a difference as large as
    the minimal detectable one.
    """

    alpha: float = 0.05
    margin: float = 0.03
    power: float = 0.8
    test: str = "bootstrap"
    resamples: int = 10_000
    seed: int = 20_240_501

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 0.5:
            raise BadOption(f"alpha is {self.alpha}").at(hint="between 0 and 0.5, such as 0.05")
        if not 0 < self.margin < inf:
            raise BadOption(f"margin is {self.margin}").at(hint="above 0, such as 0.03")
        if not 0.5 <= self.power < 1:
            raise BadOption(f"power is {self.power}").at(hint="from 0.5 to below 1, such as 0.8")
        if self.test not in TESTS:
            raise BadOption(f"no test {self.test!r}").at(hint=f"one of: {', '.join(TESTS)}")
        if self.resamples < 1:
            raise BadOption(f"{self.resamples} resamples").at(hint="1 or more, such as 10000")
