"""reStructuredText's headings: titles underlined, or under- and overlined, by punctuation."""

from __future__ import annotations

import re

from components.sources.extract.headings import Heading

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1+\s*")
_LINE = 1_000
"""Characters of a line that are looked at."""
_SHORTEST = 4
"""Characters of an underline that need not reach the end of its title."""


def headings(text: str) -> list[Heading]:
    """Headings in order. A style of adornment stands for the level at which it first occurs."""
    styles: list[str] = []
    found = []
    start = 0
    past, above, title = "", "", ""
    """The three lines before; `starts` has the offsets of the last two."""
    starts = (0, 0)
    for whole in text.split("\n"):
        line = whole[:_LINE].rstrip()
        if _is_title(past, above, title, line):
            over = above[:1] if above[:2] == line[:2] else ""
            style = over + line[:1]
            if style not in styles:
                styles.append(style)
            found.append(Heading(starts[0] if over else starts[1], styles.index(style) + 1, title))
        past, above, title = above, title, line
        starts = (starts[1], start)
        start += len(whole) + 1
    return found


def _is_title(past: str, above: str, title: str, line: str) -> bool:
    """Whether `line` underlines `title`; the line above may be its overline."""
    if not title or not _ADORNMENT.fullmatch(line) or _ADORNMENT.fullmatch(title):
        return False
    if len(line) < min(len(title), _SHORTEST):
        return False
    return _may_precede(past if above[:2] == line[:2] else above)


def _may_precede(line: str) -> bool:
    """Whether a title may follow: a paragraph's second line is none."""
    return not line or line.startswith("..") or bool(_ADORNMENT.fullmatch(line))
