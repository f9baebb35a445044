from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest

from components import registry
from components.errors import BadDocument, SourceMissing
from components.sources.financebench import FinanceBench
from tests.contracts.source import SourceContract, refs
from tests.sources.test_extract import pdf
from tests.sources.test_files import PARSING

ROWS = [
    {"doc_name": "BESTBUY_2024Q2_10Q", "company": "Best Buy", "doc_type": "10q"}
    | {"doc_period": 2024, "gics_sector": "Consumer Discretionary", "doc_link": "https://x"},
    {"doc_name": "ABSENT_2020_10K", "company": "Absent", "doc_type": "10k", "doc_period": 2020},
    {"doc_name": "BESTBUY_2024Q2_10Q", "company": "Somebody else"},
]


def filings(folder: Path, *, data: str = "data", rows: object = ROWS) -> FinanceBench:
    (folder / "pdfs").mkdir()
    (folder / "pdfs" / "BESTBUY_2024Q2_10Q.pdf").write_bytes(pdf(["Revenue."], [], ["Notes."]))
    (folder / "pdfs" / "3M_2018_10K.pdf").write_bytes(pdf(["Purchases of property."]))
    (folder / "pdfs" / "notes.txt").write_text("no filing")
    (folder / data).mkdir(exist_ok=True)
    lines = rows if isinstance(rows, str) else "\n".join(map(json.dumps, ROWS))
    (folder / data / "financebench_document_information.jsonl").write_text(f"{lines}\n\n")
    return FinanceBench(path=folder)


class TestFinanceBench(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> FinanceBench:
        return filings(tmp_path)


@pytest.mark.parametrize("data", ["data", "."])
def test_both_layouts(tmp_path: Path, data: str) -> None:
    source = filings(tmp_path, data=data)
    unknown, known = (source.read(ref) for ref in refs(source))
    assert (unknown.id, unknown.title, unknown.metadata) == ("3M_2018_10K", "3M 2018 10K", {})
    assert (known.id, known.title) == ("BESTBUY_2024Q2_10Q", "Best Buy 2024 Q2 10Q")
    assert known.metadata == {
        "company": "Best Buy",
        "gics_sector": "Consumer Discretionary",
        "doc_type": "10q",
        "doc_period": 2024,
    }
    assert [known.text[start : start + 5] for start in known.page_starts] == [
        "Reven", "\nNote", "Notes",
    ]  # fmt: skip


def test_without_what_the_data_set_says(tmp_path: Path) -> None:
    source = filings(tmp_path)
    (tmp_path / "data" / "financebench_document_information.jsonl").unlink()
    fresh = FinanceBench(path=tmp_path)
    assert [ref.id for ref in refs(fresh)] == [ref.id for ref in refs(source)]
    assert fresh.read(refs(fresh)[1]).title == "BESTBUY 2024 Q2 10Q"


def test_a_new_description_is_a_new_version_of_its_filing_alone(tmp_path: Path) -> None:
    source = filings(tmp_path)
    before, digests = refs(source), list(map(source.digest, refs(source)))
    file = tmp_path / "data" / "financebench_document_information.jsonl"
    file.write_text(file.read_text().replace("Best Buy", "Best Buy Co."))
    changed = FinanceBench(path=tmp_path)
    assert refs(changed)[0] == before[0]
    assert refs(changed)[1].version != before[1].version
    assert changed.digest(before[0]) == digests[0]
    assert changed.digest(before[1]) != digests[1]


def test_some_filings(tmp_path: Path) -> None:
    filings(tmp_path)
    assert [r.id for r in refs(FinanceBench(path=tmp_path, documents=("3M_2018_10K",)))] == [
        "3M_2018_10K"
    ]
    with pytest.raises(SourceMissing, match=r"no filing is called 3M_2018_10K\.pdf") as caught:
        refs(FinanceBench(path=tmp_path, documents=("3M_2018_10K.pdf",)))
    assert "without .pdf" in caught.value.hint


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="cannot be listed") as caught:
        refs(FinanceBench(path=tmp_path))
    assert caught.value.where == str(tmp_path / "pdfs")


@pytest.mark.parametrize(("line", "reason"), [("{", "not JSON"), ("[]", "not a JSON object")])
def test_a_description_that_cannot_be_read(tmp_path: Path, line: str, reason: str) -> None:
    source = filings(tmp_path, rows=line)
    with pytest.raises(SourceMissing, match=reason) as caught:
        refs(source)
    assert caught.value.where.endswith("line 1")


def test_bad_filings_fail_alone(tmp_path: Path) -> None:
    source = filings(tmp_path)
    os.mkfifo(tmp_path / "pdfs" / "PIPE_2020_10K.pdf")
    (tmp_path / "pdfs" / "CUT_2020_10K.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "pdfs" / "LINK_2020_10K.pdf").symlink_to(tmp_path / "nowhere")
    reasons = {}
    for ref in refs(source):
        with suppress(BadDocument):
            source.read(ref)
            continue
        with pytest.raises(BadDocument) as caught:
            source.read(ref)
        reasons[ref.id] = str(caught.value)
        assert caught.value.where.endswith(f"{ref.id}.pdf")
    assert reasons == {
        "CUT_2020_10K": "not a PDF, or damaged or cut short",
        "LINK_2020_10K": "a link to nothing",
        "PIPE_2020_10K": "not a regular file",
    }


def test_no_option_changes_what_is_stored() -> None:
    options = registry.options_of(registry.load("source", "financebench"))
    assert list(options) == [*PARSING, "path", "documents", "follow_links", "trust"]
    assert not any(each.metadata["stored"] for each in options.values())
