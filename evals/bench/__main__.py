"""`make bench`: how fast documents become vectors, against other libraries in the same run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
from rich.console import Console

from evals.bench import contenders, results
from evals.bench.bench import MINUTES, measure
from evals.bench.outcome import show
from evals.command import as_json, console, told


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option(
    "--documents", type=click.IntRange(1), default=60, show_default=True, help="How many PEPs."
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([each.name for each in contenders.ALL]),
    help="Measure this one; may be repeated.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0),
    default=MINUTES,
    show_default=True,
    help="For all of it; what would take longer is left out.",
)
@click.option(
    "--whole/--no-whole",
    default=None,
    help="Whole sets too, ours only, once.  [default: those that there is time for]",
)
@click.option("--no-memory", is_flag=True, help="Leave out the runs that measure memory.")
@results.out()
@as_json
@told()
def main(
    rounds: int,
    documents: int,
    only: tuple[str, ...],
    minutes: float,
    whole: bool | None,
    no_memory: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Say how long it will take, measure, print a table and keep every reading."""
    quiet = Console(highlight=False, stderr=True)
    outcome = measure(
        contenders.chosen(only),
        lambda text: quiet.print(text, markup=False),
        documents=documents,
        rounds=rounds,
        whole=whole,
        memory=not no_memory,
        minutes=minutes,
    )
    show(outcome, console(stderr=as_json))
    kept = results.keep(outcome.to_json(), out, quiet)
    if as_json:
        click.echo(json.dumps(kept))


if __name__ == "__main__":
    os.environ["MILLRACE_DEVICE"] = "cpu"  # for all; the matrix products are measured there
    main()
