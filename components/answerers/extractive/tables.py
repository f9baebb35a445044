"""Rows of figures in text that has lost its lines: a label, then a figure per column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from components.answerers.extractive.periods import is_year

_MONEY = r"[$€£¥₹]"
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_CELL = re.compile(
    rf"(?:{_MONEY}\s?)?\(\s?(?:{_MONEY}\s?)?{_DIGITS}\s?%?\s?\)(?:\s?%)?(?=\s|$)"
    rf"|[-−–]?(?:{_MONEY}\s?)?[-−–]?{_DIGITS}(?:\s?%)?(?=\s|$)"
    r"|[—–-]+(?=\s|$)(?:\s?%)?"
)
_RUN = re.compile(
    rf"(?:(?<=\s)|^)(?:(?:{_CELL.pattern}|{_MONEY}|%|\([a-z\d]\)(?=\s|$))\s*)+$"
)
_LINE = re.compile(r"[^\r\n]+")
_CHANGE = re.compile(r"change|variance|%|increase|decrease|growth", re.IGNORECASE)
_LONGEST = 400
"""Characters of a line that is read as a row; a longer one is prose."""
_ABOVE = 8
"""Lines without figures before a row that may belong to its label."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure or a dash as it is written; `start` is in characters of the passage."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def empty(self) -> bool:
        return not any(each.isdigit() for each in self.text)


@dataclass(slots=True)
class Row:
    """A label's own line may be empty: then the lines above it are the label."""

    label: str
    start: int
    """Of the label's own line, or of the first cell."""
    above: tuple[tuple[int, str], ...]
    """Offset and text of lines without figures before it, nearest first."""
    heads: Heads
    cells: list[Cell] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.cells[-1].end


@dataclass(slots=True)
class Heads:
    """A table's heading: the years in it, and the words around them."""

    years: list[int] = field(default_factory=list)
    words: str = ""
    start: int = 0

    def of(self, cells: int) -> list[int] | None:
        """The year of each of so many cells, 0 for a column without one; None: not known."""
        surplus = cells - len(self.years)
        if not self.years or surplus < 0:
            return None
        if not surplus:
            return self.years
        if surplus <= 2 and _CHANGE.search(self.words):
            return [*self.years, *[0] * surplus]
        return [0, *self.years] if surplus == 1 else None


def rows(text: str) -> list[Row]:
    """The text's rows in order, each with the nearest heading above it."""
    found: list[Row] = []
    above: list[tuple[int, str]] = []
    section: tuple[tuple[int, str], ...] = ()
    heads, heading = Heads(), False
    for start, label, cells in _lines(text):
        if not cells:
            above.append((start, label))
            continue
        if all(is_year(each.text) for each in cells):
            words = " ".join(line for _, line in above[-3:])
            if not heading:
                heads = Heads(start=start)
            heads = Heads(
                [*heads.years, *(int(each.text) for each in cells)],
                f"{heads.words} {words} {label}",
                heads.start,
            )
            above, heading = [], True
            continue
        if not label and not above and found and not heading:
            _continue(found[-1], cells)
            continue
        if above:
            section = tuple(reversed(above[-_ABOVE:]))
            if heading:
                heads.words += " " + " ".join(line for _, line in above)
        found.append(Row(label, start, section, heads, cells))
        section = section if label else ()
        above, heading = [], False
    return found


def _continue(row: Row, cells: list[Cell]) -> None:
    """Figures on a line of their own: more of a row that lacks some, or of no row at all."""
    wanted = len(row.heads.years)
    lacking = len(row.cells) + len(cells) <= wanted if wanted else not row.label
    if lacking:
        row.cells.extend(cells)


def _lines(text: str) -> Iterator[tuple[int, str, list[Cell]]]:
    """Offset, words before the figures and figures of each line with anything in it."""
    for line in _LINE.finditer(text):
        body = line.group().replace("|", " ")
        start = line.start() + len(body) - len(body.lstrip())
        run = _RUN.search(body) if len(body) <= _LONGEST else None
        at = run.start() if run else len(body)
        cells = [
            Cell(each.group(), line.start() + each.start()) for each in _CELL.finditer(body, at)
        ]
        label = body[:at].strip() if any(not each.empty for each in cells) else body.strip()
        if label or cells:
            yield start, label, cells if label != body.strip() or not label else []
