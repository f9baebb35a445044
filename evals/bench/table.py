"""The outcome as tables."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from evals.bench.contenders import ALL, REFERENCE
from evals.bench.estimate import Estimate
from evals.bench.outcome import Outcome

_TITLES = {each.name: each.title for each in ALL}
_NUMBERS = ("tokens/s", "min", "max", f"x {REFERENCE}", "of matmul", "peak MB")


def show_estimate(found: Estimate, left_out: list[str], console: Console) -> None:
    """Seconds by contender, and in all."""
    table = Table(title="estimate, seconds", title_justify="left", box=None, pad_edge=False)
    for column in ("contender", "rounds", "once more, for memory"):
        table.add_column(column, justify="left" if column == "contender" else "right")
    for name, seconds in found.rounds.items():
        table.add_row(_TITLES.get(name, name), f"{seconds:,.0f}", f"{found.memory[name]:,.0f}")
    for name, seconds in found.whole.items():
        table.add_row(f"whole: {name}", f"{seconds:,.0f}", "")
    console.print(table)
    console.print(f"in all {_minutes(found.seconds)}")
    if left_out:
        console.print(f"no time for whole: {', '.join(left_out)} (--whole takes them all the same)")


def show(found: Outcome, console: Console) -> None:
    """A row per contender, then the whole sets, then the machine's own rate."""
    texts = found.texts
    title = f"{texts['origin']}: {texts['documents']:,} documents, {texts['tokens']:,} tokens"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("contender", no_wrap=True)
    table.add_column("does", no_wrap=True)
    table.add_column("type")
    for column in _NUMBERS:
        table.add_column(column, justify="right")
    for each in ALL:
        if each.name in found.rounds:
            table.add_row(each.title, each.does, *_row(found, each.name))
        elif each.name in found.missing:
            table.add_row(each.title, found.missing[each.name])
    console.print(table)
    if found.whole:
        console.print(_whole(found))
    for name, why in found.missing.items():
        if name not in _TITLES:
            console.print(f"{name}: failed: {why}", markup=False)
    for dtype, rates in found.limits.items():
        if rates:
            console.print(f"matmul {dtype}: {statistics.median(rates) / 1e9:,.0f} GFLOP/s")


def _row(found: Outcome, name: str) -> list[str]:
    own = found.rounds[name]
    rates = [each.rate for each in own]
    middle, best = statistics.median(rates), found.rate(REFERENCE)
    alone = found.alone.get(name)
    return [
        _SHORT.get(own[0].dtype, own[0].dtype),
        f"{middle:,.0f}",
        f"{min(rates):,.0f}",
        f"{max(rates):,.0f}",
        f"{middle / best:.2f}" if best else "",
        _share(found.share(name)),
        f"{alone.peak / 1e6:,.0f}" if alone else "",
    ]


_SHORT: Mapping[str, str] = {"bfloat16": "bf16", "float32": "fp32"}


def _whole(found: Outcome) -> Table:
    table = Table(title="whole sets, once", title_justify="left", box=None, pad_edge=False)
    table.add_column("contender, set")
    for column in ("documents", "tokens", "seconds", "tokens/s", "of matmul", "peak MB"):
        table.add_column(column, justify="right")
    for name, each in found.whole.items():
        own = each.result
        table.add_row(
            name,
            *(f"{own[key]:,.0f}" for key in ("documents", "tokens", "seconds")),
            f"{own['tokens_per_second']:,.0f}",
            _share(own["share"]),
            f"{each.peak / 1e6:,.0f}",
        )
    return table


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.2f}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
