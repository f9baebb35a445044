"""The table on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from rich.console import Console
from rich.table import Table as Grid

from evals.command import table as grid
from evals.defaults.table import BEHIND, METRIC, Row, Table
from evals.significance.comparison import Comparison


def show(table: Table, console: Console) -> None:
    """Means by set, then each candidate's differences from the others, then what is behind."""
    console.print(_means(table))
    for candidate in table.candidates:
        console.print()
        console.print(_differences(table, candidate))
        behind = table.behind(candidate)
        console.print(f"{candidate}: {_counted(len(behind))} more than {BEHIND:g} behind the best")
        for name, each in behind.items():
            console.print(f"  {name}: {each.a} is ahead, {_told(each)}", markup=False)
    for row in table.rows:
        for name, reason in row.left_out.items():
            console.print(f"{row.name}: {name} is left out: {reason}", markup=False)
        for name, count in row.failed.items():
            console.print(
                f"{row.name}: documents that {name} could not use: {count:,}", markup=False
            )
    for name, reason in table.failed.items():
        console.print(f"{name} is left out: {reason}", markup=False)


def _means(table: Table) -> Grid:
    found = grid(METRIC, "set", "unit", "questions", *table.systems)
    for row in table.rows:
        best = max(row.means.values())
        cells = [_mean(row.means.get(each), best) for each in table.systems]
        found.add_row(row.name, row.unit, _questions(row), *cells)
    shared = table.whole(table.systems)
    for rows in (table.rows, shared if len(shared) < len(table.rows) else []):
        if rows:
            means = [table.mean(each, rows) for each in table.systems]
            best = max((each for each in means if each is not None), default=0.0)
            cells = [_mean(each, best) for each in means]
            found.add_row(f"mean of {_counted(len(rows))}", "", "", *cells)
    return found


def _differences(table: Table, candidate: str) -> Grid:
    others = [each for each in table.systems if each not in table.candidates]
    title = f"{candidate} minus each, interval, verdict at a margin of {table.rules.margin:g}"
    found = grid(title, "set", *others)
    for row in table.rows:
        own = {each.a: each for each in row.of(candidate)}
        cells = [_cell(own[each]) if each in own else "" for each in others]
        found.add_row(row.name, *cells)
    measured = [row for row in table.rows if candidate in row.means]
    found.add_row("mean", *(_gain(table, candidate, each, measured) for each in others))
    return found


def _gain(table: Table, candidate: str, other: str, rows: Sequence[Row]) -> str:
    """Over the sets that both were measured on; how many these are, where it is not all."""
    shared = [row for row in rows if other in row.means]
    if not shared:
        return ""
    gain = fmean(row.means[candidate] - row.means[other] for row in shared)
    return f"{gain:+.3f}" + (f"\n{_counted(len(shared))}" if len(shared) < len(rows) else "")


def _questions(row: Row) -> str:
    sampled = row.questions < row.sampled_from
    return f"{row.questions:,} of {row.sampled_from:,}" if sampled else f"{row.questions:,}"


def _mean(value: float | None, best: float) -> str:
    if value is None:
        return ""
    return f"[bold]{value:.3f}[/bold]" if value >= best else f"{value:.3f}"


def _cell(found: Comparison) -> str:
    difference, interval, word = _parts(found)
    return f"{difference} {word}\n{interval}"


def _told(found: Comparison) -> str:
    difference, interval, word = _parts(found)
    return f"{difference} ({interval}), {word}"


def _parts(found: Comparison) -> tuple[str, str, str]:
    interval = f"{found.ci_low:+.3f} to {found.ci_high:+.3f}"
    return f"{found.difference:+.3f}", interval, found.verdict.replace("_", " ")


def _counted(sets: int) -> str:
    return "1 set" if sets == 1 else f"{sets} sets"
