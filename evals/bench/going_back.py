"""How long going back takes: `python -m evals.bench.going_back`.

An index of generated text and what a refresh has made of it, with a document of another text. Then
back and forth between the two, in this process and by the command.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import click
from rich.table import Table

from components import spec
from components.corpus import releases, run
from components.corpus.request import Job, Request, new_run_id
from evals.bench import generated, results
from evals.bench.generated import document
from evals.command import console, table, told

_SENTENCES = 20
IN_PROCESS, COMMAND = "releases.rollback()", "millrace rollback"


@dataclass(frozen=True)
class Reading:
    """One time back, or forth."""

    way: str
    seconds: float


def build(home: Path, chunks: int, overrides: Sequence[str]) -> Path:
    """A pipeline file whose corpus of about so many chunks has two releases."""
    file = generated.pipeline(home, "going-back")
    for revision in range(2):
        first = document(0, _SENTENCES, revision)
        others = (document(number, _SENTENCES) for number in range(1, chunks // _SENTENCES))
        generated.write(home / "corpus.jsonl", chain([first], others))
        request = Request(pipeline=str(file), overrides=tuple(overrides), run_id=new_run_id())
        run.run(Job(request))
    return file


def measure(file: Path, overrides: Sequence[str], rounds: int) -> list[Reading]:
    """Back and forth, so many times in each way."""
    found = []
    for number in range(2 * rounds):
        to = str(1 + number % 2)
        start = time.perf_counter()
        releases.rollback(spec.load(file, overrides), by="bench", to=to)
        found.append(Reading(IN_PROCESS, time.perf_counter() - start))
    chosen = list(chain.from_iterable(("--set", each) for each in overrides))
    for number in range(2 * rounds):
        asked = ["rollback", str(file), str(1 + number % 2), *chosen]
        start = time.perf_counter()
        subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "flows.cli", *asked], check=True, capture_output=True
        )
        found.append(Reading(COMMAND, time.perf_counter() - start))
    return found


@click.command()
@click.option("--chunks", type=click.IntRange(40), default=100_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--set", "overrides", multiple=True, help="stage.option=value, of the store.")
@results.out("going-back-")
@told()
def main(chunks: int, rounds: int, overrides: tuple[str, ...], out: Path | None) -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as home:
        readings = measure(build(Path(home), chunks, overrides), overrides, rounds)
    found = {
        "asked": {"chunks": chunks, "rounds": rounds, "set": overrides},
        "readings": [asdict(each) for each in readings],
    }
    console().print(_table(readings, f"back and forth between two releases of {chunks:,} chunks"))
    results.keep(found, out, console(), "going-back-")


def _table(readings: Sequence[Reading], title: str) -> Table:
    found = table(title, "way", "times", "median s", "most s")
    for way in (IN_PROCESS, COMMAND):
        spent = sorted(each.seconds for each in readings if each.way == way)
        found.add_row(way, str(len(spent)), f"{spent[len(spent) // 2]:.3f}", f"{spent[-1]:.3f}")
    return found


if __name__ == "__main__":
    main()
