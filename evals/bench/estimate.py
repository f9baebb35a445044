"""How long it will take, from a short trial of every contender on this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evals.bench.contenders import Contender
from evals.bench.texts import Texts

LITTLE, MORE = 4_000, 32_000
"""Characters of the two trials: the first pays what a run costs however short it is."""


@dataclass(frozen=True)
class Pace:
    """Seconds of a run: some for any run, and some for each character."""

    start: float
    each: float
    ready: float = 0.0
    """Seconds of getting ready, which is not measured, for each character."""

    def seconds(self, characters: int) -> float:
        """Of a run over so much text."""
        return self.start + self.each * characters

    def alone(self, characters: int) -> float:
        """Of a run in a process of its own, besides what any process takes."""
        return self.seconds(characters) + self.ready * characters


@dataclass(frozen=True)
class Estimate:
    """Seconds, by contender."""

    rounds: Mapping[str, float]
    memory: Mapping[str, float]
    whole: Mapping[str, float]
    """By `contender set`."""

    @property
    def seconds(self) -> float:
        """In all, with whole sets."""
        return self.compared + sum(self.whole.values())

    @property
    def compared(self) -> float:
        """Without them."""
        return sum(self.rounds.values()) + sum(self.memory.values())

    def to_json(self) -> dict[str, Any]:
        """Seconds."""
        return {"rounds": self.rounds, "memory": self.memory, "whole": self.whole}


def pace(contender: Contender, texts: Texts) -> Pace:
    """Of a contender on the beginning of these texts. Raises ModuleNotFoundError."""
    little, more = texts.first(LITTLE), texts.first(MORE)
    contender.prepare(little)()  # weights are loaded, kernels are chosen
    _, low = _seconds(contender, little)
    ready, high = _seconds(contender, more)
    ready /= more.characters
    grown = more.characters - little.characters
    if grown <= 0 or high <= low:
        return Pace(0.0, high / more.characters, ready)
    each = (high - low) / grown
    return Pace(max(0.0, low - each * little.characters), each, ready)


def estimate(
    paces: Mapping[str, Pace],
    characters: int,
    rounds: int,
    start: float,
    whole: Sequence[tuple[str, Pace, int]],
) -> Estimate:
    """Of `rounds` over so many characters, and one in a process of its own that takes `start`.

    `whole`: name, pace and characters of each run over a whole set.
    """
    return Estimate(
        rounds={name: rounds * own.seconds(characters) for name, own in paces.items()},
        memory={name: start + own.alone(characters) for name, own in paces.items()},
        whole={name: start + own.alone(size) for name, own, size in whole},
    )


def fitting(of: Estimate, budget: float) -> tuple[Estimate, list[str]]:
    """With the whole sets that fit into so many seconds, first ones first; names of the others."""
    kept: dict[str, float] = {}
    for name, seconds in of.whole.items():
        if of.compared + sum(kept.values()) + seconds <= budget:
            kept[name] = seconds
    return replace(of, whole=kept), [name for name in of.whole if name not in kept]


def _seconds(contender: Contender, texts: Texts) -> tuple[float, float]:
    """Of getting ready, and of a run."""
    begun = time.perf_counter()
    run = contender.prepare(texts)
    ready = time.perf_counter()
    run()
    return ready - begun, time.perf_counter() - ready
