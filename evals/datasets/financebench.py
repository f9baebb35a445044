"""FinanceBench: questions about filings, judged by the page of the evidence.

A page's id is `FILING#PAGE`, pages counted from 0, as the data set does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.errors import SourceMissing
from components.sources.financebench import information_file, rows
from evals.datasets.judged import Judged, Judgements, Question
from evals.pages import page_id

_OPEN_SOURCE = "financebench_open_source.jsonl"


def load(folder: Path) -> Judged:
    """`queries.jsonl` with `qrels/test.tsv`, or else `financebench_open_source.jsonl`.

    Raises SourceMissing.
    """
    queries, qrels = folder / "queries.jsonl", folder / "qrels" / "test.tsv"
    if queries.is_file() and qrels.is_file():
        found = _in_beir_layout(queries, qrels)
    else:
        published = information_file(folder, _OPEN_SOURCE)
        if published is None:
            raise SourceMissing("no questions: neither queries.jsonl with qrels/test.tsv").at(
                where=str(folder), hint=f"nor {_OPEN_SOURCE} is there"
            )
        found = _as_published(published)
    if not found.questions:
        raise SourceMissing("no question has a page as evidence").at(where=str(folder))
    return found


def about(data: Judged, filings: Iterable[str]) -> Judged:
    """The questions about these filings only."""
    kept = set(filings)
    questions = tuple(each for each in data.questions if each.document_id in kept)
    judgements = {each.id: data.judgements[each.id] for each in questions}
    return replace(data, questions=questions, judgements=judgements)


def _in_beir_layout(queries: Path, qrels: Path) -> Judged:
    judgements = _judgements(qrels)
    questions = tuple(
        Question(*(_text(row, name, queries) for name in ("_id", "text", "doc_name")))
        for row in rows(queries)
        if row.get("_id") in judgements and "doc_name" in row
    )
    return Judged("financebench", questions, {each.id: judgements[each.id] for each in questions})


def _judgements(qrels: Path) -> Judgements:
    found: dict[str, dict[str, int]] = {}
    try:
        lines = qrels.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceMissing(f"cannot be read: {error}").at(where=str(qrels)) from error
    for number, line in enumerate(lines[1:], start=2):
        try:
            question, page, grade = line.split("\t")
            found.setdefault(question, {})[page] = int(grade)
        except ValueError as error:
            raise SourceMissing("not a judgement: question, page and grade, parted by tabs").at(
                where=f"{qrels} line {number}"
            ) from error
    return found


def _as_published(file: Path) -> Judged:
    questions, judgements = [], {}
    for row in rows(file):
        pages = {
            page_id(_text(each, "doc_name", file), each["evidence_page_num"]): 1
            for each in row.get("evidence") or ()
            if isinstance(each.get("evidence_page_num"), int)
        }
        if pages:
            id = _text(row, "financebench_id", file)
            filing = _text(row, "doc_name", file)
            questions.append(Question(id, _text(row, "question", file), filing))
            judgements[id] = pages
    return Judged("financebench", tuple(questions), judgements)


def _text(row: dict[str, Any], name: str, file: Path) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise SourceMissing(f"a question lacks the field {name!r}").at(where=str(file))
    return value
