"""Judgements in the forms that are in use: BEIR's, TREC's, JSON lines; packed by gzip or not.

query-id  corpus-id  score           parted by tabs, with or without these names above
query 0 document grade               TREC's qrels, parted by blanks or tabs
{"query-id": "q", "corpus-id": "d", "score": 1}
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from components.errors import SourceMissing
from components.sources import fields, gzipped
from evals.datasets.judged import BadData, Judgements
from evals.datasets.lines import lines

_SMALLEST, _LARGEST = 1e-9, 1_000_000
"""Of grades in a file, whatever their sign."""
_FINEST = 100_000
"""The largest of multiplied fractions: metrics are computed with a count for each grade up to
it.
"""
FOLDER = "qrels"
_ALONE = "test"
"""The split of a file of judgements that is not in a folder of them."""
_SUFFIXES = (".tsv", ".txt", ".qrels", ".trec", ".jsonl")
"""Of files of judgements; the first that a split has counts."""
_NAMES: Mapping[str, Sequence[str]] = {
    "question": ("queryid", "qid", "questionid", "topicid", "query", "question", "topic"),
    "document": ("corpusid", "docid", "docno", "documentid", "doc", "document", "did", "pid"),
    "grade": ("score", "relevance", "rel", "grade", "label", "judgement", "judgment"),
}
"""What columns are called, in small letters and without what parts words."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_FORMS = (
    "question, document and grade parted by tabs, the four columns of TREC, "
    "or objects with query-id, corpus-id and score"
)


class _Columns(NamedTuple):
    """Where each stands, from 0."""

    question: int
    document: int
    grade: int


_WIDTHS = {3: _Columns(0, 1, 2), 4: _Columns(0, 2, 3)}
"""Columns that have no names, by how many there are."""


@dataclass(frozen=True, slots=True)
class Graded:
    """What a file of judgements says."""

    judgements: Judgements
    scale: int = 1
    """Grades are those of the file, times this: metrics take whole numbers. More than 1 where there
    are fractions; nDCG stays the same, and what is above 0 stays so.
    """


def read(file: Path) -> Graded:
    """All of a file.

    Raises SourceMissing where it cannot be read; BadData for a line that is no judgement, and for
    two grades of one pair.
    """
    found: dict[str, dict[str, Fraction]] = {}
    grades = _Grades()
    for number, question, document, grade in _rows(file, grades):
        if found.setdefault(question, {}).setdefault(document, grade) != grade:
            raise BadData(f"question {question!r} has two grades for {document!r}").at(
                where=f"{file} line {number}"
            )
    scale = _scale(grades.values())
    whole = {
        question: {document: _times(grade, scale) for document, grade in own.items()}
        for question, own in found.items()
    }
    return Graded(whole, scale)


def splits(folder: Path) -> dict[str, Path]:
    """The file of every split of a data set's folder, by the split's name, in their order: in
    `qrels`, or beside it where there is one split alone (`qrels.jsonl`).
    """
    files: dict[str, Path] = {}
    for suffix in _SUFFIXES:
        for end in (suffix, suffix + gzipped.SUFFIX):
            for each in sorted((folder / FOLDER).glob(f"[!.]*{end}")):
                files.setdefault(each.name.removesuffix(end), each)
        alone = gzipped.there(folder, FOLDER + suffix)
        if alone:
            files.setdefault(_ALONE, alone)
    return dict(sorted(files.items()))


def of_split(folder: Path, split: str) -> Path:
    """The file of a split. Raises SourceMissing with the splits that there are."""
    files = splits(folder)
    if split not in files:
        raise SourceMissing(f"no split {split!r}").at(
            where=str(folder / FOLDER), hint=f"there are: {', '.join(files) or 'none'}"
        )
    return files[split]


