from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.errors import BadOption, SourceMissing
from evals.datasets import catalogue, financebench
from evals.datasets.judged import BadData, LeftOut
from tests.evals.folders import documents, made
from tests.sources.test_extract import pdf


def filings(folder: Path, *names: str) -> Path:
    (folder / "pdfs").mkdir(parents=True)
    for name in names:
        (folder / "pdfs" / f"{name}.pdf").write_bytes(name.encode())
    rows = [
        {
            "financebench_id": f"f{number}", "question": f"{name}?", "doc_name": name,
            "question_type": "novel-generated", "answer": "42",
            "evidence": [{"doc_name": name, "evidence_page_num": page} for page in (4, 7)],
        }
        for number, name in enumerate(("A_2020_10K", "B_2021_10Q"))
    ]  # fmt: skip
    (folder / "financebench_open_source.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_financebench_by_pages_of_filings(tmp_path: Path) -> None:
    folder = filings(tmp_path / "fb", "A_2020_10K")
    data = catalogue.load("fb", root=tmp_path)
    assert (data.name, data.unit) == ("financebench", "page")
    assert data.source == {"use": "financebench", "path": str(folder)}
    assert data.judgements == {"f0": {"A_2020_10K#4": 1, "A_2020_10K#7": 1}}
    assert (data.questions[0].type, data.questions[0].metadata["answer"]) == (
        "novel-generated",
        "42",
    )
    assert data.queries(scoped=True)[0].filter == {"document.document_id": ["A_2020_10K"]}
    assert data.left_out == {"questions about absent filings": LeftOut(1, ("f1",))}
    whole = catalogue.load(str(filings(tmp_path / "all", "A_2020_10K", "B_2021_10Q")))
    assert len(whole.questions) == 2
    assert whole.checksum != data.checksum
    with pytest.raises(SourceMissing, match="no filing of a question"):
        catalogue.load(str(filings(tmp_path / "none", "C_2020_10K")))
    with pytest.raises(SourceMissing, match="no split 'dev'"):
        catalogue.load(str(folder), "dev")


def test_financebench_by_pages_as_documents(tmp_path: Path) -> None:
    folder = filings(tmp_path / "fb", "A_2020_10K")
    pages = [
        {"_id": f"A_2020_10K#{page}", "title": "A", "text": "x", "doc_name": "A_2020_10K"}
        for page in range(9)
    ]
    query = {"_id": "f0", "text": "?", "doc_name": "A_2020_10K", "question_type": "novel-generated"}
    made(folder, pages, [query], ["f0\tA_2020_10K#4\t1"])
    data = catalogue.load(f"{folder}?documents=pages")
    assert (data.unit, data.questions[0].type) == ("document", "novel-generated")
    assert data.judgements == {"f0": {"A_2020_10K#4": 1}}
    assert data.queries(scoped=True)[0].filter == {"doc_name": ["A_2020_10K"]}
    assert set(data.judgements["f0"]) <= set(documents(data))
    assert catalogue.load(str(folder)).judgements == data.judgements
    with pytest.raises(BadOption, match="filings or pages"):
        financebench.load(folder, documents="books")


def test_pages_that_a_filing_does_not_have_are_reported(tmp_path: Path) -> None:
    folder = filings(tmp_path / "fb", "A_2020_10K", "B_2021_10Q")
    (folder / "pdfs" / "A_2020_10K.pdf").write_bytes(pdf(*[["one"]] * 6))
    (folder / "pdfs" / "B_2021_10Q.pdf").write_bytes(pdf(*[["one"]] * 3))
    data = catalogue.load(str(folder))
    assert data.judgements == {"f0": {"A_2020_10K#4": 1}}
    assert [each.id for each in data.questions] == ["f0"]
    assert data.left_out == {
        "judgements of unknown pages": LeftOut(
            3, ("f0 A_2020_10K#7", "f1 B_2021_10Q#4", "f1 B_2021_10Q#7")
        ),
        "questions without a relevant page": LeftOut(1, ("f1",)),
    }
    (folder / "pdfs" / "A_2020_10K.pdf").write_bytes(pdf(["one"]))
    with pytest.raises(BadData, match="no judged page"):
        catalogue.load(str(folder))


def test_financebench_by_filing(tmp_path: Path) -> None:
    folder = filings(tmp_path / "fb", "A_2020_10K")
    data = catalogue.load(f"{folder}?unit=document")
    pages = catalogue.load(str(folder))
    assert (data.unit, data.judgements) == ("document", {"f0": {"A_2020_10K": 1}})
    assert (data.corpus, data.source) == (pages.corpus, pages.source)
    alone = catalogue.load(f"{folder}?unit=document", corpus=False)
    assert alone.judgements == {"f0": {"A_2020_10K": 1}, "f1": {"B_2021_10Q": 1}}
    for corpus in (True, False):
        with pytest.raises(BadOption, match="unit must be page or document, not 'span'"):
            catalogue.load(f"{folder}?unit=span", corpus=corpus)
