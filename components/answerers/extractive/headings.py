"""Headings of tables: which year, and how long a period, each figure below them is of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from components.answerers.extractive.periods import dated, is_year, months, without_periods

_CHANGE = re.compile(r"change|variance|%|increase|decrease|growth|\bvs\b", re.IGNORECASE)
_VERSUS = re.compile(
    r"(?:FY\s?)?\d{2,4}\s*(?:vs\.?|versus|compared\s+(?:to|with)|over)\s*(?:FY\s?)?\d{2,4}",
    re.IGNORECASE,
)
"""A heading of a change, no year's."""
_NOTE = re.compile(r"\d{1,2}")
_SPAN = re.compile(
    r"\b(?P<quarter>three\s+months|quarters?|Q[1-4])\b|\b(?P<part>(?:six|nine)\s+months)\b"
    r"|\b(?P<year>twelve\s+months|(?:fiscal\s+)?years?|annual|fiscal)\b",
    re.IGNORECASE,
)
_LONGEST = 60
"""Letters of a heading's line, besides its periods."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure or a dash as it is written; `start` is in characters of the passage."""

    text: str
    start: int
    bars: int = 0
    """Of a grid, the bars before it in its line; 0 where there is no grid."""

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def empty(self) -> bool:
        return not any(each.isdigit() for each in self.text)

    @property
    def share(self) -> bool:
        return "%" in self.text

    @property
    def number(self) -> float:
        """Its value as it is written: negative with a minus or in parentheses. 0 of a dash."""
        digits = re.search(r"\d[\d,]*(?:\.\d+)?|\.\d+", self.text)
        value = float(digits[0].replace(",", "")) if digits else 0.0
        return -value if re.search(r"\(|[-−–]", self.text) else value


@dataclass(frozen=True, slots=True)
class Column:
    """What a heading says of a figure below it."""

    year: int
    """0 where it is none's, such as a change or a note."""
    span: str = ""
    """How long the period is: `year`, `quarter`, `part` of a year, or nothing, where not told."""
    month: int = 0
    """When its period ends, in months since the year 0; 0 where it is not told."""
    words: str = ""
    """Other words above it, in a grid."""

    @property
    def share(self) -> bool:
        """Whether its figures are percentages."""
        return bool(re.search(r"%|(?<!except )\bpercent", self.words, re.IGNORECASE))


@dataclass(slots=True)
class Heads:
    """A table's heading: the years in it, and the words around them."""

    years: list[int] = field(default_factory=list)
    bars: list[int] = field(default_factory=list)
    """Of a grid, where each year stands."""
    lines: list[str] = field(default_factory=list)
    """Of a grid, those of its heading."""
    line: str = ""
    """Of a grid, the last of these with years."""
    words: str = ""
    place: tuple[int, int] | None = None
    """Its characters in the passage, from the first year's line to the last's."""

    @property
    def corner(self) -> str:
        """Of a grid, what its heading says of all labels."""
        return " ".join(_fields(each)[1].strip() for each in self.lines if each.count("|") > 1)

    def columns(self, cells: Sequence[Cell]) -> list[Column]:
        """Of each of these cells; empty where the heading does not tell."""
        if cells and cells[0].bars and self.bars and self.bars[0]:
            return [self._at(cell.bars) for cell in cells]
        years = self._aligned(cells)
        told = months(self.words)
        ends = told if [each // 12 for each in told] == self.years else [0] * len(self.years)
        spans = self._spans(len(self.years)) or [""] * len(self.years)
        each = zip(spans, ends, strict=True)
        return [Column(year, *(next(each) if year else ("", 0))) for year in years]

    def _aligned(self, cells: Sequence[Cell]) -> list[int]:
        """A year for each cell: figures of changes come after the years, one of a note before."""
        surplus = len(cells) - len(self.years)
        if not self.years or surplus < 0:
            return []
        if not surplus:
            return self.years
        if surplus <= 2 * len(_CHANGE.findall(self.words)):
            return [*self.years, *[0] * surplus]
        return [0, *self.years] if surplus == 1 and _NOTE.fullmatch(cells[0].text) else []

    def _spans(self, columns: int) -> list[str]:
        """How long each column's period is: spans that are named one after the other have as many
        columns each.
        """
        found = [each.lastgroup or "" for each in _SPAN.finditer(self.words)]
        named = list(dict.fromkeys(found))
        if len(named) > 1 and "year" in named and columns % len(named):
            named.remove("year")  # "fiscal 2021", and the like, of quarters
        if not named or columns % len(named):
            return ["?"] * columns if named else []
        return [each for each in named for _ in range(columns // len(named))]

    def _at(self, bar: int) -> Column:
        """A year counts for the columns after its own, up to the next text of its line."""
        of = [at for at, text in enumerate(_fields(self.line)) if text.strip() and at <= bar]
        first = of[-1] if of else -1
        year = next((y for y, at in zip(self.years, self.bars, strict=True) if at == first), 0)
        over = [fields[bar] for each in self.lines if len(fields := _fields(each)) > bar]
        above = [without_periods(each) for each in over]
        told = " ".join([*above, self.words])
        span = next((each.lastgroup or "" for each in _SPAN.finditer(told)), "")
        return Column(year, span, words=" ".join(" ".join(above).split()))


def _fields(line: str) -> list[str]:
    """What stands before, between and after the bars."""
    return line.split("|")


def headed(line: str, cells: Sequence[Cell]) -> list[tuple[int, int]]:
    """The years that a line of a heading names, with their offsets; empty for any other line."""
    if len(_others(line)) > _LONGEST or any(not is_year(each.text) for each in cells):
        return []
    named = dated(without_changes(line))
    return named if cells or len(named) > 1 else []


def without_changes(line: str) -> str:
    """With blanks for years that are compared, and head no column of their own."""
    return _VERSUS.sub(lambda change: " " * len(change[0]), line)


def _others(line: str) -> str:
    return re.sub(r"[\W\d_]+", "", re.sub(r"\([^()]*\)", "", without_periods(line)))
