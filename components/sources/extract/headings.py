"""Titles and headings, and the sections that headings open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from components.values import Section

DEEPEST = 6
"""Levels that are told apart: those of HTML and Markdown."""
LONGEST_TITLE = 300
"""Characters. A title may stand before every chunk, so a file of one line must not become one."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading as it was found."""

    start: int
    """Offset of its first character, or of the line above it that belongs to it."""
    level: int
    """From 1; deeper ones are part of the last shallower one."""
    text: str


def title(found: str, id: str) -> str:
    """The title found, on one line and not too long; without one, the name in the id."""
    return one_line(found) or PurePosixPath(id).stem


def one_line(found: str) -> str:
    """A title or heading on one line, not too long."""
    return " ".join(found[: 10 * LONGEST_TITLE].split())[:LONGEST_TITLE].rstrip()


def sections(headings: Iterable[Heading]) -> tuple[Section, ...]:
    """The sections that headings, in order of their starts, open; blank headings open none."""
    return tuple(_sections(headings))


def _sections(headings: Iterable[Heading]) -> Iterator[Section]:
    above: list[tuple[int, str]] = []
    for heading in headings:
        level, text = min(heading.level, DEEPEST), one_line(heading.text)
        if not text:
            continue
        while above and above[-1][0] >= level:
            above.pop()
        above.append((level, text))
        yield Section(heading.start, " > ".join(text for _, text in above))
