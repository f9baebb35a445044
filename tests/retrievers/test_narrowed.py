"""Searches narrowed by what the question names, on both stores."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.corpus.release import corpus_of, live
from components.corpus.search import search
from components.errors import BadOption
from components.indexes.contract import GenerationReader
from components.retrievers import narrowed
from components.retrievers.dense import Dense
from components.retrievers.hybrid import Hybrid
from components.retrievers.names import Names
from components.retrievers.narrowed import behind
from components.retrievers.neighbourhood import Neighbourhood
from components.retrievers.sparse import Sparse
from components.values import Hit, Query, Scalar
from tests.contracts.retriever import RetrieverContract
from tests.corpora import HASHING, Corpus
from tests.retrievers.conftest import ENCODER, SPARSE, Library
from tests.retrievers.test_fusion import hits

FILINGS = [
    (f"{company}-{year}", company, year)
    for company in ("3M", "Amcor", "Best Buy", "Target")
    for year in (2017, 2018, 2019)
]
QUESTION = "How much of the net income of {} went into grain?"


@pytest.fixture
def filings(tmp_path: Path, store: tuple[str, ...]) -> Corpus:
    """Alike but for the company and the year, which only the metadata tells."""
    corpus = Corpus(tmp_path, {**HASHING, "source": {"use": "jsonl", "path": "documents"}})
    lines = [
        {"_id": name, "title": "", "text": text, "company": company, "year": year}
        for at, (name, company, year) in enumerate(FILINGS)
        for text in [f"Net income went into grain. Stone number {at} was turned by water."]
    ]
    corpus.add("corpus.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    corpus.refresh(store)
    return corpus


def ask(
    filings: Corpus, store: Sequence[str], text: str, *options: str, k: int = 2, **query: Any
) -> list[str]:
    """Documents of the hits, best first."""
    pipeline = filings.load([*store, "retriever.match=[company, year]", *options])
    (found,) = search(pipeline, [Query(text=text, **query)], k).hits
    scores = [hit.score for hit in found]
    assert scores == sorted(scores, reverse=True)
    return list(dict.fromkeys(hit.chunk.document_id for hit in found))


RETRIEVERS = ("dense", "sparse", "hybrid", "neighbourhood")


def test_what_is_named_comes_first_and_others_fill_up(
    filings: Corpus, store: tuple[str, ...]
) -> None:
    for retriever in RETRIEVERS:
        for name, company, year in FILINGS[::5]:
            question = QUESTION.format(f"{company} in FY{year}")
            found = ask(filings, store, question, f"retriever.use={retriever}", k=40)
            assert found[0] == name, retriever
            assert [each for each in found if each.startswith(company)] == found[:3]
            assert set(found) == {each for each, _, _ in FILINGS}


def test_the_index_is_the_same_and_what_names_nothing_finds_the_same(
    filings: Corpus, store: tuple[str, ...]
) -> None:
    for retriever in RETRIEVERS:
        chosen = [*store, f"retriever.use={retriever}"]
        plain, matched = filings.load(chosen), filings.load([*chosen, "retriever.match=[company]"])
        assert plain.fingerprint() == matched.fingerprint()
        unnamed = [Query(text=QUESTION.format("somebody"))]
        assert search(plain, unnamed, 9).hits == search(matched, unnamed, 9).hits


def test_several_values_are_accepted(filings: Corpus, store: tuple[str, ...]) -> None:
    found = ask(filings, store, QUESTION.format("Amcor and Target for 2017 and 2019"), k=40)
    assert sorted(found[:4]) == ["Amcor-2017", "Amcor-2019", "Target-2017", "Target-2019"]


def test_a_company_without_that_year_is_tried_before_all(
    filings: Corpus, store: tuple[str, ...]
) -> None:
    question = QUESTION.format("Amcor in 2018")
    nowhere = {"document_id": [name for name, _, _ in FILINGS if name != "Amcor-2018"]}
    found = ask(filings, store, question, k=40, filter=nowhere)
    assert [each.startswith("Amcor") for each in found] == 2 * [True] + 9 * [False]


@pytest.mark.parametrize("field", ["company", "metadata.company"])
def test_a_given_filter_wins(filings: Corpus, store: tuple[str, ...], field: str) -> None:
    question = QUESTION.format("Amcor in 2018")
    found = ask(filings, store, question, k=40, filter={field: ["Best Buy"]})
    assert found[0] == "Best Buy-2018"
    assert sorted(found) == [f"Best Buy-{year}" for year in (2017, 2018, 2019)]


def test_values_are_asked_for_once_per_generation(
    filings: Corpus, store: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[Scalar]] = []

    def counted(values: Sequence[Scalar]) -> Names:
        asked.append(values)
        return Names(values)

    monkeypatch.setattr(narrowed, "Names", counted)
    for _ in range(3):
        assert ask(filings, store, QUESTION.format("Amcor")) != []
    assert asked == [["3M", "Amcor", "Best Buy", "Target"], [2017, 2018, 2019]]
    line = {"_id": "new", "text": "A wheel turns.", "company": "Weir", "year": 2020}
    with (filings.documents / "corpus.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    filings.refresh(store)
    assert ask(filings, store, "What turns at Weir?")[0] == "new"
    assert len(asked) == 4


def test_too_many_values_are_refused(
    filings: Corpus, store: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(narrowed, "MOST_VALUES", 11)
    with pytest.raises(BadOption, match="'document_id' has more than 11 values"):
        ask(filings, store, "Any?", "retriever.match=[document_id]")
    monkeypatch.setattr(narrowed, "MOST_VALUES", 12)
    assert ask(filings, store, "What is in Target-2018?", "retriever.match=[document_id]", k=1) == [
        "Target-2018"
    ]


def test_a_field_of_chunks_is_refused(filings: Corpus, store: tuple[str, ...]) -> None:
    with pytest.raises(BadOption, match="'page' is no field of a document"):
        ask(filings, store, "What is on page 0?", "retriever.match=[page]")


def test_a_field_that_no_document_has_is_told(
    filings: Corpus, store: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert ask(filings, store, QUESTION.format("3M"), "retriever.match=[compnay]") != []
    assert "no document has the field 'compnay'" in caplog.text


def test_a_draft_s_values_are_read_anew(filings: Corpus, store: tuple[str, ...]) -> None:
    corpus = corpus_of(filings.load(store))
    generation = live(filings.load(store), corpus).generation
    with corpus.lock():
        draft = corpus.draft(generation, generation)
        with corpus.write(draft) as writer:
            assert [hit.chunk.document_id for hit in first(writer)] != ["3M-2017"]
            writer.describe("3M-2017", "", {"company": "Late"})
            assert [hit.chunk.document_id for hit in first(writer)] == ["3M-2017"]
        corpus.discard(draft)


def first(reader: GenerationReader) -> list[Hit]:
    sparse = Sparse(match=("company",), sparse=SPARSE, reader=reader)
    return sparse.retrieve([Query(text="Was the net income of Late spent on grain?")], 1).hits[0]


class Narrowed(RetrieverContract):
    """The library's documents, of which the questions name some."""

    match = ("source", "tags", "title")

    @pytest.fixture
    def queries(self, library: Library) -> list[Query]:
        named = [
            Query(id="9", text="the web's river and mill wheel"),
            Query(id="10", text="river wheel in the guide, n3"),
            Query(id="11", text="river wheel of Mill 2", filter={"source": ["web"]}),
        ]
        return [*library.queries, *named]


