"""`python -m evals.defaults`: every shipped way to search, on many sets, by our own test."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from evals import kept
from evals.command import FILE, FOLDER, console, told
from evals.defaults import sets
from evals.defaults.show import show
from evals.defaults.table import SYSTEMS, Wanted, measure, pipelines
from evals.significance.rules import Rules


@click.command()
@sets.options(questions=500)
@click.option("--systems", type=FOLDER, default=SYSTEMS, help="A folder of pipelines.")
@click.option("--leave-out", multiple=True, metavar="SYSTEM", help="May be repeated.")
@click.option("--margin", type=float, default=Rules.margin, show_default=True)
@click.option("--out", type=FILE, help="File for the result.  [default: defaults.json in --home]")
@told()
def main(
    file: Path,
    only: tuple[str, ...],
    systems: Path,
    leave_out: tuple[str, ...],
    questions: int,
    seed: int,
    margin: float,
    home: Path,
    out: Path | None,
    as_json: bool,
) -> None:
    """Ask every system every set's questions, and say where a candidate loses.

    What is built and answered is kept; a run that was ended goes on from there.
    """
    quiet = Console(highlight=False, stderr=True)
    wanted = Wanted(
        listed=sets.chosen(sets.read(file), only),
        files=pipelines(systems, leave_out),
        home=home,
        questions=questions,
        seed=seed,
        rules=Rules(margin=margin),
    )
    found = measure(wanted, begun=lambda name: quiet.print(name, markup=False))
    kept.write(out or home / "defaults.json", found.to_json())
    if as_json:
        click.echo(json.dumps(found.to_json()))
    else:
        show(found, console(180))


if __name__ == "__main__":
    main()
