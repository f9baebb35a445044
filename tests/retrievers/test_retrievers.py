from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from components.encoders.no_sparse import NoSparse
from components.retrievers.dense import Dense
from components.retrievers.hybrid import Hybrid
from components.retrievers.neighbourhood import Neighbourhood
from components.retrievers.sparse import Sparse
from components.values import Query
from tests.contracts.retriever import RetrieverContract
from tests.retrievers.conftest import AVERAGE, ENCODER, SPARSE, Library


class OverTheLibrary(RetrieverContract):
    @pytest.fixture
    def queries(self, library: Library) -> list[Query]:
        return library.queries


class TestDense(OverTheLibrary):
    @pytest.fixture
    def retriever(self, library: Library) -> Dense:
        return Dense(encoder=ENCODER, reader=library.reader)

    def test_hits_are_those_of_brute_force(
        self, retriever: Dense, library: Library, queries: list[Query]
    ) -> None:
        chunks = [chunk for own in library.chunks.values() for chunk in own]
        stored = ENCODER.encode_queries([chunk.text for chunk in chunks])
        free = [Query(text=query.text) for query in queries]
        likeness = ENCODER.encode_queries([query.text for query in free]) @ stored.T
        for row, hits in zip(likeness, retriever.retrieve(free, len(chunks)).hits, strict=True):
            exact = {chunk.id: float(score) for chunk, score in zip(chunks, row, strict=True)}
            assert {hit.chunk.id: hit.score for hit in hits} == pytest.approx(exact, abs=1e-5)

    def test_hits_are_the_stored_chunks(
        self, retriever: Dense, library: Library, queries: list[Query]
    ) -> None:
        known = {chunk.id: chunk for own in library.chunks.values() for chunk in own}
        for hits in retriever.retrieve(queries, 9).hits:
            for hit in hits:
                assert hit.chunk == known[hit.chunk.id]
                assert hit.chunk_ids == (hit.chunk.id,)

    def test_query_vectors_are_handed_on(self, retriever: Dense, queries: list[Query]) -> None:
        vectors = retriever.retrieve(queries, 1).query_vectors
        assert vectors is not None
        np.testing.assert_array_equal(
            vectors, ENCODER.encode_queries([query.text for query in queries])
        )

    def test_equal_chunks_are_in_order_of_id(self, retriever: Dense, library: Library) -> None:
        twins = sorted(library.ids("twin-1", 0) + library.ids("twin-2", 0))
        for k in (2, 1):
            (hits,) = retriever.retrieve([Query(text="both twins say this.")], k).hits
            assert [hit.chunk.id for hit in hits] == twins[:k]


class TestSparse(OverTheLibrary):
    @pytest.fixture
    def retriever(self, library: Library) -> Sparse:
        return Sparse(sparse=SPARSE, reader=library.reader)

    def test_hits_share_a_word_with_the_question(self, retriever: Sparse) -> None:
        (hits,) = retriever.retrieve([Query(text="the owl and the wren")], 9).hits
        assert sorted(hit.chunk.text for hit in hits) == ["A wren sings. ", "An owl hunts mice. "]

    @pytest.mark.parametrize("question", ["to be or not to be", "?", "…", "🚀", " "])
    def test_a_question_without_words_is_told(
        self, retriever: Sparse, question: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert retriever.retrieve([Query(text=question), Query(text="owl")], 9).hits[0] == []
        (told,) = caplog.messages
        assert repr(question) in told

    def test_a_rare_word_counts_more(self, retriever: Sparse) -> None:
        (hits,) = retriever.retrieve([Query(text="heron river")], 50).hits
        assert "heron" in hits[0].chunk.text
        assert len(hits) > 1
        assert hits[0].score > 2 * hits[1].score

    def test_scores_are_those_of_bm25(
        self, retriever: Sparse, library: Library, queries: list[Query]
    ) -> None:
        chunks = [chunk for own in library.chunks.values() for chunk in own]
        weights = {
            chunk.id: dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))
            for chunk, vector in zip(
                chunks,
                SPARSE.encode_documents([chunk.text for chunk in chunks], AVERAGE),
                strict=True,
            )
        }
        holders = Counter(term for own in weights.values() for term in own)
        free = [Query(text=query.text) for query in queries]
        free.append(Query(text="the wheel, the mill, the wheel and the river: the wheel"))
        asked = [
            dict(zip(vector.indices.tolist(), vector.values.tolist(), strict=True))
            for vector in SPARSE.encode_queries([query.text for query in free])
        ]
        assert sorted(asked[-1].values()) == pytest.approx([1, 1, 27 / 11])
        for wanted, hits in zip(asked, retriever.retrieve(free, len(chunks)).hits, strict=True):
            rarity = {
                term: math.log(1 + (len(chunks) - holders[term] + 0.5) / (holders[term] + 0.5))
                for term in wanted
            }
            scores = {
                name: sum(wanted[term] * rarity[term] * own[term] for term in wanted if term in own)
                for name, own in weights.items()
                if set(wanted) & set(own)
            }
            assert {hit.chunk.id: hit.score for hit in hits} == pytest.approx(scores, rel=1e-4)

    def test_a_question_of_stop_words_finds_nothing(self, retriever: Sparse) -> None:
        assert retriever.retrieve([Query(text="what is the"), Query(text="")], 5).hits == [[], []]

    def test_no_query_vectors(self, retriever: Sparse, queries: list[Query]) -> None:
        assert retriever.retrieve(queries, 1).query_vectors is None

    def test_without_sparse_vectors_nothing_is_found(
        self, library: Library, queries: list[Query]
    ) -> None:
        retriever = Sparse(sparse=NoSparse(), reader=library.reader)
        assert retriever.retrieve(queries, 5).hits == [[] for _ in queries]


class TestHybrid(OverTheLibrary):
    @pytest.fixture(params=[("auto", 100), ("auto", 1), ("convex", 100), ("rrf", 1)])
    def retriever(self, library: Library, request: pytest.FixtureRequest) -> Hybrid:
        fusion, depth = request.param
        return Hybrid(
            fusion=fusion, depth=depth, encoder=ENCODER, sparse=SPARSE, reader=library.reader
        )


class TestNeighbourhood(OverTheLibrary):
    @pytest.fixture(params=[(50, 1, 1), (3, 0, 2)])
    def retriever(self, library: Library, request: pytest.FixtureRequest) -> Neighbourhood:
        depth, before, after = request.param
        return Neighbourhood(
            depth=depth, before=before, after=after, encoder=ENCODER, reader=library.reader
        )
