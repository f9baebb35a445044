"""Spans of time as people write them."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta

import click

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)([mhd])")
_SHORTEST, _LONGEST = timedelta(seconds=10), timedelta(days=3650)


def span(written: str) -> timedelta:
    """Of `90m`, `26h`, `2d`: ten seconds at least, ten years at most. Raises BadParameter."""
    found = _WRITTEN.fullmatch(written.strip())
    made = timedelta()
    if found:
        with suppress(OverflowError):
            made = float(found[1]) * _UNITS[found[2]]
    if not _SHORTEST <= made <= _LONGEST:
        raise click.BadParameter(f"{written!r} is no span of time such as 90m, 26h or 2d")
    return made
