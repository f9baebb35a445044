"""What every retriever must do.

Inherit `RetrieverContract`, and give it a `retriever` over some corpus and `queries` that all find
something there, at least one of them with a filter.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from components.stages import Retriever
from components.values import Chunk, Filter, Hit, Query

MANY = 5_000
"""More than the corpus has chunks."""


def values_of(chunk: Chunk, name: str) -> Sequence[Any]:
    """What a chunk has in a field that a filter names."""
    value = getattr(chunk, name) if name != "metadata" and hasattr(chunk, name) else None
    value = chunk.metadata.get(name) if value is None else value
    return value if isinstance(value, list | tuple) else [value]


def scores(hits: Sequence[Hit]) -> dict[str, float]:
    return {hit.chunk.id: hit.score for hit in hits}


class RetrieverContract:
    @pytest.fixture
    def retriever(self) -> Retriever:
        raise NotImplementedError("give a retriever over some corpus")

    @pytest.fixture
    def queries(self) -> list[Query]:
        raise NotImplementedError("give queries that find something, one of them with a filter")

    def test_is_a_retriever(self, retriever: Retriever) -> None:
        assert isinstance(retriever, Retriever)
        assert retriever.depth >= 1

    def test_a_list_per_query(self, retriever: Retriever, queries: list[Query]) -> None:
        ranked = retriever.retrieve(queries, 3)
        assert len(ranked.hits) == len(queries)
        assert all(ranked.hits)
        if ranked.query_vectors is not None:
            assert ranked.query_vectors.shape[0] == len(queries)
            assert ranked.query_vectors.dtype == np.float32

    @pytest.mark.parametrize("k", [1, 2, 7])
    def test_at_most_k_hits(self, retriever: Retriever, queries: list[Query], k: int) -> None:
        counts = [len(hits) for hits in retriever.retrieve(queries, k).hits]
        assert max(counts) <= k
        assert min(counts) >= 1

    def test_best_first_and_ties_by_id(self, retriever: Retriever, queries: list[Query]) -> None:
        for hits in retriever.retrieve(queries, MANY).hits:
            assert np.isfinite([hit.score for hit in hits]).all()
            keys = [(-hit.score, hit.chunk.id) for hit in hits]
            assert all(one < other for one, other in pairwise(keys))

    def test_fewer_hits_are_the_first_of_more(
        self, retriever: Retriever, queries: list[Query]
    ) -> None:
        few, more = (retriever.retrieve(queries, k).hits for k in (1, 2))
        assert [hits[0].chunk.id for hits in few] == [hits[0].chunk.id for hits in more]

    def test_no_chunk_is_found_twice(self, retriever: Retriever, queries: list[Query]) -> None:
        for hits in retriever.retrieve(queries, MANY).hits:
            counted = Counter(chunk_id for hit in hits for chunk_id in hit.chunk_ids)
            assert set(counted.values()) == {1}
            assert all(hit.chunk.id in hit.chunk_ids for hit in hits)

    def test_filters_hold(self, retriever: Retriever, queries: list[Query]) -> None:
        assert any(query.filter for query in queries)
        for query, hits in zip(queries, retriever.retrieve(queries, MANY).hits, strict=True):
            for hit in hits:
                for name, wanted in query.filter.items():
                    assert set(values_of(hit.chunk, name)) & set(wanted)

    def test_a_filter_takes_hits_away(self, retriever: Retriever, queries: list[Query]) -> None:
        for query in queries:
            if query.filter:
                held, free = retriever.retrieve([query, replace(query, filter={})], MANY).hits
                held_ids, free_ids = (
                    {chunk_id for hit in hits for chunk_id in hit.chunk_ids}
                    for hits in (held, free)
                )
                assert held_ids < free_ids

    def test_an_unknown_filter_value_finds_nothing(
        self, retriever: Retriever, queries: list[Query]
    ) -> None:
        unknown: list[Filter] = [{"document_id": ["no such document"]}, {"nowhere": ["value", 1]}]
        for wanted in unknown:
            nowhere = [replace(query, filter=wanted) for query in queries]
            assert retriever.retrieve(nowhere, 5).hits == [[] for _ in queries]

    def test_every_field_of_a_filter_must_match(
        self, retriever: Retriever, queries: list[Query]
    ) -> None:
        query = next(each for each in queries if each.filter)
        both = replace(query, filter={**query.filter, "document_id": ["no such document"]})
        assert retriever.retrieve([both], 5).hits == [[]]

    def test_a_batch_is_as_its_queries_alone(
        self, retriever: Retriever, queries: list[Query]
    ) -> None:
        together = retriever.retrieve(queries, 7).hits
        alone = [retriever.retrieve([query], 7).hits[0] for query in queries]
        for one, other in zip(alone, together, strict=True):
            assert scores(one) == pytest.approx(scores(other), abs=1e-4)

    def test_calls_are_alike(self, retriever: Retriever, queries: list[Query]) -> None:
        assert retriever.retrieve(queries, 7).hits == retriever.retrieve(queries, 7).hits

    def test_shares_are_one_for_each_query(
        self, retriever: Retriever, queries: list[Query]
    ) -> None:
        shares = retriever.retrieve(queries, 5).shares
        if shares is not None:
            assert len(shares) == len(queries)
            assert all(0.0 <= share <= 1.0 for share in shares)

    def test_no_queries(self, retriever: Retriever) -> None:
        assert retriever.retrieve([], 5).hits == []

    def test_a_query_without_words_does_no_harm(self, retriever: Retriever) -> None:
        (hits,) = retriever.retrieve([Query(text="")], 5).hits
        assert len(hits) <= 5

    def test_is_frozen(self, retriever: Any) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            retriever.depth = 1
