"""Rows of figures in text that has lost its lines: a label, then a figure per column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from components.answerers.extractive.periods import is_year, without_periods, years

_MONEY = r"[$€£¥₹]"
_SIGNS = "$€£¥₹ \t"
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_CELL = re.compile(
    rf"(?<!\S)(?:{_MONEY}\s?)?\(\s?(?:{_MONEY}\s?)?{_DIGITS}\s?%?\s?\)(?:\s?%)?(?!\S)"
    rf"|(?<!\S)[-−–]?(?:{_MONEY}\s?)?[-−–]?{_DIGITS}(?:\s?%)?(?!\S)"
    r"|(?<!\S)[—–-]+(?:\s?%)?(?!\S)"
)
_GAP = re.compile(rf"(?:\s|%|{_MONEY}|\([a-z\d]\)(?!\S))*")
"""What may stand between two figures of a row, and after the last."""
_LINE = re.compile(r"[^\r\n]+")
_CHANGE = re.compile(r"change|variance|%|increase|decrease|growth", re.IGNORECASE)
_LONGEST = 400
"""Characters of a line that is read as a row; a longer one is prose."""
_HEADING = 60
"""Letters of a heading's line, besides its periods."""
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
    place: tuple[int, int] | None = None
    """Its characters in the passage, from the first year's line to the last's."""

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
    for start, line, label, cells in _lines(text):
        headed = _headed(line, cells)
        if headed:
            told = [heads] if heading else []
            words = [each.words for each in told] + [each for _, each in above[-3:]] + [line]
            first = heads.place[0] if heading and heads.place else start
            heads = Heads(
                [*(heads.years if heading else ()), *headed],
                " ".join(words),
                (first, start + len(line)),
            )
            above, heading = [], True
        elif not cells:
            above.append((start, line))
        elif not label and not above and found and not heading:
            _continue(found[-1], cells)
        else:
            if above:
                section = tuple(reversed(above[-_ABOVE:]))
                heads.words += " ".join(each for _, each in above) if heading else ""
            found.append(Row(label, start, section, heads, cells))
            section = section if label else ()
            above, heading = [], False
    return found


def _headed(line: str, cells: list[Cell]) -> list[int]:
    """The years that a line of a heading names; empty for any other line."""
    named = years(line)
    if named and cells and all(is_year(each.text) for each in cells):
        return named if len(_others(line)) <= _HEADING else []
    return named if len(named) > 1 and not cells and len(_others(line)) <= _HEADING else []


def _others(line: str) -> str:
    return re.sub(r"[\W\d_]+", "", without_periods(line))


def _continue(row: Row, cells: list[Cell]) -> None:
    """Figures on a line of their own: more of a row that lacks some, or of no row at all."""
    wanted = len(row.heads.years)
    lacking = len(row.cells) + len(cells) <= wanted if wanted else not row.label
    if lacking:
        row.cells.extend(cells)


def _lines(text: str) -> Iterator[tuple[int, str, str, list[Cell]]]:
    """Each line with anything in it: its offset, its text, the words before its figures, and these.

    A grid's bars are blanks, and its empty cells nothing.
    """
    for each in _LINE.finditer(text):
        body = each.group().replace("|", " ")
        if body.strip():
            found = _cells(body)
            cells = [Cell(cell.group(), each.start() + cell.start()) for cell in found]
            label = body[: found[0].start()].rstrip(_SIGNS) if found else body
            start = each.start() + len(body) - len(body.lstrip())
            yield start, body.strip(), label.strip(), cells


def _cells(line: str) -> list[re.Match[str]]:
    """The figures that the line ends with; empty where these are none but dashes."""
    found: list[re.Match[str]] = []
    if len(line) > _LONGEST:
        return found
    end = len(line)
    for cell in reversed(list(_CELL.finditer(line))):
        if not _GAP.fullmatch(line, cell.end(), end):
            break
        found.insert(0, cell)
        end = cell.start()
    return found if any(any(map(str.isdigit, each.group())) for each in found) else []