class TestDense(Narrowed):
    @pytest.fixture
    def retriever(self, library: Library) -> Dense:
        return Dense(match=self.match, encoder=ENCODER, reader=library.reader)


class TestSparse(Narrowed):
    @pytest.fixture
    def retriever(self, library: Library) -> Sparse:
        return Sparse(match=self.match, sparse=SPARSE, reader=library.reader)


class TestHybrid(Narrowed):
    @pytest.fixture(params=[100, 1])
    def retriever(self, library: Library, request: pytest.FixtureRequest) -> Hybrid:
        depth = request.param
        parts: dict[str, Any] = {"encoder": ENCODER, "sparse": SPARSE, "reader": library.reader}
        return Hybrid(match=self.match, depth=depth, **parts)


class TestNeighbourhood(Narrowed):
    @pytest.fixture(params=[50, 3])
    def retriever(self, library: Library, request: pytest.FixtureRequest) -> Neighbourhood:
        depth = request.param
        return Neighbourhood(match=self.match, depth=depth, encoder=ENCODER, reader=library.reader)


letters = st.permutations("abcdefgh").map("".join)


@given(letters, letters, st.integers(0, 8), st.integers(0, 8), st.floats(-1e3, 1e3))
def test_scores_never_rise_and_nothing_comes_twice(
    one: str, other: str, few: int, more: int, moved: float
) -> None:
    before = hits(*one[:few])
    wider = [_moved(hit, moved) for hit in hits(*other[:more])]
    after = behind(before, wider)
    both = [*before, *after]
    assert all(a.score > b.score for a, b in pairwise(both))
    assert len({hit.chunk.id for hit in both}) == len(both)
    assert [hit.chunk.id for hit in after] == [
        h.chunk.id for h in wider if h.chunk.id not in one[:few]
    ]
    steps = [a.score - b.score for a, b in pairwise(after)]
    kept = [hit.score for hit in wider if hit.chunk.id not in one[:few]]
    assert steps == pytest.approx([a - b for a, b in pairwise(kept)])


def steps(found: Sequence[Hit]) -> list[float]:
    return [one.score - other.score for one, other in pairwise(found)]


def _moved(hit: Hit, by: float) -> Hit:
    return replace(hit, score=hit.score + by)


def test_low_scores_stay() -> None:
    assert behind(hits("a"), [_moved(hits("b")[0], -50.0)])[0].score == 50.0
