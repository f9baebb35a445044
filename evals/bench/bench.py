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
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for."""

    contenders: Sequence[Contender]
    documents: int = 60
    rounds: int = 3
    whole: bool | None = None
    """Whole sets too, however long they take; None: those that there is time for."""
    memory: bool = True
    minutes: float = 45
    """For all of it."""


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


def measure(wanted: Wanted, say: Say) -> Outcome:
    """Estimate, tell it, then measure."""
    begun = time.perf_counter()
    texts = load("peps", wanted.documents)
    say(f"{texts.origin}: {len(texts.documents)} documents, {texts.tokens:,} tokens")
    budget, missing = Budget(60 * wanted.minutes), dict[str, str]()
    present = [each for each in wanted.contenders if _fits(each, texts, wanted, budget, missing)]
    sets = _whole(present, wanted, budget)
    say(str(budget))
    limits, rounds = _rounds(present, texts, wanted.rounds, say)

    def by_itself(name: str, contender: str, of: str, documents: int | None) -> dict[str, Alone]:
        """Where it fails, what was measured before is worth keeping."""
        try:
            found = alone(contender, of, documents)
        except RuntimeError as error:
            missing[f"alone: {name}"] = str(error)
            say(str(error))
            return {}
        say(f"alone: {name} {found.result['seconds']:.1f} s, {found.peak / 1e6:,.0f} MB")
        return {name: found}

    beside, whole = dict[str, Alone](), dict[str, Alone]()
    for each in present if wanted.memory else ():
        beside |= by_itself(each.name, each.name, "peps", wanted.documents)
    for contender, of in sets:
        whole |= by_itself(f"{contender} {of}", contender, of, None)
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
        rounds=rounds,
        alone=beside,
        whole=whole,
        left_out=budget.left_out,
        missing=missing,
        seconds=time.perf_counter() - begun,
    )


def _fits(
    contender: Contender, texts: Texts, wanted: Wanted, budget: Budget, missing: dict[str, str]
) -> bool:
    try:
        seconds = expected(contender, texts, texts.characters)
    except ModuleNotFoundError as error:
        missing[contender.name] = f"not installed: {error.name}"
        return False
    alone = _PROCESS + seconds if wanted.memory else 0.0
    return budget.takes(contender.name, wanted.rounds * seconds + alone)


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
    contenders: Sequence[Contender], wanted: Wanted, budget: Budget
) -> list[tuple[str, str]]:
    """Contenders with sets, what matters most first."""
    if wanted.whole is False:
        return []
    if wanted.whole:
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
