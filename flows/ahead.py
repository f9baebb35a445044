"""What the rest of a phase will take: said before it begins, and as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from components.outlook import FEW, Outlook
from components.phases import Done, Phase, Tell
from flows import wording

T = TypeVar("T")
_LONG = 30.0
"""Seconds: of a shorter rest that costs nothing nobody has to be told."""


def told(phase: Phase[T], say: Callable[[str], None]) -> Phase[T]:
    """The phase, saying now and then what is left of it. One whose lines tell its speed says no
    more.
    """
    if wording.of(phase).when == "under way":
        return phase
    pace = _Pace(phase.total)

    def work(tell: Tell) -> T:
        def show(done: Done) -> None:
            tell(done)
            if ahead := pace.outlook(done):
                say(wording.ahead(phase, ahead))

        if phase.outlook:
            say(wording.ahead(phase, phase.outlook))
        return phase.work(show)

    return replace(phase, work=work)


@dataclass
class _Pace:
    """How fast a phase goes."""

    total: int | None
    _first: Done | None = field(default=None, init=False)
    """What was done when it began."""
    _since: float = field(default=0.0, init=False)
    _next: int = field(default=FEW, init=False)
    """Units to be done before the rest is told of."""

    def outlook(self, done: Done) -> Outlook | None:
        """Of the rest, after the first few units and whenever as many again are done; else None."""
        now = time.monotonic()
        if self._first is None or done.units < self._first.units:
            self._first, self._since, self._next = done, now, FEW
            return None
        made = done.units - self._first.units
        left = (self.total or done.total or 0) - done.units
        if made < self._next or left <= 0:
            return None
        self._next = 2 * made
        ahead = Outlook(
            units=left,
            seconds=(now - self._since) * left / made,
            cost=(done.cost - self._first.cost) * left / made,
            budget=done.budget,
        )
        return ahead if ahead.cost or ahead.seconds >= _LONG else None
