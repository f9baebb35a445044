"""The outcome as tables."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from evals.judging.agreement import Agreement
from evals.judging.judgement import CLASSES
from evals.judging.left_out import errors
from evals.judging.outcome import OVERALL, Outcome, Slices
from evals.metrics import Interval


def show(found: Outcome, console: Console) -> None:
    """People's labels by run, then agreement and confusion on each half."""
    console.print(_runs(found))
    for name, slices in (("tune", found.tune), ("report", found.report)):
        console.print()
        console.print(_agreement(f"{name}: {slices[OVERALL].questions} questions", slices))
        console.print(_confusion(f"{name}: people, then judge", slices[OVERALL]))
    if found.left_out:
        console.print()
        console.print(_left_out(found))
        for line in _told(found):
            console.print(line)


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


def _left_out(found: Outcome) -> Table:
    table = _table(
        "share correct: by the judge, corrected by the labels of the other runs, by people",
        "run",
        "judged",
        "judge",
        "corrected",
        "95 %",
        "people",
        "within",
    )
    for each in found.left_out:
        table.add_row(
            each.run,
            str(each.measured),
            f"{each.raw:.3f}",
            *_cells(each.corrected),
            f"{each.people:.3f}",
            "yes" if each.covers else "no",
        )
    return table


def _told(found: Outcome) -> Iterator[str]:
    far = errors(found.left_out)
    covered = sum(each.covers for each in found.left_out)
    yield f"people's share is within the interval in {covered} of {len(found.left_out)} runs"
    for name in ("raw", "corrected"):
        yield (
            f"{'judge' if name == 'raw' else name}: {far[f'{name}_distance']:.3f} from people on "
            f"average, {far[f'{name}_difference']:+.3f} with the sign"
        )


def _cells(found: Interval) -> tuple[str, str]:
    return f"{found.mean:.3f}", f"{found.low:.3f} to {found.high:.3f}"


def _confusion(title: str, found: Agreement) -> Table:
    table = _table(title, "people", *CLASSES)
    for label, row in zip(CLASSES, found.confusion, strict=True):
        table.add_row(label, *map(str, row))
    return table
