"""The outcome as tables."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from evals.judging.agreement import Agreement
from evals.judging.judgement import CLASSES
from evals.judging.outcome import OVERALL, Outcome, Slices
from evals.metrics import Interval


def show(found: Outcome, console: Console) -> None:
    """People's labels by run, then agreement and confusion on each half."""
    console.print(_runs(found))
    for name, slices in (("tune", found.tune), ("report", found.report)):
        console.print()
        console.print(_agreement(f"{name}: {slices[OVERALL].questions} questions", slices))
        console.print(_confusion(f"{name}: people, then judge", slices[OVERALL]))


def _table(title: str, first: str, *numbers: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for each in numbers:
        table.add_column(each, justify="right", no_wrap=True)
    return table


def _runs(found: Outcome) -> Table:
    table = _table("answers by people's labels", "run", *CLASSES, "all")
    for run, counts in found.runs.items():
        table.add_row(run, *map(str, counts.values()), str(sum(counts.values())))
    totals = [sum(counts[each] for counts in found.runs.values()) for each in CLASSES]
    table.add_row("all", *map(str, totals), str(sum(totals)))
    return table


def _agreement(title: str, slices: Slices) -> Table:
    table = _table(title, "slice", "questions", "answers", "accuracy", "95 %", "kappa", "95 %")
    for name, each in slices.items():
        table.add_row(
            name,
            str(each.questions),
            str(each.answers),
            *_cells(each.accuracy),
            *_cells(each.kappa),
        )
    return table


def _cells(found: Interval) -> tuple[str, str]:
    return f"{found.mean:.3f}", f"{found.low:.3f} to {found.high:.3f}"


def _confusion(title: str, found: Agreement) -> Table:
    table = _table(title, "people", *CLASSES)
    for label, row in zip(CLASSES, found.confusion, strict=True):
        table.add_row(label, *map(str, row))
    return table
