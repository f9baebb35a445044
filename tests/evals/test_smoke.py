"""The smoke benchmark on filings made for it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from evals.datasets import financebench
from evals.datasets.judged import BadData
from evals.smoke.__main__ import main
from tests.sources.test_extract import pdf

PAGES = {
    "MILL_2020_10K": ["The wheel of the mill turns.", "Grain becomes flour.", "Nothing here."],
    "WEIR_2020_10K": ["Water flows over the weir.", "The sluice is shut at night."],
}
QUESTIONS = [
    ("q1", "What becomes flour?", "MILL_2020_10K", 1),
    ("q2", "When is the sluice shut?", "WEIR_2020_10K", 1),
    ("q3", "Who owns the bridge?", "BRIDGE_2020_10K", 0),
]
PIPELINE = {
    "name": "smoke",
    "source": {"use": "financebench", "path": "data"},
    "splitter": {"use": "sentences", "max_tokens": 32},
    "encoder": {"use": "hashing", "width": 256},
    "index": {"use": "qdrant_edge", "path": "store"},
    "retriever": {"use": "neighbourhood"},
}


def published(id: str, text: str, filing: str, page: int) -> dict[str, Any]:
    evidence = [{"doc_name": filing, "evidence_page_num": page, "evidence_text": "x"}]
    return {"financebench_id": id, "question": text, "doc_name": filing, "evidence": evidence}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "pdfs").mkdir(parents=True)
    for name, pages in PAGES.items():
        (data / "pdfs" / f"{name}.pdf").write_bytes(pdf(*([page] for page in pages)))
    rows = [json.dumps(published(*each)) for each in QUESTIONS]
    (data / "financebench_open_source.jsonl").write_text("\n".join(rows))
    (tmp_path / "pipeline.yaml").write_text(json.dumps(PIPELINE))
    return tmp_path


def smoke(folder: Path, *arguments: str) -> Result:
    file = str(folder / "pipeline.yaml")
    return CliRunner().invoke(main, ["--pipeline", file, "--out", str(folder / "out"), *arguments])


def found(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    outcome: dict[str, Any] = json.loads(result.stdout)
    return outcome


def test_every_retriever_in_both_settings(folder: Path) -> None:
    outcome = found(smoke(folder, "--json", "--set", "sparse.use=bm25"))
    cells = {(each["retriever"], each["setting"]): each["metrics"] for each in outcome["cells"]}
    assert list(cells) == [
        (retriever, setting)
        for retriever in ("dense", "sparse", "hybrid", "neighbourhood")
        for setting in ("single filing", "all filings")
    ]
    assert (outcome["questions"], outcome["left_out"], outcome["filings"]) == (2, 1, 2)
    for metrics in cells.values():
        assert metrics["R@10"]["mean"] == 1.0
    assert cells["sparse", "all filings"]["RR@10"]["mean"] == 1.0
    assert json.loads((folder / "out" / "results.json").read_text()) == outcome


def test_runs_are_kept_as_trec_files(folder: Path) -> None:
    found(smoke(folder, "--json"))
    names = {each.name for each in (folder / "out").iterdir()}
    runs = {f"{r}-{s}-filing{'s' * (s == 'all')}.run"
            for r in ("dense", "neighbourhood") for s in ("single", "all")}  # fmt: skip
    assert names == runs | {"qrels.txt", "results.json"}
    lines = (folder / "out" / "dense-single-filing.run").read_text().splitlines()
    of_first = [line.split() for line in lines if line.startswith("q1 ")]
    assert {each[2] for each in of_first} == {f"MILL_2020_10K#{page}" for page in range(3)}
    assert [each[3] for each in of_first] == ["1", "2", "3"]
    assert (folder / "out" / "qrels.txt").read_text().splitlines() == [
        "q1 0 MILL_2020_10K#1 1",
        "q2 0 WEIR_2020_10K#1 1",
    ]


def test_the_table_says_how_sure_it_is(folder: Path) -> None:
    result = smoke(folder)
    assert result.exit_code == 0, result.stderr
    for part in (
        "single filing", "all filings", "recall@10", "95 % interval", "neighbourhood",
        "2 questions are few", "sparse and hybrid need --set sparse.use=bm25",
        "the index lacks their filing: 1.",
    ):  # fmt: skip
        assert part in result.stdout


def test_what_is_live_is_measured_without_a_refresh(folder: Path) -> None:
    refused = smoke(folder, "--no-refresh")
    assert refused.exit_code == 2
    assert "no index yet" in refused.stderr
    first = found(smoke(folder, "--json"))
    (folder / "data" / "pdfs" / "MILL_2020_10K.pdf").unlink()
    again = found(smoke(folder, "--json", "--no-refresh"))
    assert again == first
    other = smoke(folder, "--no-refresh", "--set", "encoder.width=128")
    assert other.exit_code == 2
    assert "was not built by this pipeline file" in other.stderr


def test_data_elsewhere(folder: Path) -> None:
    (folder / "data").rename(folder / "moved")
    refused = smoke(folder)
    assert refused.exit_code == 2
    assert "no questions" in refused.stderr
    assert found(smoke(folder, "--json", "--data", str(folder / "moved")))["filings"] == 2


def test_both_layouts_of_questions(folder: Path) -> None:
    data = folder / "data"
    before = financebench.questions(data)
    assert [each.id for each in before.questions] == ["q1", "q2", "q3"]
    (data / "qrels").mkdir()
    lines = [f"{id}\t{filing}#{page}\t1" for id, _, filing, page in QUESTIONS]
    (data / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "\n".join(lines))
    rows = [{"_id": id, "text": text, "doc_name": name} for id, text, name, _ in QUESTIONS]
    (data / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (data / "financebench_open_source.jsonl").unlink()
    after = financebench.questions(data)
    assert after.judgements == before.judgements
    assert [(each.id, each.text, each.document_id) for each in after.questions] == [
        (each.id, each.text, each.document_id) for each in before.questions
    ]


def test_questions_that_cannot_be_read(folder: Path) -> None:
    file = folder / "data" / "financebench_open_source.jsonl"
    row = published(*QUESTIONS[0])
    file.write_text(json.dumps({**row, "evidence": []}))
    with pytest.raises(BadData, match="no question of the split 'test' can be measured") as caught:
        financebench.questions(folder / "data")
    assert caught.value.hint == "questions without a relevant document: 1"
    file.write_text(json.dumps({**row, "question": None}))
    with pytest.raises(BadData, match="lacks the field 'question'"):
        financebench.questions(folder / "data")
    del row["evidence"][0]["doc_name"]
    file.write_text(json.dumps(row))
    with pytest.raises(BadData, match="lacks the field 'doc_name'"):
        financebench.questions(folder / "data")


def test_the_real_questions() -> None:
    shared = Path(__file__).parents[2] / ".." / "shared" / "data"
    data = Path(os.environ.get("MILLRACE_DATA", shared)) / "financebench"
    if not data.is_dir():
        pytest.skip(f"{data} is absent")
    loaded = financebench.questions(data)
    pages = sum(map(len, loaded.judgements.values()))
    assert (len(loaded.questions), pages) == (61, 73)
