"""FinanceBench: questions about filings, judged by the page of the evidence.

A page's id is `FILING#PAGE`, pages counted from 0, as the data set does. The corpus is either the
filings as PDF, with pages as units, or the pages of `corpus.jsonl`, each a document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.errors import BadOption, SourceMissing
from components.machine import paths
from components.sources import gzipped
from components.sources.extract.pdf import page_count
from components.sources.fields import Fields as Row
from components.sources.financebench import information_file
from evals.datasets import beir, lines, qrels
from evals.datasets.assemble import Stored, asked_in, assemble
from evals.datasets.judged import DOCUMENT, BadData, Judged
from evals.pages import page_id

_OPEN_SOURCE = "financebench_open_source.jsonl"
_DOCUMENTS = ("filings", "pages")
_UNITS = ("page", "document")


def is_one(folder: Path) -> bool:
    """Whether a folder is FinanceBench."""
    return (folder / "pdfs").is_dir() or information_file(folder, _OPEN_SOURCE) is not None


def load(
    folder: Path,
    split: str = "test",
    *,
    documents: str = "",
    unit: str = "page",
    corpus: bool = True,
) -> Judged:
    """With `filings` as documents (by default, where there is `pdfs/`) or with `pages`. `unit`:
    what is ranked of filings, the page of the evidence or the filing that has it.

    Questions about filings that are not there are left out and counted; without `corpus` all stay.
    Raises SourceMissing, BadData, BadOption.
    """
    if documents and documents not in _DOCUMENTS:
        raise BadOption(f"documents must be filings or pages, not {documents!r}").at(
            where="documents"
        )
    if unit not in _UNITS:
        raise BadOption(f"unit must be page or document, not {unit!r}").at(where="unit")
    pdfs = folder / "pdfs"
    if documents == "pages" or (corpus and not documents and not pdfs.is_dir()):
        return beir.load(folder, split, name="financebench", scope="doc_name", corpus=corpus)
    data = questions(folder, split)
    if corpus:
        data = _about(data, folder, sorted(pdfs.glob("*.pdf")))
    return data if unit == "page" else _by_filing(data)


def questions(folder: Path, split: str = "test") -> Judged:
    """All questions, by page, whether their filings are there or not: `queries.jsonl` with
    `qrels/SPLIT.tsv`, or else `financebench_open_source.jsonl`, which has the split `test` only.

    The checksum is that of these files. Raises SourceMissing, BadData.
    """
    queries, judged = gzipped.there(folder, "queries.jsonl"), qrels.splits(folder).get(split)
    if queries and judged:
        asked, graded, files = asked_in(queries), qrels.read(judged), [queries, judged]
    else:
        published = _published(folder, split)
        asked, graded = _as_beir(published)
        files = [published]
    data = Judged(
        name="financebench",
        split=split,
        questions=(),
        judgements=graded.judgements,
        grade_scale=graded.scale,
        unit="page",
        source={"use": "financebench", "path": str(paths.named(folder))},
        checksum=beir.checksum(split, folder, files),
    )
    where = str(files[0])
    known = {page: Stored() for pages in graded.judgements.values() for page in pages}
    found = assemble(data, asked, known, where)
    about_one = tuple(
        replace(each, document_id=_text(asked[each.id], "doc_name", where))
        for each in found.questions
    )
    return replace(found, questions=about_one, scope=DOCUMENT)


def _by_filing(data: Judged) -> Judged:
    """A filing is as relevant as its best page."""
    judged: dict[str, dict[str, int]] = {id: {} for id in data.judgements}
    for id, pages in data.judgements.items():
        for page, grade in pages.items():
            filing = data.document_of(page)
            judged[id][filing] = max(grade, judged[id].get(filing, grade))
    return replace(data, unit="document", judgements=judged)


def _about(data: Judged, folder: Path, filings: Sequence[Path]) -> Judged:
    """The questions about these filings, with the judgements of pages that they have; of a damaged
    one all are believed. Raises SourceMissing, BadData.
    """
    names = {each.stem for each in filings}
    asked = {each.id: each.document_id in names for each in data.questions}
    if not any(asked.values()):
        raise SourceMissing("no filing of a question is there").at(where=str(folder / "pdfs"))
    counts = {each.stem: page_count(each.read_bytes()) for each in filings}
    judged = {id: grades for id, grades in data.judgements.items() if asked[id]}
    known = {
        id: {page: grade for page, grade in grades.items() if _is_there(page, counts)}
        for id, grades in judged.items()
    }
    kept = {id: grades for id, grades in known.items() if max(grades.values(), default=0) > 0}
    if not kept:
        raise BadData("no judged page is in a filing that is there").at(where=data.name)
    left_out = {
        "questions about absent filings": [id for id, there in asked.items() if not there],
        "judgements of unknown pages": [
            f"{id} {page}"
            for id, grades in judged.items()
            for page in grades
            if page not in known[id]
        ],
        "questions without a relevant page": [id for id in known if id not in kept],
    }
    return data.asking(
        kept,
        left_out,
        corpus=beir.checksum("corpus", folder, filings),
        checksum=beir.checksum(data.checksum, folder, filings),
    )


def _is_there(page: str, counts: Mapping[str, int | None]) -> bool:
    filing, _, number = page.rpartition("#")
    if filing not in counts or not number.isdecimal():
        return False
    count = counts[filing]
    return count is None or int(number) < count


def _published(folder: Path, split: str) -> Path:
    published = information_file(folder, _OPEN_SOURCE)
    if published is None:
        raise SourceMissing(f"no questions: neither queries.jsonl with qrels/{split}.tsv").at(
            where=str(folder), hint=f"nor {_OPEN_SOURCE} is there"
        )
    if split != "test":
        raise SourceMissing(f"no split {split!r}").at(where=str(folder), hint="there is: test")
    return published


def _as_beir(file: Path) -> tuple[dict[str, Row], qrels.Graded]:
    """Rows and judgements of the file that is published. Pages count from 0 in it."""
    asked: dict[str, Row] = {}
    judged: dict[str, dict[str, int]] = {}
    for where, row in lines.placed(file):
        id, text = (_text(row, name, where) for name in ("financebench_id", "question"))
        if id in asked:
            raise BadData(f"two questions have the id {id!r}").at(where=where)
        asked[id] = {**row, "_id": id, "text": text}
        judged[id] = {
            page_id(_text(each, "doc_name", where), each["evidence_page_num"]): 1
            for each in row.get("evidence") or ()
            if isinstance(each.get("evidence_page_num"), int)
        }
    return asked, qrels.Graded(judged)


def _text(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise BadData(f"a question lacks the field {name!r}").at(where=where)
    return value
