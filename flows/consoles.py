"""Consoles for tables and bars, whatever the terminal and the environment say of themselves."""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_SIZE = re.compile(r"0*[1-9][0-9]{0,4}")
_NARROWEST = 20
"""Columns: in fewer no table can be read."""
_DUMB = ("dumb", "unknown")


def new_console(*, stderr: bool = False, piped: int | None = None) -> Console:
    """A console on a standard stream. `piped`: its columns where that is no terminal."""
    from rich.console import Console

    width = height = None
    if not (_is_size("COLUMNS") and _is_size("LINES")):
        width, height = shutil.get_terminal_size()
    if piped and not (sys.stderr if stderr else sys.stdout).isatty():
        width = piped
    made = Console(highlight=False, stderr=stderr, width=width, height=height)
    if made.width < _NARROWEST:
        made.width = _NARROWEST
    return made


def redraws() -> bool:
    """Whether stderr is a terminal that can draw a line anew."""
    return sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in _DUMB


def _is_size(variable: str) -> bool:
    """Whether rich, which takes any digits for a size, finds one there, or nothing."""
    said = os.environ.get(variable)
    return said is None or _SIZE.fullmatch(said) is not None
