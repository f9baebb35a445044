"""A long text in portions that can be read by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator


def portions(text: str, least: int, seam: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """Bounds of the portions, in order: each ends with the first seam after `least` characters."""
    start = 0
    while len(text) - start > least:
        cut = seam.search(text, start + least)
        if cut is None:
            break
        yield start, cut.end()
        start = cut.end()
    yield start, len(text)
