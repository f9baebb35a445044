"""Figures, retrieval and losses, each by itself."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.values import Chunk, Citation, Hit, Metadata, Query, Span
from evals import kept
from evals.answers.answered import Answered, Passage
from evals.answers.figures import unsupported
from evals.answers.losses import loss, retrieval
from evals.datasets.judged import Judged, Question


@pytest.mark.parametrize(
    ("answer", "cited", "missing"),
    [
        ("Capital expenditure was $1,577 million.", "PP&E\n(1,577)\n(1,373)", []),
        ("It was 1,577.0.", "(1,577)", []),
        ("It was 1,578 million.", "(1,577)", ["1,578 million"]),
        ("It fell by 12.5 %, from 8 to 7.", "8 7", ["12.5 %"]),
        ("In FY2018 on page 3.", "nothing", []),
        ("It was 42.", "", ["42"]),
        ("A loss of 5.4 billion", "(5.4) billion", []),
        ("No figure.", "1 2 3", []),
    ],
)
def test_figures_are_looked_up(answer: str, cited: str, missing: list[str]) -> None:
    found = unsupported("What was it?", answer, [cited])
    assert [each.strip() for each in found] == missing


def test_what_the_question_says_is_no_claim() -> None:
    assert unsupported("Is it above 75 %?", "It is above 75 %.", []) == []


@given(st.lists(st.integers(10, 99_999), min_size=1, max_size=6))
def test_a_quotation_is_supported(numbers: list[int]) -> None:
    text = "; ".join(f"row {chr(97 + at)}: {each:,}" for at, each in enumerate(numbers))
    assert unsupported("?", text, [text]) == []


PAGES = Judged(
    name="pages",
    split="test",
    questions=(Question(id="q", text="?", document_id="A_2018"),),
    judgements={"q": {"A_2018#3": 1, "A_2018#7": 1, "A_2018#8": 0}},
    unit="page",
    source={},
    checksum="",
)


def hit(document: str, page: int, last: int | None = None, company: str = "A") -> Hit:
    chunk = Chunk(
        id=f"{document}-{page}",
        document_id=document,
        version="1",
        ordinal=page,
        span=Span(page, page + 1),
        text="text",
        page=page,
        last_page=page if last is None else last,
        metadata={"company": company, "doc_period": int(document[-4:])},
    )
    return Hit(chunk=chunk, score=1.0, chunk_ids=(chunk.id,))


GOLD: list[Metadata] = [{"company": "A", "doc_period": 2018}]
HITS = [hit("B_2018", 3, company="B"), hit("A_2017", 3), hit("A_2018", 2, 3), hit("A_2018", 9)]


def test_retrieval_is_measured_by_page_document_company_and_period() -> None:
    assert retrieval(PAGES, Query(id="q", text="?"), HITS, GOLD) == {
        "document": 1.0,
        "recall": 0.5,
        "all": 0.0,
        "rr": pytest.approx(1 / 3),
        "wrong_company": 0.25,
        "wrong_period": 0.25,
    }


def test_all_of_the_evidence() -> None:
    found = retrieval(PAGES, Query(id="q", text="?"), [hit("A_2018", 2, 7)], GOLD)
    assert (found["recall"], found["all"], found["rr"]) == (1.0, 1.0, 1.0)


def test_no_hits_are_no_evidence() -> None:
    found = retrieval(PAGES, Query(id="q", text="?"), [], GOLD)
    assert found == {"document": 0.0, "recall": 0.0, "all": 0.0, "rr": 0.0}


def test_without_a_company_there_is_no_wrong_one() -> None:
    assert "wrong_company" not in retrieval(PAGES, Query(id="q", text="?"), HITS, [{}])


def answered(*hits: Hit, cites: int = 0) -> Answered:
    passages = tuple(map(Passage.of, hits))
    named = tuple(
        Citation(chunk_id=each.chunk.id, document_id=each.chunk.document_id, span=each.chunk.span)
        for each in hits[:cites]
    )
    return Answered(text="5", given=passages, citations=named)


def test_where_an_answer_was_lost() -> None:
    right, wrong = hit("A_2018", 7), hit("A_2018", 5)
    assert loss(PAGES, "q", answered(right, cites=1), "correct") is None
    assert loss(PAGES, "q", answered(wrong, cites=1), "incorrect") == "not retrieved"
    assert loss(PAGES, "q", answered(wrong, right, cites=1), "incorrect") == "not cited"
    assert loss(PAGES, "q", answered(wrong, right), "incorrect") == "no citation"
    assert loss(PAGES, "q", answered(right, wrong, cites=1), "incorrect") == "used but wrong"
    assert loss(PAGES, "q", answered(right), "refused") == "refused"
    assert loss(PAGES, "q", answered(), "failed") == "failed"
    assert loss(PAGES, "q", None, "failed") == "failed"
    assert loss(PAGES, "q", answered(right), "unmeasured") == "unmeasured"
    assert loss(PAGES, "q", None, "unmeasured") == "unmeasured"
    assert loss(PAGES, "q", answered(), "incorrect") == "from memory"
    nothing = replace(answered(), retrieval={"recall": 0.0})
    assert loss(PAGES, "q", nothing, "incorrect") == "not retrieved"


def test_what_an_answerer_found_itself_counts(tmp_path: Path) -> None:
    found = replace(answered(hit("A_2018", 5)), found=(Passage.of(hit("A_2018", 3)),))
    assert loss(PAGES, "q", found, "incorrect") == "no citation"


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    whole = replace(
        answered(*HITS, cites=2),
        unsupported=("5",),
        evidence=(Passage.of(HITS[0]),),
        retrieval={"recall": 1.0},
        seconds=0.5,
    )
    file = tmp_path / "answers.jsonl"
    kept.add(file, {"q": asdict(whole)})
    assert kept.values(file, Answered) == {"q": whole}
