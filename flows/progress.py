"""Progress on a terminal, or a line now and then where there is none. Always on stderr."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from components.corpus.write import Committed, Progress
from flows.consoles import new_console, redraws

_EVERY = 10.0
"""Seconds between lines where nobody sees a bar."""


@contextmanager
def watching(total: int) -> Iterator[Progress]:
    """A watcher of a run over `total` documents; 0 where the number is not known yet."""
    if redraws():
        with _bar(total) as show:
            yield show
    else:
        yield _lines(total)


@contextmanager
def _bar(total: int) -> Iterator[Progress]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("encoding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("documents  {task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    start = time.perf_counter()
    with Progress(*columns, console=new_console(stderr=True), transient=True) as bar:
        task = bar.add_task("encoding", total=total or None, rate="")

        def show(done: Committed) -> None:
            rate = done.tokens / max(1e-9, time.perf_counter() - start)
            bar.update(task, completed=done.steps, rate=f"{rate:,.0f} tokens/s")

        yield show


def _lines(total: int) -> Progress:
    start = last = time.monotonic()

    def show(done: Committed) -> None:
        nonlocal last
        if time.monotonic() - last < _EVERY:
            return
        last = time.monotonic()
        of = f" of {total:,}" if total else ""
        rate = done.tokens / (last - start)
        click.echo(
            f"millrace: {done.steps:,}{of} documents, {done.chunks:,} chunks, {rate:,.0f} tokens/s",
            err=True,
        )

    return show
