"""Long work in phases, each of which an orchestrator may run as a task of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from components.outlook import Outlook

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, kw_only=True)
class Done:
    """How far a phase is."""

    units: int
    """Of the phase's `counts`; those that were done before it began may be among them."""
    chunks: int = 0
    tokens: int = 0
    """Encoded meanwhile, where that is what takes the time."""
    total: int | None = None
    """Units in all, where the work alone knows."""
    cost: float = 0.0
    """Of what was paid for since it began."""
    budget: float | None = None
    """What a limit of money leaves; None: there is none."""


Tell = Callable[[Done], None]


@dataclass(frozen=True, kw_only=True)
class Phase(Generic[T_co]):
    """Some work, safe to do again: what was done of it before is not done twice."""

    name: str
    """Such as survey, write, build, ask, judge."""
    work: Callable[[Tell], T_co]
    """Does it, and tells how far it is."""
    of: str = ""
    """What it is done to, such as a system's name; empty: all there is."""
    counts: str = ""
    """What its units are, such as documents or questions; empty: it has none."""
    total: int | None = None
    """Units in all; None: not known."""
    outlook: Outlook | None = None
    """What it will take, where earlier work tells."""


class Runner(Protocol):
    """Has phases done, where and however it likes, and gives back what comes of them."""

    def __call__(self, phase: Phase[T], /) -> T: ...


def within(tell: Tell) -> Runner:
    """Does phases here and now, and tells how far they are: those of a phase that is under way."""

    def by(phase: Phase[T], /) -> T:
        return phase.work(lambda done: tell(replace(done, total=phase.total)))

    return by


plainly = within(lambda done: None)
"""Tells nobody."""
