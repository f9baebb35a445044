"""What work that is left will take, as a person is told before it is done."""

from __future__ import annotations

from dataclasses import dataclass

FEW = 5
"""Units that must be done before they tell of the rest."""
_MINUTES, _HOURS = 90, 5400
"""Seconds from which on these are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """About so much, judged by what was done of it."""

    units: int
    """That are left."""
    seconds: float
    cost: float = 0.0
    """In the currency of the prices; 0 where nothing has a price."""
    budget: float | None = None
    """What a limit of money leaves; None: there is none."""

    def __str__(self) -> str:
        """Time, and cost with its limit where there is one."""
        if not self.cost:
            return f"about {_time(self.seconds)}"
        limit = "no limit is set"
        if self.budget is not None:
            only = "only " if self.cost > self.budget else ""
            limit = f"the limit leaves {only}{self.budget:.4f}"
        return f"about {_time(self.seconds)}, cost about {self.cost:.4f} ({limit})"


def _time(seconds: float) -> str:
    if seconds < _MINUTES:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < _HOURS else f"{seconds / 3600:.1f} hours"
