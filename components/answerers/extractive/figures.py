"""The row of a table that a question asks for, and its figures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.answerers.extractive.passages import Passage
from components.answerers.extractive.periods import Period, periods, without_periods
from components.answerers.extractive.question import Question
from components.answerers.extractive.scales import scale, scaled
from components.answerers.extractive.tables import Cell, Row, rows
from components.answerers.extractive.words import Stems, Words

_LIGHT = 0.3
"""What a word counts that both a label and a question often leave out."""
_FARTHER = 0.97
"""What a label's score is worth for each line above the row that it needs."""
_SHARE = re.compile(r"%|\bpercent|\bratio\b|\brate\b|\bmargin\b|\baverage\b", re.IGNORECASE)
_BY_ORDER = " by the order of columns"
"""Said where no heading was found."""
_INTERIM = re.compile(r"\b(?:three|six|nine)\s+months|quarter|\bQ[1-4]", re.IGNORECASE)
_WHOLE_YEAR = re.compile(r"\b(?:twelve\s+months|years?|annual|fiscal)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """A row that answers."""

    score: float
    """How well its label is what was asked for, 0 to 1."""
    text: str
    passage: Passage
    places: tuple[tuple[int, int], ...]
    """Characters of the passage that it rests on: the row's, the heading's."""
    concluded: bool
    """Whether it is what was asked for, not only what that can be worked out from."""


def best(asked: Question, read: Sequence[Passage], known: Words, least: float) -> Found | None:
    """The row whose label matches best, at `least` so well; None where none does."""
    found = [each for passage in read for each in _matches(asked, passage, read, known, least)]
    return max(found, key=lambda each: (round(each.score, 2), -each.passage.rank), default=None)


def _matches(
    asked: Question, passage: Passage, read: Sequence[Passage], known: Words, least: float
) -> Iterator[Found]:
    wanted = _wanted(asked, passage, known)
    for row in rows(passage.text):
        score, label, start = _labelled(row, wanted, known)
        if score < least or not label:
            continue
        cells = _cells(asked, row, passage)
        heading = (row.heads.place,) if row.heads.place else ()
        places = ((start, row.end), *heading)
        if not cells or not all(passage.unbroken(*place) for place in places):
            continue
        concluded = not (asked.stems & known.worked_out) - known.stems(label) or asked.yes_no
        if asked.share and concluded and not _SHARE.search(f"{label} {cells[0][1].text}"):
            continue
        text = _told(label, cells, row, passage, read)
        yield Found(score, text, passage, places, concluded)


def _wanted(asked: Question, passage: Passage, known: Words) -> list[Stems]:
    """The words that a label should have, in every way of saying it."""
    named = known.stems(without_periods(passage.title))
    own = asked.stems - known.asking - named
    if asked.yes_no or len(asked.periods) > 1:
        own = own - known.worked_out  # the figures are given, the conclusion is not
    ways = [own]
    for group in known.same:
        said = [each for each in group if each <= asked.stems]
        if said:
            longest = max(said, key=len)
            ways += [(own - longest) | each for each in group if each != longest]
    return [each for each in ways if each]


def _labelled(row: Row, wanted: Sequence[Stems], known: Words) -> tuple[float, str, int]:
    """Score, text and place of the row's label, with as many lines above it as make it best."""
    label, start = row.label, row.start
    options = [(label, start, 1.0)] if label else []
    worth = 1.0
    for at, line in row.above:
        label, start = f"{line} {label}".strip(), at
        options.append((label, start, worth := worth * (_FARTHER if options else 1.0)))
    scored = [(_match(known.stems(text), wanted, known) * w, text, at) for text, at, w in options]
    return max(scored, key=lambda each: each[0], default=(0.0, "", 0))


def _match(label: Stems, wanted: Sequence[Stems], known: Words) -> float:
    """Harmonic mean of how much of what is wanted the label has, and of the label is wanted."""
    scores = [0.0]
    for each in wanted:
        if (each & known.worked_out) - label:
            continue
        both = _weight(label & each, known)
        scores.append(2 * both / max(_weight(label, known) + _weight(each, known), 1e-9))
    return max(scores)


def _weight(stems: Stems, known: Words) -> float:
    return sum(_LIGHT if each in known.light | known.asking else 1.0 for each in stems)


def _cells(asked: Question, row: Row, passage: Passage) -> list[tuple[str, Cell]]:
    """The figures of the periods asked for, each with its heading; empty where one is lacking."""
    years = row.heads.of(len(row.cells))
    if not asked.periods:
        found = [(str(years[0]) if years and years[0] else "", row.cells[0])]
    else:
        order = "" if years or row.heads.years else _BY_ORDER
        years = years or _assumed(row, passage)
        columns = [(each, _column(asked, each, years, row, passage)) for each in asked.periods]
        found = [(f"{period}{order}", cell) for period, cell in columns if cell]
    lacking = len(found) < len(asked.periods) or any(cell.empty for _, cell in found)
    return [] if lacking else found


def _column(
    asked: Question, period: Period, years: Sequence[int], row: Row, passage: Passage
) -> Cell | None:
    """The period's figure; where several are of its year, no share unless one is asked for."""
    of_year = [cell for cell, year in zip(row.cells, years, strict=False) if year == period.year]
    kept = [each for each in of_year if asked.share or "%" not in each.text] or of_year
    interim = bool(_INTERIM.search(row.heads.words))
    if period.quarter:
        sure = period in (*periods(row.heads.words), *_told_periods(passage))
        return kept[0] if kept and interim and sure else None
    if interim and not _WHOLE_YEAR.search(row.heads.words):
        return None
    return kept[-1 if interim else 0] if kept else None


def _assumed(row: Row, passage: Passage) -> list[int]:
    """Years of a table without heading: newest first, from the year that the document is of."""
    if row.heads.years or len(row.cells) < 2:
        return []
    newest = max((each.year for each in _told_periods(passage)), default=0)
    return [newest - at for at in range(len(row.cells))] if newest else []


def _told_periods(passage: Passage) -> list[Period]:
    """Periods in the document's title, id and metadata."""
    chunk = passage.chunks[0]
    told = " ".join(map(str, (chunk.title, chunk.document_id, *chunk.metadata.values())))
    return periods(told.replace("_", " "))


def _told(
    label: str,
    cells: Sequence[tuple[str, Cell]],
    row: Row,
    passage: Passage,
    read: Sequence[Passage],
) -> str:
    name = " ".join(label.split()).rstrip(":")
    unit = scale(passage, cells[0][1].start, read)
    said = []
    for heading, cell in cells:
        figure = " ".join(cell.text.split())
        told = f"{figure} {unit}" if unit and scaled(name, figure) else figure
        said.append(f"{heading}: {told}" if heading else told)
    return f"{name}, {'; '.join(said)}" if cells[0][0] else f"{name}: {'; '.join(said)}"
