"""Progress of phases on a terminal, or lines now and then where there is none. Always on stderr."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import click

from components.phases import Done, Phase, Runner
from flows import ahead, wording
from flows.consoles import new_console, redraws

T = TypeVar("T")
_EVERY = 10.0
"""Seconds between lines where nobody sees a bar."""


@contextmanager
def showing(*, rates: bool = False) -> Iterator[Runner]:
    """A runner that draws a bar for each phase that counts something, or says lines. `rates`: the
    bar has room for tokens a second.
    """
    if redraws():
        with _bars(rates=rates) as by:
            yield by
    else:
        yield _lines


@contextmanager
def _bars(*, rates: bool) -> Iterator[Runner]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    if rates:
        columns.append(TextColumn("documents  {task.fields[rate]}"))
    columns.append(TimeRemainingColumn())
    with Progress(*columns, console=new_console(stderr=True), transient=True) as bars:

        def say(line: str) -> None:
            bars.console.print(f"millrace: {line}", markup=False, soft_wrap=True)

        def by(phase: Phase[T], /) -> T:
            if not phase.counts:
                return phase.work(lambda _: None)
            bar = bars.add_task(wording.of(phase).bar, total=phase.total or None, rate="")
            start = time.perf_counter()

            def show(done: Done) -> None:
                rate = done.tokens / max(1e-9, time.perf_counter() - start)
                total = phase.total or done.total
                bars.update(bar, completed=done.units, total=total, rate=f"{rate:,.0f} tokens/s")

            return ahead.told(phase, say).work(show)

        yield by


def _lines(phase: Phase[T], /) -> T:
    start = time.monotonic()
    last, told = start, False

    def tell(done: Done) -> None:
        nonlocal last, told
        now = time.monotonic()
        words = wording.of(phase, done, now - start)
        due = {
            "begun": not told,
            "done": not told and done.units >= (phase.total or 0),
            "under way": now - last >= _EVERY,
        }
        if due[words.when]:
            _say(words.line)
            last, told = now, True

    return ahead.told(phase, _say).work(tell)


def _say(line: str) -> None:
    click.echo(f"millrace: {line}", err=True)
