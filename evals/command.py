"""What the commands of `python -m evals.…` have in common."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from components.errors import MillraceError, line

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")


@contextmanager
def told() -> Iterator[None]:
    """Around a command, also as its decorator: what goes wrong is one line, and its exit code."""
    try:
        yield
    except MillraceError as error:
        click.echo(line(str(error), error.where, error.hint), err=True)
        sys.exit(error.exit_code)


def console(width: int = 120, *, stderr: bool = False) -> Console:
    """As wide as the terminal, or else as `width`."""
    return Console(highlight=False, stderr=stderr, width=None if sys.stdout.isatty() else width)


def table(title: str, *columns: str, words: int = 1) -> Table:
    """Plain, of columns of numbers but for the first, which are `words`."""
    found = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for at, name in enumerate(columns):
        found.add_column(name, justify="left" if at < words else "right")
    return found
