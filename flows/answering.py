"""Progress of answering: a bar for each system's index, answers and judgements, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from components.corpus.write import Committed
from evals.answers.plan import Plan
from evals.answers.run import Watch
from evals.experiment.systems import System
from flows.consoles import new_console, redraws


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
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    questions = len(plan.data.questions)
    with Progress(*columns, console=new_console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def of(name: str, total: int | None) -> TaskID:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            return tasks[name]

        def counter(what: str) -> Callable[[System, int], None]:
            return lambda system, more: bars.advance(of(f"{system.name}, {what}", questions), more)

        def building(system: System, done: Committed) -> None:
            bars.update(of(f"index of {system.name}, documents", None), completed=done.steps)

        yield Watch(building, counter("answers"), counter("judgements"), counter("metrics"))


def _lines(plan: Plan) -> Watch:
    questions = len(plan.data.questions)
    begun: set[str] = set()

    def building(system: System, done: Committed) -> None:
        if system.name not in begun:
            begun.add(system.name)
            click.echo(f"millrace: building the index of {system.name}", err=True)

    def counter(told: str) -> Callable[[System, int], None]:
        counted: dict[str, int] = {}

        def count(system: System, more: int) -> None:
            before = counted.get(system.name, 0)
            counted[system.name] = before + more
            if before + more >= questions > before:
                click.echo(f"millrace: {system.name}: {questions:,} {told}", err=True)

        return count

    return Watch(building, counter("answers"), counter("judgements"), counter("metrics"))
