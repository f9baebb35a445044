"""What goes wrong in a command of `python -m evals.…`: one line, and the error's exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from components.errors import MillraceError


@contextmanager
def told() -> Iterator[None]:
    """Around a command, also as its decorator."""
    try:
        yield
    except MillraceError as error:
        place = f"{error.where}: " if error.where else ""
        hint = f" ({error.hint})" if error.hint else ""
        click.echo(" ".join(f"{place}{error}{hint}".split()), err=True)
        sys.exit(error.exit_code)