def _rows(file: Path, grades: _Grades) -> Iterator[tuple[int, str, str, Fraction]]:
    """Number of the line, question, document and grade."""
    table = _Table()
    for number, line in lines(file):
        try:
            named = line.lstrip(b"\xef\xbb\xbf \t").startswith(b"{")
            cells = _of_object(line) if named else table.cells(line)
            if cells:
                question, document, grade = cells
                yield number, _id(question), _id(document), grades[grade]
        except ValueError as error:
            raise BadData(f"not a judgement: {error}").at(
                where=f"{file} line {number}", hint=_FORMS
            ) from None


def _of_object(line: bytes) -> tuple[Any, Any, str]:
    found = fields.parsed(line)
    names = {_plain(name): name for name in reversed(found)}
    known = [next((names[n] for n in own if n in names), "") for own in _NAMES.values()]
    question, document, grade = (found.get(name) for name in known)
    return question, document, "" if isinstance(grade, bool) else str(grade).strip()


class _Table:
    """Rows of one form, as the first one shows it."""

    def __init__(self) -> None:
        self._tabs = True
        self._width = 0
        self._columns = _Columns(0, 0, 0)

    def cells(self, line: bytes) -> tuple[str, str, str] | None:
        """Question, document and grade; None for names of columns. Raises ValueError."""
        try:
            text = line.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError("not UTF-8") from None
        if not text.strip():  # a byte order mark alone
            return None
        if not self._width:
            self._tabs = len(_parted(text, tabs=True, width=3)) >= 3
            parts = _parted(text, tabs=self._tabs, width=3)
            named = None if _NUMBER.fullmatch(parts[-1]) else _named(parts)
            columns = named or _WIDTHS.get(len(parts))
            if not columns:
                raise ValueError(_columns(len(parts)))
            self._width, self._columns = len(parts), columns
            if named:
                return None
        parts = _parted(text, tabs=self._tabs, width=self._width)
        if len(parts) != self._width:
            raise ValueError(f"{_columns(len(parts))} instead of {self._width}")
        question, document, grade = (parts[at] for at in self._columns)
        return question, document, grade


def _parted(text: str, *, tabs: bool, width: int) -> list[str]:
    """The columns, without blanks around them; empty ones behind so many are none."""
    parts = [part.strip() for part in text.split("\t")] if tabs else text.split()
    while len(parts) > width and not parts[-1]:
        parts.pop()
    return parts


def _named(parts: Sequence[str]) -> _Columns | None:
    """The columns of these names; those that such a table has where some names are unknown; None
    where all are.
    """
    names = [_plain(part) for part in parts]
    found = [next((n for n in known if n in names), "") for known in _NAMES.values()]
    if all(found):
        return _Columns(*map(names.index, found))
    return _WIDTHS.get(len(parts)) if any(found) else None


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _id(value: object) -> str:
    id = fields.as_id(value)
    if id is None:
        raise ValueError("question and document have an id each")
    return id


class _Grades(dict[str, Fraction]):
    """Grades by how they are written. Raises ValueError for what is none."""

    def __missing__(self, text: str) -> Fraction:
        if not _NUMBER.fullmatch(text):
            raise ValueError("its grade is no number")
        value = float(text)
        if value and not _SMALLEST <= abs(value) <= _LARGEST:
            raise ValueError(f"its grade is above {_LARGEST:,} or below {_SMALLEST:g}")
        return self.setdefault(text, Fraction(Decimal(str(value))))


def _scale(grades: Collection[Fraction]) -> int:
    """What makes all of them whole; of grades that would become too large, what makes them so but
    for a rounding.
    """
    exact = math.lcm(*(each.denominator for each in grades))
    largest = max((abs(each) for each in grades), default=Fraction(0))
    if exact == 1 or largest * exact <= _FINEST:
        return exact
    return max(1, int(10 ** math.floor(math.log10(_FINEST / largest))))


def _times(grade: Fraction, scale: int) -> int:
    """Above 0 where the grade is."""
    if scale == grade.denominator == 1:
        return grade.numerator
    return max(1, round(grade * scale)) if grade > 0 else round(grade * scale)
