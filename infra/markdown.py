"""Markdown from texts that nobody has checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"[!-+.:-@\[-`{-~]")
"""ASCII punctuation but for comma, dash and slash, which mean nothing inside a line."""


def plain(text: str, limit: int = 300) -> str:
    """`text` so that it shows as it is, on one line, whatever it holds; cut after `limit`."""
    shown = text if len(text) <= limit else f"{text[:limit]}…"
    one_line = "".join(each if each.isprintable() else repr(each)[1:-1] for each in shown)
    return _SPECIAL.sub(r"\\\g<0>", one_line)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], align: str = "") -> str:
    """A table; cells are Markdown. `align` has an `l` or an `r` per column."""
    sides = [":--" if each == "l" else "--:" for each in align or "l" * len(columns)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (columns, sides, *rows))
