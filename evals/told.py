"""What goes wrong in a command of `python -m evals.…`: one line, and the error's exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from components.errors import MillraceError, line


@contextmanager
def told() -> Iterator[None]:
    """Around a command, also as its decorator."""
    try:
        yield
    except MillraceError as error:
        click.echo(line(str(error), error.where, error.hint), err=True)
        sys.exit(error.exit_code)
