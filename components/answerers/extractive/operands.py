"""The row of a table that has the figures of an item, period by period."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from components.answerers.extractive.headings import Cell, Column
from components.answerers.extractive.labels import FARTHER, Way, alike, outflow, ways
from components.answerers.extractive.passages import Passage
from components.answerers.extractive.periods import Period, periods, without_periods
from components.answerers.extractive.scales import SCALES, scale, scaled
from components.answerers.extractive.tables import Row, rows
from components.answerers.extractive.words import Stems, Words

_STATEMENT = re.compile(
    r"^\W*(?:\w+\W+){0,3}consolidated (?:statements?|balance sheets?)", re.IGNORECASE | re.MULTILINE
)
"""The title of one of a company's statements."""
_CHANGES = re.compile(r"\bchanges? in\b", re.IGNORECASE)
_WHOLE = re.compile(r"\W*(?:net|total|cash)\b", re.IGNORECASE)
_ABOUT = 20
"""Steps of a label's score that count, before it matters whose table it is."""
_NEAR = 0.1
"""What a label may be worse than the best one: beyond that it is another thing."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A cell, as an operand."""

    label: str
    period: Period | None
    text: str
    """As the table has it."""
    number: float
    """As it is written, but that what goes out has no sign."""
    scale: str
    """`thousands`, `millions`, `billions` or nothing."""
    share: bool
    """Whether it is a percentage."""
    passage: Passage
    places: tuple[tuple[int, int], ...]
    """Characters of the passage that it rests on: the row's, the heading's."""

    @property
    def value(self) -> float:
        """The number by its scale."""
        return self.number * SCALES[self.scale]


@dataclass(frozen=True, slots=True)
class _Match:
    """A row that may be the one."""

    row: Row
    label: str
    start: int
    """Of the label's first line."""
    score: float
    passage: Passage


class Tables:
    """The tables of some passages of one document, best first; `read` are all of its passages."""

    def __init__(
        self, given: Sequence[Passage], read: Sequence[Passage], known: Words, least: float
    ) -> None:
        self._given = given
        self._read = read
        self._known = known
        self._least = least

    @cached_property
    def _rows(self) -> list[tuple[Passage, Row]]:
        return [(passage, row) for passage in self._given for row in rows(passage.text)]

    @cached_property
    def named(self) -> Stems:
        """Words of the document's title: they say whose figures these are, not which."""
        return self._known.stems(without_periods(self._read[0].title))

    def find(
        self, name: str, wanted: Sequence[Period], *, share: bool = False
    ) -> dict[Period | None, Figure]:
        """The figures of a row that the name fits, one for each period; empty where there is none
        that has them all. Without any period the newest one. `share`: percentages, and no amounts.
        """
        for match in self._matches(name):
            found = self._figures(match, wanted, share=share)
            if found:
                return found
        return {}

    def years(self, name: str) -> list[Period]:
        """Those of the row that the name fits, ascending."""
        for match in self._matches(name):
            told = {each.year for each in match.row.columns if each.year}
            if told:
                return [Period(each) for each in sorted(told)]
        return []

    def _matches(self, name: str) -> list[_Match]:
        """Best first."""
        wanted = ways(name, self._known, self.named)
        found = []
        for passage, row in self._rows:
            if _of_change(row) and not _CHANGES.search(name):
                continue
            score, label, start = self._labelled(row, wanted)
            if score >= self._least and label:
                found.append(_Match(row, label, start, score, passage))
        best = max((each.score for each in found), default=0.0)
        near = [each for each in found if each.score >= best - _NEAR]
        return sorted(near, key=_preferred)

    def _labelled(self, row: Row, wanted: Sequence[Way]) -> tuple[float, str, int]:
        """Score, text and place of the label, with as many lines above it as make it best, and what
        the table says of all rows or of the column.
        """
        known, label, start = self._known, row.label, row.start
        options = [(label, start)] if label else []
        for at, line in row.section:
            label, start = f"{line} {label}".strip(), at
            options.append((label, start))
        worths = [FARTHER ** (at if row.label else 0) for at in range(len(options))]
        scored = [
            (worth * alike(text, wanted, known, self.named), text, at)
            for worth, (text, at) in zip(worths, options, strict=True)
        ]
        beside = {row.heads.corner, *(each.words for each in row.columns if each.year)} - {""}
        for other in beside if row.label else ():
            score = FARTHER * alike(f"{other} {row.label}", wanted, known, self.named)
            scored.append((score, row.label, row.start))
        return max(scored, key=lambda each: each[0], default=(0.0, "", 0))

    def _figures(
        self, match: _Match, wanted: Sequence[Period], *, share: bool
    ) -> dict[Period | None, Figure]:
        row, columns = match.row, match.row.columns
        periods = wanted or self._newest(row, columns)
        found: dict[Period | None, Figure] = {}
        for period in periods:
            cell = self._cell(match, columns, period, share=share)
            if cell is None or cell.empty or cell.share < share:
                return {}
            heading = (row.heads.place,) if row.heads.place and period else ()
            places = ((match.start, row.end), *heading)
            if not all(match.passage.unbroken(*place) for place in places):
                return {}
            found[period] = self._figure(match, cell, period, places)
        return found

    def _newest(self, row: Row, columns: Sequence[Column]) -> Sequence[Period | None]:
        """Where no period is asked for: the last one, or the only figure that there is."""
        years = [each.year for each in columns if each.year]
        if years:
            return [Period(max(years))]
        return [None] if len(row.cells) == 1 else []

    def _cell(
        self, match: _Match, columns: Sequence[Column], period: Period | None, *, share: bool
    ) -> Cell | None:
        """The period's figure; None where none or several could be it."""
        if period is None:
            return match.row.cells[0]
        told = _told(match.passage)
        pairs = [*zip(match.row.cells, columns, strict=False)]
        of = [each for each in pairs if _ends(each[1], period, columns, told)]
        sure = not period.quarter or period in (*periods(match.row.heads.words), *told)
        kept = [each for each in of if (each[0].share or each[1].share) == share] or of
        return kept[0][0] if sure and len(kept) == 1 else None

    def _figure(
        self, match: _Match, cell: Cell, period: Period | None, places: Sequence[tuple[int, int]]
    ) -> Figure:
        label = re.sub(r"\s*:\s+", ", ", " ".join(match.label.split()).rstrip(":"))
        unit = scale(match.passage, cell.start, self._read)
        out = outflow(match.row.label or label, self._known)
        return Figure(
            label=label,
            period=period,
            text=" ".join(cell.text.split()),
            number=abs(cell.number) if out and cell.number < 0 else cell.number,
            scale=unit if scaled(label, cell.text) else "",
            share=cell.share,
            passage=match.passage,
            places=tuple(places),
        )


