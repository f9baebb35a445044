"""Queries without judgements, from a file: what to ask where nobody says what is right.

A data set's folder (its `queries.jsonl`), such a file itself, a review, or plain text with a query
on each line, where blank lines and those that begin with `#` count nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from components.errors import SourceMissing, SpecError
from components.sources import fields, gzipped
from components.values import Query
from evals.datasets import lines
from evals.datasets.assemble import IDS, TEXTS
from evals.datasets.judged import BadData
from evals.questions import review

_ROWS = (".jsonl", ".ndjson", ".json")
_REVIEWS = (".yaml", ".yml")
_Placed = tuple[str, Query]
"""A query, and where it stands."""


def read(path: Path) -> list[Query]:
    """The queries, each text once, in order; questions of a review that are refused are left out.

    One without an id is called by its text. Raises SpecError, with the line, for what cannot be
    read, two queries of one id, and where there is none.
    """
    found: dict[str, Query] = {}
    ids: dict[str, str] = {}
    for where, query in _placed(path):
        if query.text in found:
            continue
        if query.id in ids:
            raise SpecError(f"two queries have the id {query.id!r}").at(
                where=where, hint=f"the other one: {ids[query.id]}"
            )
        found[query.text], ids[query.id] = query, where
    if not found:
        raise SpecError("there are no queries").at(where=str(path))
    return list(found.values())


def checksum(queries: Iterable[Query]) -> str:
    """Sha256 of what is asked, in hex: texts and filters, whatever their order and ids."""
    asked = {json.dumps([each.text, each.filter], sort_keys=True) for each in queries}
    return hashlib.sha256("\n".join(sorted(asked)).encode()).hexdigest()


def _placed(path: Path) -> Iterator[_Placed]:
    if path.is_dir():
        return _of_rows(_in_folder(path))
    suffixes = path.with_suffix("") if path.suffix == gzipped.SUFFIX else path
    if suffixes.suffix in _ROWS:
        return _of_rows(path)
    return _of_review(path) if path.suffix in _REVIEWS else _of_text(path)


def _in_folder(folder: Path) -> Path:
    file = gzipped.there(folder, "queries.jsonl")
    if file is None:
        raise SpecError("no queries.jsonl").at(
            where=str(folder), hint="name a data set's folder, or a file of queries"
        )
    return file


def _of_rows(file: Path) -> Iterator[_Placed]:
    with _understood():
        for where, row in lines.placed(file):
            text = row.get(fields.text_name(row, TEXTS))
            if not isinstance(text, str) or not text.strip():
                raise SpecError(f"a query has no {TEXTS[0]}").at(
                    where=where, hint=f"a string; it may also be called {', '.join(TEXTS[1:])}"
                )
            yield where, _query(text, fields.as_id(row.get(fields.given(row, IDS))))


def _of_review(file: Path) -> Iterator[_Placed]:
    for number, (draft, keep) in enumerate(review.read(file), start=1):
        if keep is not False:
            yield f"{file}: question {number}", _query(draft.question, draft.id)


def _of_text(file: Path) -> Iterator[_Placed]:
    with _understood():
        for number, line in lines.lines(file):
            where = f"{file} line {number}"
            try:
                text = line.decode("utf-8-sig").strip()
            except UnicodeDecodeError:
                raise SpecError("not UTF-8").at(where=where) from None
            if text and not text.startswith("#"):
                yield where, _query(text)


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except (BadData, SourceMissing) as error:
        raise SpecError(str(error)).at(where=error.where, hint=error.hint) from None


def _query(text: str, id: str | None = None) -> Query:
    """On one line: white space tells no queries apart."""
    text = " ".join(text.split())
    named = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return Query(text=text, id=id or f"q-{named}")
