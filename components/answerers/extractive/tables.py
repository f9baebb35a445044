"""Rows of figures in text that has lost its lines: a label, then a figure per column."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from components.answerers.extractive.periods import dated, is_year, without_periods

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
_LONGEST = 400
"""Characters of a line that is read as a row; a longer one is prose."""
_NEAR = 3
"""Lines above the first years that belong to the heading."""
_HEADING = 60
"""Letters of a heading's line, besides its periods."""
_ROUNDED = 1.5
"""What a total may be away from its sum, where figures are rounded."""
_ABOVE = 8
"""Lines without figures before a row that may belong to its label."""


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
    words: str = ""
    """Other words above it, in a grid."""

    @property
    def share(self) -> bool:
        """Whether its figures are percentages."""
        return bool(re.search(r"%|\bpercent", self.words, re.IGNORECASE))


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
    section: tuple[tuple[int, str], ...] = ()
    """Offset and text of the lines that head several rows, nearest first."""

    @property
    def end(self) -> int:
        return self.cells[-1].end

    @property
    def columns(self) -> list[Column]:
        """Of each cell; empty where the heading does not tell."""
        return self.heads.columns(self.cells)


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
    def corner(self) -> tuple[tuple[int, str], ...]:
        """Of a grid, what its heading says of all labels."""
        told = " ".join(_fields(each)[1].strip() for each in self.lines if each.count("|") > 1)
        return ((self.place[0], told),) if self.place and told.strip() else ()

    def columns(self, cells: Sequence[Cell]) -> list[Column]:
        """Of each of these cells; empty where the heading does not tell."""
        if cells and cells[0].bars and self.bars and self.bars[0]:
            return [self._at(cell.bars) for cell in cells]
        years = self._aligned(cells)
        spans = self._spans(len(self.years))
        told = iter(spans)
        return [Column(year, next(told, "") if year else "") for year in years]

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
        return Column(year, span, " ".join(" ".join(above).split()))


def _fields(line: str) -> list[str]:
    """What stands before, between and after the bars."""
    return line.split("|")


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
        headed = _headed(line)
        if headed:
            before = heads if heading else Heads()
            near = above[-_NEAR:]
            first = before.place[0] if before.place else line.start
            heads = Heads(
                [*before.years, *(year for _, year in headed)],
                [*before.bars, *(line.raw[:at].count("|") for at, _ in headed)],
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
            corner = heads.corner if line.raw.startswith("|") else ()
            found.append(
                Row(line.label, line.start, (*section, *corner), heads, line.cells, section)
            )
            section = section if line.label else ()
            above, heading = [], False
    return found


def _headed(line: _Line) -> list[tuple[int, int]]:
    """The years that a line of a heading names, with their offsets; empty for any other line."""
    named = dated(_masked(line.raw))
    if len(_others(line.raw)) > _HEADING:
        return []
    bare = [each for each in line.cells if not is_year(each.text)]
    return named if not bare and (line.cells or len(named) > 1) else []


def _others(line: str) -> str:
    return re.sub(r"[\W\d_]+", "", re.sub(r"\([^()]*\)", "", without_periods(line)))


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
        told = _masked(line)
        runs = [] if "|" in line else list(_RUN.finditer(told))
        cuts = [run.end() for run in runs if told[run.end() :].strip(_SIGNS + "%")]
        for start, end in pairwise([0, *cuts, len(line)]):
            if line[start:end].replace("|", " ").strip():
                yield each.start() + start, line[start:end]


def _masked(line: str) -> str:
    """With blanks for years that head no column of their own."""
    return _VERSUS.sub(lambda change: " " * len(change[0]), line)


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
