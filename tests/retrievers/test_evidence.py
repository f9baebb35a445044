"""Chunks and whole documents in one order."""

from __future__ import annotations

from pathlib import Path

import pytest

from components import spec
from components.corpus.search import Searcher
from components.retrievers.evidence import Asked, evidence, spreads, with_documents
from components.retrievers.hybrid import Fusion, Hybrid
from components.values import Hit, Query
from tests.corpora import Corpus
from tests.retrievers.conftest import ENCODER, SPARSE, Library

CHAPTERS = (
    "granite kiln",
    "copper lathe",
    "willow basket",
    "amber varnish",
    "linen loom",
    "marble saw",
    "silver solder",
    "birch plane",
)
SUMMARY = " ".join(CHAPTERS)
PIPELINE = {
    "name": "manuals",
    "source": {"use": "files", "path": "documents"},
    "splitter": {"use": "sentence"},
    "encoder": {"use": "hashing", "width": 128},
    "sparse": {"use": "bm25"},
    "index": {"use": "qdrant_edge", "path": "store"},
    "retriever": {"use": "hybrid"},
}


@pytest.fixture(scope="module")
def manuals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One manual has a chapter on each subject, the others a chapter on two of them at once."""
    corpus = Corpus(tmp_path_factory.mktemp("manuals"), PIPELINE)
    chapters = (f"The workshop uses {each} in the {n}th room." for n, each in enumerate(CHAPTERS))
    corpus.add("whole.txt", " ".join(chapters))
    for n, (one, other) in enumerate(zip(CHAPTERS, CHAPTERS[1:] + CHAPTERS[:1], strict=True)):
        text = f"A {one} and a {other} together. Nothing else is here."
        corpus.add(f"part-{n}.txt", text)
    corpus.refresh()
    return corpus.file


def asked(file: Path, text: str, fusion: Fusion) -> list[Hit]:
    pipeline = spec.load(file, [f"retriever.fusion={fusion}"])
    with Searcher(pipeline) as searcher:
        return searcher.search([Query(text=text)], 5).hits[0]


class TestWholeDocuments:
    def test_what_only_the_document_has_leads_to_it(self, manuals: Path) -> None:
        assert asked(manuals, SUMMARY, "auto")[0].chunk.document_id == "whole.txt"
        assert asked(manuals, SUMMARY, "rrf")[0].chunk.document_id != "whole.txt"

    def test_what_a_chunk_has_leads_to_the_chunk(self, manuals: Path) -> None:
        (first, *_) = asked(manuals, "a granite kiln and a copper lathe together", "auto")
        assert first.chunk.document_id == "part-0.txt"
        assert "together" in first.chunk.text

    def test_scores_fall_from_at_most_one(self, manuals: Path) -> None:
        for fusion in ("auto", "convex"):
            scores = [hit.score for hit in asked(manuals, SUMMARY, fusion)]
            assert scores == sorted(scores, reverse=True)
            assert 0.0 <= scores[-1] <= scores[0] <= 1.0


@pytest.mark.parametrize("fusion", ["auto", "convex"])
def test_whoever_asks_for_more_sees_the_same_first(library: Library, fusion: Fusion) -> None:
    retriever = Hybrid(
        fusion=fusion, depth=4, encoder=ENCODER, sparse=SPARSE, reader=library.reader
    )
    few, more = (retriever.retrieve(library.queries, k).hits for k in (3, 40))
    assert [[(hit.chunk.id, hit.score) for hit in hits] for hits in few] == [
        [(hit.chunk.id, hit.score) for hit in hits[: len(own)]]
        for hits, own in zip(more, few, strict=True)
    ]
    assert max(map(len, more)) > 20


class TestEvidence:
    def asked(self, text: str) -> Asked:
        return Asked(ENCODER.encode_queries([text]), SPARSE.encode_queries([text]), [{}])

    def test_the_first_documents_are_represented(self, library: Library) -> None:
        one = self.asked("water wheel")
        (found,) = with_documents(library.reader, one, 1, 1)
        lists = found.documents_by_words, found.documents_by_meaning
        hits = evidence(found, 1).hits
        there = {hit.chunk.document_id for hit in hits}
        assert len(there) > 2
        assert there > {name for own in lists for name, _ in own[:3]}
        assert len({hit.chunk.id for hit in hits}) == len(hits)

    def test_a_filter_of_pages_holds_for_what_represents_a_document(self, library: Library) -> None:
        one = self.asked("water wheel")
        (found,) = with_documents(library.reader, one._replace(filters=[{"page": [2]}]), 1, 1)
        assert {hit.chunk.page for hit in evidence(found, 1).hits} == {2}

    def test_of_a_question_in_one_chunk_the_spread_is_whole(self, library: Library) -> None:
        text = library.chunks["mill-2"][5].text
        one = self.asked(text)
        found = with_documents(library.reader, one, 3, 3)
        assert spreads(library.reader, SPARSE, one.sparse, found) == [1.0]

    def test_of_a_question_over_many_chunks_it_is_small(self, library: Library) -> None:
        text = " ".join(chunk.text for chunk in library.chunks["birds"])
        one = self.asked(text)
        found = with_documents(library.reader, one, 3, 3)
        (spread,) = spreads(library.reader, SPARSE, one.sparse, found)
        assert 0.1 < spread < 0.5

    def test_a_question_without_words_has_none_to_spread(self, library: Library) -> None:
        one = self.asked("the of and")
        found = with_documents(library.reader, one, 3, 3)
        assert spreads(library.reader, SPARSE, one.sparse, found) == [1.0]