def _of_change(row: Row) -> bool:
    """Whether its section has changes of what its label names, as cash flow statements do."""
    headed = any(_CHANGES.search(line) for _, line in row.section[:2])  # which may be one, wrapped
    return headed and not _WHOLE.match(row.label)


def _preferred(match: _Match) -> tuple[int, bool, float, int]:
    """Of labels that fit about as well, those of the statements come before what repeats their
    lines or has those of a part of the company.
    """
    about = -round(match.score * _ABOUT)
    stated = bool(_STATEMENT.search(match.passage.text))
    return about, not stated, -round(match.score, 2), match.passage.rank


def _ends(
    column: Column, period: Period, columns: Sequence[Column], told: Sequence[Period]
) -> bool:
    """Whether a column is the period's. In a quarter's report the last column is of that quarter,
    which tells what the others are of, whenever the company's year ends.
    """
    newest = max(each.month for each in columns)
    own = next((each for each in told if each.quarter), None)
    if own and newest and column.month and column.span in ("", "quarter"):
        quarter = own.earlier(newest - column.month)
        year = Period(quarter.year) if quarter.quarter == 4 and not column.span else None
        return period in (quarter, year)
    spans = ("quarter",) if period.quarter else ("", "year")
    return column.year == period.year and column.span in spans


def statements_first(read: Sequence[Passage]) -> list[Passage]:
    """The passages, those of a company's statements before the others."""
    return sorted(read, key=lambda each: not _STATEMENT.search(each.text))


def documents(
    read: Sequence[Passage], known: Words, asked: Stems, wanted: Sequence[Period]
) -> list[Sequence[Passage]]:
    """The passages of each document that the question may be about: those whose titles share most
    words with it, first those of the last period that is wanted, then by their best hits.
    """
    groups: dict[str, list[Passage]] = {}
    for each in read:
        groups.setdefault(each.document_id, []).append(each)
    named = {
        id: len(known.stems(without_periods(group[0].title)) & asked)
        for id, group in groups.items()
    }
    most = max(named.values(), default=0)
    given = [group for id, group in groups.items() if named[id] == most]
    return sorted(given, key=lambda group: not (wanted and _of(group[0], wanted[-1])))


def _of(passage: Passage, period: Period) -> bool:
    """Whether the document is of the period: one of a quarter is of no year."""
    told = _told(passage)
    return period in told and (period.quarter is not None or not any(each.quarter for each in told))


def _told(passage: Passage) -> list[Period]:
    """Periods in the document's title, id and metadata."""
    chunk = passage.chunks[0]
    told: Mapping[str, object] = chunk.metadata
    return periods(
        " ".join(map(str, (chunk.title, chunk.document_id, *told.values()))).replace("_", " ")
    )
