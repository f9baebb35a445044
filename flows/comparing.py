"""Progress of a comparison: a bar for each index and each system's questions, on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from evals.compare.run import Watch
from flows.consoles import new_console, redraws

if TYPE_CHECKING:
    from evals.compare.steps import Plan

    from components.corpus.write import Committed
    from evals.experiment.systems import System


@contextmanager
def watching(plan: Plan) -> Iterator[Watch]:
    """A watcher that draws bars on a terminal and says a line at each step elsewhere."""
    if redraws():
        with _bars(plan) as watch:
            yield watch
    else:
        yield _lines(plan)


@contextmanager
def _bars(plan: Plan) -> Iterator[Watch]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    questions = len(plan.asked.data.questions)
    with Progress(*columns, console=new_console(stderr=True), transient=True) as bars:
        tasks: dict[str, object] = {}

        def of(name: str, total: int | None) -> object:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            return tasks[name]

        def building(system: System, done: Committed) -> None:
            bars.update(of(f"index of {system.name}, documents", None), completed=done.steps)  # type: ignore[arg-type]

        def asking(system: System, more: int) -> None:
            bars.advance(of(f"{system.name}, questions", questions), more)  # type: ignore[arg-type]

        yield Watch(building, asking)


def _lines(plan: Plan) -> Watch:
    questions = len(plan.asked.data.questions)
    answered: dict[str, int] = {}
    begun: set[str] = set()

    def building(system: System, done: Committed) -> None:
        if system.name not in begun:
            begun.add(system.name)
            click.echo(f"millrace: building the index of {system.name}", err=True)

    def asking(system: System, more: int) -> None:
        before = answered.get(system.name, 0)
        answered[system.name] = before + more
        if before + more >= questions > before:
            click.echo(f"millrace: {system.name} has answered {questions:,} questions", err=True)

    return Watch(building, asking)
