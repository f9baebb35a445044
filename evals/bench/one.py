"""`python -m evals.bench.one NAME`: one contender, once, in this process; a line of JSON.

`alone` runs that in a process of its own, and tells the peak of its memory besides.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any

import click

from evals import extras
from evals.bench import contenders, texts
from evals.bench.limit import DTYPES, Shapes
from evals.bench.rounds import timed
from evals.command import told

_EVERY = 0.2
"""Seconds between two looks: often enough for a run of seconds, too seldom to slow it."""


@dataclass(frozen=True)
class Alone:
    """What a process of its own gave."""

    peak: int
    """Bytes of resident memory of the process with its children: Python, torch and texts too."""
    seconds: float
    """Of the process's life."""
    result: dict[str, Any]
    """What it printed."""

    def to_json(self) -> dict[str, Any]:
        return {"peak_bytes": self.peak, "process_seconds": self.seconds, **self.result}


def alone(name: str, of: str, documents: int | None) -> Alone:
    """Run this module. Raises MissingExtra, RuntimeError with its last line if it fails."""
    with extras.needed("memory needs", extras.BENCH):
        import psutil
    start = time.perf_counter()
    peak = 0
    command = [sys.executable, "-m", "evals.bench.one", name, "--of", of]
    if documents is not None:
        command += ["--documents", str(documents)]
    with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as complaints:
        with psutil.Popen(command, stdout=printed, stderr=complaints) as process:
            while process.poll() is None:
                peak = max(peak, _resident(process))
                time.sleep(_EVERY)
        printed.seek(0)
        complaints.seek(0)
        if process.returncode:
            last = (complaints.read().strip().splitlines() or [f"ended {process.returncode}"])[-1]
            raise RuntimeError(f"{name} on {of}: {last}")
        result = json.loads(printed.read().splitlines()[-1])
    return Alone(peak, time.perf_counter() - start, result)


def _resident(process: Any) -> int:
    """Of the process and its children."""
    import psutil

    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.Error:  # it ended meanwhile
        pass
    return total


@click.command()
@click.argument("name", type=click.Choice([each.name for each in contenders.ALL]))
@click.option("--of", default="peps", type=click.Choice(list(texts.SHAPES)), show_default=True)
@click.option("--documents", type=click.IntRange(1), help="How many.  [default: all]")
@told()
def main(name: str, of: str, documents: int | None) -> None:
    """Encode a set, or a fixed choice of its documents."""
    (contender,) = contenders.chosen((name,))
    chosen = texts.load(of, documents)
    contender.prepare(chosen.first(contenders.LITTLE))()
    shapes = Shapes.embedded()
    limits = {dtype: shapes.matmul_rate(dtype) for dtype in DTYPES}
    measured = timed(contender.prepare(chosen), chosen.tokens, shapes, limits)
    click.echo(json.dumps({"documents": len(chosen.documents), **measured.to_json()}))


if __name__ == "__main__":
    os.environ["MILLRACE_DEVICE"] = "cpu"
    main()
