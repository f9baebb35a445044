"""The benchmark from beginning to end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from evals.bench import machine
from evals.bench.contenders import WHOLE, Contender
from evals.bench.estimate import Estimate, Pace, estimate, fitting, pace
from evals.bench.limit import DTYPES, Shapes
from evals.bench.memory import Alone, alone
from evals.bench.outcome import Outcome
from evals.bench.rounds import Measured, interleaved
from evals.bench.texts import SHAPES, Texts, load

BUDGET = 30 * 60
"""Seconds in all, that whole sets must fit into."""
_GLOSSES = 400
"""Documents of a whole set that its pace is measured on, at most."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for."""

    contenders: Sequence[Contender]
    documents: int = 60
    rounds: int = 3
    whole: bool | None = None
    """Whole sets too; None: as many as there is time for."""
    memory: bool = True


@dataclass(frozen=True)
class Report:
    """What is told on the way."""

    estimated: Callable[[Estimate, list[str]], None]
    line: Callable[[str], None]


def measure(wanted: Wanted, report: Report) -> Outcome:
    """Estimate, tell it, then measure."""
    begun = time.perf_counter()
    texts = load("peps", wanted.documents)
    report.line(f"{texts.origin}: {len(texts.documents)} documents, {texts.tokens:,} tokens")
    paces, missing = _paces(wanted.contenders, texts)
    present = [each for each in wanted.contenders if each.name in paces]
    sized = [] if wanted.whole is False else _sized(present)
    start = alone(present[0].name, "peps", 1).seconds if present and (wanted.memory or sized) else 0
    expected = estimate(paces, texts.characters, wanted.rounds, start, sized)
    if not wanted.memory:
        expected = replace(expected, memory=dict.fromkeys(expected.memory, 0.0))
    left_out: list[str] = []
    if wanted.whole is None:
        expected, left_out = fitting(expected, BUDGET)
    report.estimated(expected, left_out)
    limits, rounds = _rounds(present, texts, wanted.rounds, report)
    beside: dict[str, Alone] = {}
    for each in present if wanted.memory else ():
        _note(beside, missing, report, (each.name, each.name, "peps", wanted.documents))
    whole: dict[str, Alone] = {}
    for name in expected.whole:
        contender, _, of = name.partition(" ")
        _note(whole, missing, report, (name, contender, of, None))
    return Outcome(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine.facts(),
        texts={
            "origin": texts.origin,
            "documents": len(texts.documents),
            "tokens": texts.tokens,
            "characters": texts.characters,
        },
        estimate=expected,
        limits=limits,
        rounds=rounds,
        alone=beside,
        whole=whole,
        left_out=left_out,
        missing=missing,
        seconds=time.perf_counter() - begun,
    )


def _paces(contenders: Sequence[Contender], texts: Texts) -> tuple[dict[str, Pace], dict[str, str]]:
    paces: dict[str, Pace] = {}
    missing: dict[str, str] = {}
    for each in contenders:
        try:
            paces[each.name] = pace(each, texts)
        except ModuleNotFoundError as error:
            missing[each.name] = f"not installed: {error.name}"
    return paces, missing


def _sized(contenders: Sequence[Contender]) -> list[tuple[str, Pace, int]]:
    """Name, pace and characters of each run over a whole set, what matters most first."""
    beginnings = {name: load(name, _GLOSSES) for name in SHAPES}
    found = []
    for wanted in WHOLE:
        for each in contenders:
            if each.name == wanted:
                found += [
                    (f"{each.name} {name}", pace(each, texts), texts.estimated)
                    for name, texts in beginnings.items()
                ]
    return found


def _rounds(
    contenders: Sequence[Contender], texts: Texts, rounds: int, report: Report
) -> tuple[dict[str, list[float]], dict[str, list[Measured]]]:
    shapes = Shapes.of(machine.config())
    limits: dict[str, list[float]] = {dtype: [] for dtype in DTYPES}

    def limit() -> dict[str, float]:
        for dtype, rates in limits.items():
            rates.append(shapes.matmul_rate(dtype))
        return {dtype: rates[-1] for dtype, rates in limits.items()}

    runs = {each.name: each.prepare(texts) for each in contenders}
    found: dict[str, list[Measured]] = {name: [] for name in runs}
    for number, name, measured in interleaved(runs, rounds, texts.tokens, shapes, limit):
        found[name].append(measured)
        report.line(f"round {number + 1}: {name} {measured.seconds:.1f} s")
    return limits, found


def _note(
    found: dict[str, Alone],
    missing: dict[str, str],
    report: Report,
    run: tuple[str, str, str, int | None],
) -> None:
    """Run a contender alone. Where that fails, what was measured before is worth keeping."""
    name, contender, of, documents = run
    try:
        found[name] = alone(contender, of, documents)
    except RuntimeError as error:
        missing[f"alone: {name}"] = str(error)
        report.line(str(error))
        return
    report.line(
        f"alone: {name} {found[name].result['seconds']:.1f} s, {found[name].peak / 1e6:,.0f} MB"
    )
