"""Chunks and whole documents in one order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import spec
from components.corpus.search import Searcher
from components.encoders.bm25 import Bm25
from components.retrievers.evidence import Asked, Lists, evidence, spreads, with_documents
from components.retrievers.hybrid import Fusion, Hybrid
from components.retrievers.weights import fitted
from components.values import Hit, Query, SparseVector
from tests.corpora import Corpus
from tests.retrievers.conftest import ENCODER, SPARSE, Library
from tests.retrievers.test_fusion import hits

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


def asked(file: Path, text: str, fusion: str, depth: int = 50, k: int = 5) -> list[Hit]:
    pipeline = spec.load(file, [f"retriever.fusion={fusion}", f"retriever.depth={depth}"])
    with Searcher(pipeline) as searcher:
        return searcher.search([Query(text=text)], k).hits[0]


class TestWholeDocuments:
    def test_what_only_the_document_has_leads_to_it(self, manuals: Path) -> None:
        assert asked(manuals, SUMMARY, "auto")[0].chunk.document_id == "whole.txt"
        assert asked(manuals, SUMMARY, "rrf")[0].chunk.document_id != "whole.txt"

    def test_what_a_chunk_has_leads_to_the_chunk(self, manuals: Path) -> None:
        (first, *_) = asked(manuals, "a granite kiln and a copper lathe together", "auto")
        assert first.chunk.document_id == "part-0.txt"
        assert "together" in first.chunk.text

    def test_a_document_none_of_whose_chunks_was_found_has_a_hit(self, manuals: Path) -> None:
        by_ranks, by_all = (
            {hit.chunk.document_id for hit in asked(manuals, SUMMARY, fusion, depth=1, k=1)}
            for fusion in ("rrf", "auto")
        )
        assert by_ranks != {"whole.txt"}
        assert by_all == {"whole.txt"}

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


@pytest.mark.parametrize("fusion", ["auto", "convex"])
@pytest.mark.parametrize("depth", [1, 2, 7])
@pytest.mark.parametrize("text", ["river mill wheel", "the of and", "zzz", "kingfisher"])
def test_what_lies_deeper_stays_below(
    library: Library, fusion: Fusion, depth: int, text: str
) -> None:
    """Also where the last hit that counts has nothing that speaks for it."""
    retriever = Hybrid(
        fusion=fusion, depth=depth, encoder=ENCODER, sparse=SPARSE, reader=library.reader
    )
    found = [
        [(hit.chunk.id, hit.score) for hit in retriever.retrieve([Query(text=text)], k).hits[0]]
        for k in (depth, 9, 17, 60)
    ]
    for few, more in pairwise(found):
        assert more[: len(few)] == few
    assert found[-1] == sorted(found[-1], key=lambda each: (-each[1], each[0]))


class Signed(Bm25):
    """Weights of either sign, and of any size."""

    def encode_documents(self, texts: Sequence[str], average_length: float) -> list[SparseVector]:
        return list(map(_signed, super().encode_documents(texts, average_length)))

    def encode_queries(self, texts: Sequence[str]) -> list[SparseVector]:
        return list(map(_signed, super().encode_queries(texts)))


def _signed(terms: SparseVector) -> SparseVector:
    return replace(terms, values=np.resize([1e18, -1e18], len(terms.values)).astype(np.float32))


class Counted(Bm25):
    """Counts how often it is asked."""

    def encode_documents(self, texts: Sequence[str], average_length: float) -> list[SparseVector]:
        calls.append(len(texts))
        return super().encode_documents(texts, average_length)


calls: list[int] = []


class OfStrangers:
    """A reader without some of the methods for whole documents."""

    def __init__(self, library: Library, *without: str) -> None:
        self._reader, self._without = library.reader, without

    def __getattr__(self, name: str) -> Any:
        if name in self._without:
            raise AttributeError(name)
        return getattr(self._reader, name)


class TestStrangers:
    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("fusion", ["auto", "convex", "rrf"])
    def test_weights_of_any_sign_and_size_give_finite_scores(
        self, library: Library, fusion: Fusion
    ) -> None:
        retriever = Hybrid(fusion=fusion, encoder=ENCODER, sparse=Signed(), reader=library.reader)
        ranked = retriever.retrieve(library.queries, 9)
        for own in ranked.hits:
            assert own
            assert all(math.isfinite(hit.score) for hit in own)
        assert all(0.0 <= share <= 1.0 for share in ranked.shares or ())

    def test_a_sparse_encoder_is_asked_once_for_all_questions(self, library: Library) -> None:
        calls.clear()
        retriever = Hybrid(encoder=ENCODER, sparse=Counted(), reader=library.reader)
        retriever.retrieve(library.queries, 3)
        assert len(calls) == 1
        assert calls[0] > 3

    @pytest.mark.parametrize(
        "without",
        [
            ("nearest_documents", "nearest_documents_sparse", "document_terms"),
            ("nearest_documents",),
            ("nearest_documents_sparse",),
            ("document_terms",),
        ],
    )
    @pytest.mark.parametrize("fusion", ["auto", "convex"])
    def test_a_reader_without_whole_documents_is_searched_by_its_chunks(
        self, library: Library, without: tuple[str, ...], fusion: Fusion
    ) -> None:
        reader: Any = OfStrangers(library, *without)
        retriever = Hybrid(fusion=fusion, encoder=ENCODER, sparse=SPARSE, reader=reader)
        text = " ".join(chunk.text for chunk in library.chunks["birds"])
        ranked = retriever.retrieve([Query(text=text)], 9)
        assert ranked.hits[0][0].chunk.document_id == "birds"
        assert ranked.shares in (None, [pytest.approx(fitted().reranked(1.0))])


class TestShares:
    """What late interaction is told is of the search that found the first hits."""

    @pytest.fixture
    def birds(self, library: Library) -> str:
        return " ".join(chunk.text for chunk in library.chunks["birds"])

    def shares(self, library: Library, queries: Sequence[Query], *match: str) -> list[float]:
        retriever = Hybrid(match=match, encoder=ENCODER, sparse=SPARSE, reader=library.reader)
        shares = retriever.retrieve(queries, 5).shares
        assert shares is not None
        return shares

    def test_a_narrower_search_that_found_none_says_nothing(
        self, library: Library, birds: str
    ) -> None:
        named = f"{birds} Mill 1"
        (alone,) = self.shares(library, [Query(text=birds)])
        assert alone < fitted().share / 2
        # No document that is called so has such a source.
        for filters in (
            {"source": ["guide"], "document_id": ["birds"]},
            {"document_id": ["birds"]},
        ):
            (wide,) = self.shares(library, [Query(text=named, filter=filters)])
            (told,) = self.shares(library, [Query(text=named, filter=filters)], "title")
            assert told == wide < fitted().share / 2

    def test_each_question_has_its_own(self, library: Library, birds: str) -> None:
        one = library.chunks["mill-2"][5].text
        queries = [Query(text=birds), Query(text=one), Query(text="the of and")]
        few, whole, none = self.shares(library, queries)
        assert few < whole == none
        assert [whole, none, few] == self.shares(library, [*queries[1:], queries[0]])

    def test_without_questions_there_are_none(self, library: Library) -> None:
        retriever = Hybrid(encoder=ENCODER, sparse=SPARSE, reader=library.reader)
        ranked = retriever.retrieve([], 5)
        assert ranked.hits == []
        assert not ranked.shares


@pytest.mark.parametrize(
    "sentence", ["Salmon leaping rapids.", "Miners digging tunnels.", "Falcons hunting voles."]
)
def test_a_short_chunk_is_read_in_the_languages_that_documents_have(
    tmp_path: Path, sentence: str
) -> None:
    """Each of these would be taken for another one by itself."""
    corpus = Corpus(tmp_path, {**PIPELINE, "sparse": {"use": "bm25", "language": "auto"}})
    around = "The workshop keeps many tools for the people who work here."
    corpus.add("long.txt", f"{around} {sentence} {around}")
    corpus.add("other.txt", f"{around} Willow baskets are woven in the last room of the house.")
    corpus.refresh()
    own = corpus.job().corpus
    release = own.live()
    assert release is not None
    languages = tuple(release.generation.totals.languages)
    assert languages == ("english",)
    with own.read(release.generation) as reader:
        sparse = Bm25(language="auto", languages=languages)
        shares = (
            Hybrid(encoder=ENCODER, sparse=sparse, reader=reader)
            .retrieve([Query(text=sentence)], 3)
            .shares
        )
    assert shares == [fitted().reranked(1.0)]


class TestRounding:
    """What differs by no more than rounding is equal."""

    def kinds(self, *scores: float) -> list[float]:
        own = [replace(hit, score=score) for hit, score in zip(hits(*"abcd"), scores, strict=False)]
        return [float(row[1]) for row in evidence(Lists([], own), 9).kinds]

    @pytest.mark.parametrize(
        "scores",
        [
            (0.9, 0.9),
            (0.9, 0.899999),
            (1.0, 0.999998, 0.999997),
            (0.0, -0.000001),
            (-0.5, -0.500001),
        ],
    )
    def test_equal_cosines_are_alike(self, scores: tuple[float, ...]) -> None:
        assert self.kinds(*scores) == [1.0] * len(scores)

    def test_others_are_not(self) -> None:
        assert self.kinds(0.9, 0.8, 0.7) == [1.0, pytest.approx(0.5), 0.0]
        assert self.kinds(0.9, 0.8999) == [1.0, 0.0]

    def test_equal_documents_are_alike(self) -> None:
        lists = Lists(hits("a"), hits("a"), documents_by_meaning=[("e", 0.700001), ("d", 0.7)])
        assert evidence(lists, 9).kinds[0, 3] == 1.0


class TestEvidence:
    def asked(self, text: str) -> Asked:
        return Asked(ENCODER.encode_queries([text]), SPARSE.encode_queries([text]), [{}])

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
