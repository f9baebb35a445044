"""`make bench`: how fast documents become vectors, against other libraries in the same run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click
from rich.console import Console

from evals.bench import contenders
from evals.bench.bench import Report, Wanted, measure
from evals.bench.kept import keep
from evals.bench.table import show, show_estimate
from evals.told import told


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
    "--whole/--no-whole",
    default=None,
    help="Whole sets too, ours only, once.  [default: as many as fit into 30 minutes]",
)
@click.option("--no-memory", is_flag=True, help="Leave out the runs that measure memory.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for all readings.  [default: evals/bench/results/TIME.json]",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@told()
def main(
    rounds: int,
    documents: int,
    only: tuple[str, ...],
    whole: bool | None,
    no_memory: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Say how long it will take, measure, print a table and keep every reading."""
    console = Console(highlight=False, stderr=as_json, width=None if sys.stdout.isatty() else 120)
    quiet = Console(highlight=False, stderr=True)
    wanted = Wanted(
        contenders=contenders.chosen(only),
        documents=documents,
        rounds=rounds,
        whole=whole,
        memory=not no_memory,
    )
    report = Report(
        estimated=lambda found, left_out: show_estimate(found, left_out, console),
        line=lambda text: quiet.print(text, markup=False),
    )
    outcome = measure(wanted, report)
    show(outcome, console)
    keep(outcome.to_json(), out, quiet)
    if as_json:
        click.echo(json.dumps(outcome.to_json()))


if __name__ == "__main__":
    os.environ["MILLRACE_DEVICE"] = "cpu"  # for all; the matrix products are measured there
    main()
