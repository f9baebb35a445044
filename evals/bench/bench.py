"""The benchmark from beginning to end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from evals.bench.contenders import LITTLE, WHOLE, Contender
from evals.bench.limit import DTYPES, Shapes
from evals.bench.one import Alone, alone
from evals.bench.outcome import Outcome
from evals.bench.rounds import Measured, interleaved
from evals.bench.texts import SHAPES, Texts, load

_MORE = 32_000
"""Characters of a trial, from which the time of all is expected."""
_GLOSSES = 400
"""Documents of a whole set that its pace is measured on, at most."""
_PROCESS = 10.0
"""Seconds of a process before it begins: Python, torch, weights, the rate of matrix products."""
MINUTES = 45.0
"""For all of it."""
Say = Callable[[str], None]


@dataclass
class Budget:
    """Seconds for everything. What would pass them is left out, and named."""

    left: float
    taken: dict[str, float] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def takes(self, name: str, seconds: float) -> bool:
        """Whether there is time for it."""
        if seconds > self.left:
            self.left_out.append(name)
            return False
        self.left -= seconds
        self.taken[name] = seconds
        return True

    def __str__(self) -> str:
        each = ", ".join(f"{name} {seconds:,.0f}" for name, seconds in self.taken.items())
        left_out = f"; no time for {', '.join(self.left_out)}" if self.left_out else ""
        return f"estimate: {sum(self.taken.values()):,.0f} s ({each}){left_out}"


def measure(
    contenders: Sequence[Contender],
    say: Say,
    *,
    documents: int = 60,
    rounds: int = 3,
    whole: bool | None = None,
    memory: bool = True,
    minutes: float = MINUTES,
) -> Outcome:
    """Estimate, tell it, then measure, all in so many minutes. `whole`: whole sets too, however
    long they take; None: those that there is time for. `memory`: each once more, for its memory.
    """
    begun = time.perf_counter()
    texts = load("peps", documents)
    say(f"{texts.origin}: {len(texts.documents)} documents, {texts.tokens:,} tokens")
    budget, missing, present = Budget(60 * minutes), dict[str, str](), list[Contender]()
    for each in contenders:
        try:
            seconds = expected(each, texts, texts.characters)
        except ModuleNotFoundError as error:
            missing[each.name] = f"not installed: {error.name}"
            continue
        by_itself = _PROCESS + seconds if memory else 0.0
        if budget.takes(each.name, rounds * seconds + by_itself):
            present.append(each)
    sets = [] if whole is False else _whole(present, budget, always=bool(whole))
    say(str(budget))
    limits, found = _rounds(present, texts, rounds, say)

    def in_process(name: str, contender: str, of: str, count: int | None) -> dict[str, Alone]:
        """Where it fails, what was measured before is worth keeping."""
        try:
            ran = alone(contender, of, count)
        except RuntimeError as error:
            missing[f"alone: {name}"] = str(error)
            say(str(error))
            return {}
        say(f"alone: {name} {ran.result['seconds']:.1f} s, {ran.peak / 1e6:,.0f} MB")
        return {name: ran}

    beside, wholes = dict[str, Alone](), dict[str, Alone]()
    for each in present if memory else ():
        beside |= in_process(each.name, each.name, "peps", documents)
    for contender, of in sets:
        wholes |= in_process(f"{contender} {of}", contender, of, None)
    return Outcome(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        texts={
            "origin": texts.origin,
            "documents": len(texts.documents),
            "tokens": texts.tokens,
            "characters": texts.characters,
        },
        estimate=budget.taken,
        limits=limits,
        rounds=found,
        alone=beside,
        whole=wholes,
        left_out=budget.left_out,
        missing=missing,
        seconds=time.perf_counter() - begun,
    )


def expected(contender: Contender, texts: Texts, characters: int) -> float:
    """Seconds of getting ready and of a run over so much text, as a part lets expect. Raises
    ModuleNotFoundError.
    """
    contender.prepare(texts.first(LITTLE))()
    part = texts.first(_MORE)
    begun = time.perf_counter()
    contender.prepare(part)()
    return (time.perf_counter() - begun) * characters / part.characters


def _whole(
    contenders: Sequence[Contender], budget: Budget, *, always: bool
) -> list[tuple[str, str]]:
    """Contenders with sets, what matters most first."""
    if always:
        budget.left = math.inf
    own = {each.name: each for each in contenders}
    beginnings = {of: load(of, _GLOSSES) for of in SHAPES} if {*own} & {*WHOLE} else {}
    return [
        (name, of)
        for name in WHOLE
        if name in own
        for of, texts in beginnings.items()
        if budget.takes(f"{name} {of}", _PROCESS + expected(own[name], texts, texts.estimated))
    ]


def _rounds(
    contenders: Sequence[Contender], texts: Texts, rounds: int, say: Say
) -> tuple[dict[str, list[float]], dict[str, list[Measured]]]:
    shapes = Shapes.embedded()
    limits: dict[str, list[float]] = {dtype: [] for dtype in DTYPES}

    def limit() -> dict[str, float]:
        for dtype, rates in limits.items():
            rates.append(shapes.matmul_rate(dtype))
        return {dtype: rates[-1] for dtype, rates in limits.items()}

    runs = {each.name: each.prepare(texts) for each in contenders}
    found: dict[str, list[Measured]] = {name: [] for name in runs}
    for number, name, measured in interleaved(runs, rounds, texts.tokens, shapes, limit):
        found[name].append(measured)
        say(f"round {number + 1}: {name} {measured.seconds:.1f} s")
    return limits, found
