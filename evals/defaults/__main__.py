"""`python -m evals.defaults`: every shipped way to search, on many sets, by our own test."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from evals import kept
from evals.compare.request import HOME
from evals.defaults import sets
from evals.defaults.show import show
from evals.defaults.table import SYSTEMS, Wanted, measure, pipelines
from evals.significance.rules import Rules
from evals.told import told

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--sets", "file", type=_FILE, default=sets.SETS, help="A list of data sets.")
@click.option("--only", multiple=True, metavar="SET", help="Of the list; may be repeated.")
@click.option("--systems", type=_FOLDER, default=SYSTEMS, help="A folder of pipelines.")
@click.option("--leave-out", multiple=True, metavar="SYSTEM", help="May be repeated.")
@click.option(
    "--questions",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    help="Of a set, at most; of more, a sample is asked.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the samples.")
@click.option("--margin", type=float, default=Rules.margin, show_default=True)
@click.option(
    "--home", type=_FOLDER, default=HOME, show_default=True, help="Keeps indexes and answers."
)
@click.option("--out", type=_FILE, help="File for the result.  [default: defaults.json in --home]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
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
        show(found, Console(highlight=False, width=None if sys.stdout.isatty() else 180))


if __name__ == "__main__":
    main()
