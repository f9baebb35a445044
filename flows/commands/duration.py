"""Spans of time as people write them."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta

import click

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)([mhd])")
_SHORTEST, _LONGEST = timedelta(seconds=10), timedelta(days=3650)


class Duration(click.ParamType):
    """`90m`, `26h`, `2d`: ten seconds at least, ten years at most."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """See `click.ParamType`."""
        if isinstance(value, timedelta):
            return value
        found = _WRITTEN.fullmatch(str(value).strip())
        span = timedelta()
        if found:
            with suppress(OverflowError):
                span = float(found[1]) * _UNITS[found[2]]
        if not _SHORTEST <= span <= _LONGEST:
            self.fail(f"{value!r} is no span of time such as 90m, 26h or 2d", param, ctx)
        return span
