from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from components.errors import BadOption, SourceMissing
from evals.datasets import catalogue, financebench
from evals.datasets.judged import BadData, LeftOut
from tests.cli import call
from tests.compare.data import pipeline
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


def asked(id: str, text: str, filing: str, page: int) -> dict[str, Any]:
    evidence = [{"doc_name": filing, "evidence_page_num": page, "evidence_text": "x"}]
    return {"financebench_id": id, "question": text, "doc_name": filing, "evidence": evidence}


PAGES = {
    "MILL_2020_10K": ["The wheel of the mill turns.", "Grain becomes flour.", "Nothing here."],
    "WEIR_2020_10K": ["Water flows over the weir.", "The sluice is shut at night."],
}
QUESTIONS = [
    ("q1", "What becomes flour?", "MILL_2020_10K", 1),
    ("q2", "When is the sluice shut?", "WEIR_2020_10K", 1),
    ("q3", "Who owns the bridge?", "BRIDGE_2020_10K", 0),
]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "pdfs").mkdir(parents=True)
    for name, pages in PAGES.items():
        (data / "pdfs" / f"{name}.pdf").write_bytes(pdf(*([page] for page in pages)))
    rows = [json.dumps(asked(*each)) for each in QUESTIONS]
    (data / "financebench_open_source.jsonl").write_text("\n".join(rows))
    return data


def test_every_retriever_over_all_filings_and_within_one(published: Path, tmp_path: Path) -> None:
    """What docs/financebench.md says."""
    file = pipeline(tmp_path, "pages")
    retrievers = ("dense", "sparse", "hybrid", "neighbourhood")
    given = ["--data", str(published), "--set", f"retriever.use=[{', '.join(retrievers)}]"]
    given += ["--metrics", "R@10,nDCG@10,RR@10", "--no-timing", "--home", str(tmp_path / "home")]
    for setting in ((), ("--scope",)):
        out = tmp_path / f"out{len(setting)}"
        done = call("compare", file, *given, *setting, "--out", out, "--json")
        assert done.code == 0, done.err
        names = [f"pages[retriever={each}]" for each in retrievers]
        assert list(done.json["systems"]) == names
        for each in done.json["systems"].values():
            assert each["metrics"]["R@10"] == 1.0
            assert each["intervals"]["R@10"] == [1.0, 1.0]
        assert {f"{name}.run" for name in names} | {"qrels.txt", "outcome.json"} <= {
            each.name for each in out.iterdir()
        }
        assert (out / "qrels.txt").read_text().splitlines() == [
            "q1 0 MILL_2020_10K#1 1",
            "q2 0 WEIR_2020_10K#1 1",
        ]
    lines = (out / f"{names[0]}.run").read_text().splitlines()
    of_first = [line.split() for line in lines if line.startswith("q1 ")]
    assert {each[2] for each in of_first} == {f"MILL_2020_10K#{page}" for page in range(3)}
    assert [each[3] for each in of_first] == ["1", "2", "3"]


def test_both_layouts_of_questions(published: Path) -> None:
    before = financebench.questions(published)
    assert [each.id for each in before.questions] == ["q1", "q2", "q3"]
    (published / "qrels").mkdir()
    lines = [f"{id}\t{filing}#{page}\t1" for id, _, filing, page in QUESTIONS]
    (published / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(lines))
    rows = [{"_id": id, "text": text, "doc_name": name} for id, text, name, _ in QUESTIONS]
    (published / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (published / "financebench_open_source.jsonl").unlink()
    after = financebench.questions(published)
    assert after.judgements == before.judgements
    assert [(each.id, each.text, each.document_id) for each in after.questions] == [
        (each.id, each.text, each.document_id) for each in before.questions
    ]


def test_questions_that_cannot_be_read(published: Path) -> None:
    file = published / "financebench_open_source.jsonl"
    row = asked(*QUESTIONS[0])
    file.write_text(json.dumps({**row, "evidence": []}))
    with pytest.raises(BadData, match="no question of the split 'test' can be measured") as caught:
        financebench.questions(published)
    assert caught.value.hint == "questions without a relevant document: 1"
    file.write_text(json.dumps({**row, "question": None}))
    with pytest.raises(BadData, match="lacks the field 'question'"):
        financebench.questions(published)
    del row["evidence"][0]["doc_name"]
    file.write_text(json.dumps(row))
    with pytest.raises(BadData, match="lacks the field 'doc_name'"):
        financebench.questions(published)


def test_the_real_questions() -> None:
    shared = Path(__file__).parents[2] / ".." / "shared" / "data"
    data = Path(os.environ.get("MILLRACE_DATA", shared)) / "financebench"
    if not data.is_dir():
        pytest.skip(f"{data} is absent")
    loaded = financebench.questions(data)
    pages = sum(map(len, loaded.judgements.values()))
    assert (len(loaded.questions), pages) == (61, 73)
