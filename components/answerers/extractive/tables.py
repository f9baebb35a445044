"""Rows of figures in text that has lost its lines: a label, then a figure per column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from components.answerers.extractive.headings import (
    Cell,
    Column,
    Heads,
    headed,
    without_changes,
)

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
_RUN = re.compile(rf"(?:{_CELL.pattern})(?:{_GAP.pattern}(?:{_CELL.pattern}))+")
"""Figures side by side: the end of a row, or a heading."""
_LONGEST = 400
"""Characters of a line that is read as a row; a longer one is prose."""
_NEAR = 3
"""Lines above the first years that belong to the heading."""
_ROUNDED = 1.5
"""What a total may be away from its sum, where figures are rounded."""
_ABOVE = 8
"""Lines without figures before a row that may belong to its label."""


@dataclass(slots=True)
class Row:
    """A label's own line may be empty: then the lines above it are the label."""

    label: str
    start: int
    """Of the label's own line, or of the first cell."""
    section: tuple[tuple[int, str], ...]
    """Offset and text of the lines without figures before it, nearest first."""
    heads: Heads
    cells: list[Cell] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.cells[-1].end

    @property
    def columns(self) -> list[Column]:
        """Of each cell; empty where the heading does not tell."""
        return self.heads.columns(self.cells)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line with anything in it; in a grid, with its bars."""

    raw: str
    start: int
    """Of its first character that is no blank or bar."""
    label: str
    """The words before its figures."""
    cells: list[Cell]

    @property
    def text(self) -> str:
        return self.raw.replace("|", " ").strip()

    @property
    def naming(self) -> str:
        """What it says of the rows below it: in a grid, its first column."""
        return self.raw.split("|")[1].strip() if self.raw.startswith("|") else self.text


def rows(text: str) -> list[Row]:
    """The text's rows in order, each with the nearest heading above it."""
    found: list[Row] = []
    above: list[_Line] = []
    section: tuple[tuple[int, str], ...] = ()
    heads, heading = Heads(), False
    for line in _lines(text):
        named = headed(line.raw, line.cells)
        if named:
            before = heads if heading else Heads()
            near = above[-_NEAR:]
            first = before.place[0] if before.place else line.start
            heads = Heads(
                [*before.years, *(year for _, year in named)],
                [*before.bars, *(line.raw[:at].count("|") for at, _ in named)],
                [*before.lines, *(each.raw for each in near), line.raw],
                line.raw,
                " ".join([before.words, *(each.text for each in near), line.text]).strip(),
                (first, line.start + len(line.raw.strip("| \t"))),
            )
            above, heading = [], True
        elif not line.cells:
            above.append(line)
        elif not line.label and not above and found and not heading:
            if not _continue(found[-1], line.cells):
                found += _total(found, line)
        else:
            if above:
                section = tuple(
                    (each.start, each.naming) for each in reversed(above[-_ABOVE:]) if each.naming
                )
            if above and heading:
                heads.words = " ".join([heads.words, *(each.text for each in above)])
                heads.lines += [each.raw for each in above]
            found.append(Row(line.label, line.start, section, heads, line.cells))
            section = section if line.label else ()
            above, heading = [], False
    return found


def _continue(row: Row, cells: list[Cell]) -> bool:
    """Figures on a line of their own: whether they are more of a row that lacks some."""
    wanted = len(row.heads.years)
    lacking = len(row.cells) + len(cells) <= wanted if wanted else not row.label
    if lacking:
        row.cells.extend(cells)
    return lacking


def _total(found: Sequence[Row], line: _Line) -> list[Row]:
    """The row of a line without label, where its figures are the sums of a section's rows."""
    last = found[-1]
    of: list[Row] = []
    for row in reversed(found):
        if row.heads is not last.heads or not row.section or row.section != last.section:
            break
        of.insert(0, row)
    columns = zip(*(row.cells for row in of), strict=False)
    sums = [sum(cell.number for cell in column) for column in columns]
    alike = len(of) > 1 and len(sums) == len(line.cells) == len(last.cells)
    if not alike or any(
        abs(a - b.number) > _ROUNDED for a, b in zip(sums, line.cells, strict=True)
    ):
        return []
    start, name = last.section[0]
    return [Row(f"Total {name.rstrip(':')}", start, (), last.heads, line.cells)]


def _lines(text: str) -> Iterator[_Line]:
    for start, raw in _pieces(text):
        body = raw.replace("|", " ")
        found = _of_grid(raw) if "|" in raw else _cells(raw)
        cells = [
            Cell(cell.group(), start + cell.start(), raw[: cell.start()].count("|"))
            for cell in found
        ]
        label = body[: found[0].start()].rstrip(_SIGNS) if found else body
        first = start + len(body) - len(body.lstrip())
        yield _Line(raw, first, " ".join(label.split()), cells)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text's lines, cut after figures that words follow: several rows may share a line."""
    for each in _LINE.finditer(text):
        line = each.group()
        told = without_changes(line)
        runs = [] if "|" in line else list(_RUN.finditer(told))
        cuts = [run.end() for run in runs if told[run.end() :].strip(_SIGNS + "%")]
        for start, end in pairwise([0, *cuts, len(line)]):
            if line[start:end].replace("|", " ").strip():
                yield each.start() + start, line[start:end]


def _of_grid(line: str) -> list[re.Match[str]]:
    """The figures and dashes that have a column to themselves; the first column is for labels."""
    fields = [each for each in re.finditer(r"(?<=\|)[^|]+", line) if each.group().strip()]
    others = [each for each in fields if line[: each.start()].count("|") > 1]
    found = [each for each in (_CELL.fullmatch(line, *_trimmed(each)) for each in others) if each]
    return found if any(any(map(str.isdigit, each.group())) for each in found) else []


def _trimmed(field: re.Match[str]) -> tuple[int, int]:
    """Where the field's text begins and ends; a currency before it, as in a row, is none of it."""
    text = field.group()
    start = field.start() + len(text) - len(text.lstrip())
    return start, start + len(text.strip())


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
