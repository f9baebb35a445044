"""Headings, and the sections that they open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from components.sources.extract import one_line
from components.values import Section

DEEPEST = 6
"""Levels that are told apart: those of HTML and Markdown."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading as it was found."""

    start: int
    """Offset of its first character, or of the line above it that belongs to it."""
    level: int
    """From 1; deeper ones are part of the last shallower one."""
    text: str


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
