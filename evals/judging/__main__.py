"""`python -m evals.judging FOLDER`: how far the offline judge agrees with people."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from evals.command import told
from evals.judging.labelled import labelled
from evals.judging.outcome import measure
from evals.judging.table import show


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, no tables.")
@told()
def main(folder: Path, as_json: bool) -> None:
    """Judge FinanceBench's labelled answers in FOLDER and compare with the labels.

    Rules and thresholds were chosen on the half of the questions called tune.
    """
    found = measure(labelled(folder))
    if as_json:
        click.echo(json.dumps(found.to_json()))
        return
    show(found, Console(highlight=False, width=None if sys.stdout.isatty() else 120))


if __name__ == "__main__":
    main()
