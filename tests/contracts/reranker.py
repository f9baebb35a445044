"""What every reranker must do: inherit `RerankerContract` and give it a `reranker` fixture."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from components.stages import Reranker
from components.values import Chunk, Hit, Matrix, Query, Ranked, Span

COUNTS = (12, 0, 1, 2, 150)
"""Hits of each query: also none, a single one, and more than a reranker reads as a rule."""
WIDTH = 16


def unit_rows(seed: int, count: int) -> Matrix:
    """Random directions."""
    rows = np.random.default_rng(seed).normal(size=(count, WIDTH))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def hit(number: int, score: float) -> Hit:
    """A passage of two chunks."""
    text = f"Sentence {number}. Another one."
    chunk = Chunk(
        id=f"{number:04}", document_id=f"d{number % 5}", version="1", ordinal=number,
        span=Span(number, number + len(text)), text=text,
    )  # fmt: skip
    return Hit(chunk=chunk, score=score, chunk_ids=(chunk.id, f"{number:04}b"))


def ranked_lists(counts: Sequence[int]) -> tuple[list[Query], Ranked, list[Matrix]]:
    """Queries, hits with falling scores (some equal), and the hits' vectors."""
    queries = [Query(id=str(at), text=f"question {at}") for at in range(len(counts))]
    hits = [
        [hit(at * 1000 + rank, 1.0 - (rank // 2) / 100) for rank in range(count)]
        for at, count in enumerate(counts)
    ]
    vectors = [unit_rows(at, count) for at, count in enumerate(counts)]
    return queries, Ranked(hits, unit_rows(99, len(counts))), vectors


def reranked(reranker: Reranker, counts: Sequence[int] = COUNTS) -> list[list[Hit]]:
    queries, ranked, vectors = ranked_lists(counts)
    return reranker.rerank(queries, ranked, handed(reranker, vectors))


def handed(reranker: Reranker, vectors: Sequence[Matrix]) -> list[Matrix]:
    """As the runner hands them over."""
    return [each[: reranker.depth] for each in vectors] if reranker.needs_vectors else []


class RerankerContract:
    @pytest.fixture
    def reranker(self) -> Reranker:
        raise NotImplementedError("give a reranker")

    def test_is_a_reranker(self, reranker: Reranker) -> None:
        assert isinstance(reranker, Reranker)
        assert reranker.depth >= 0

    def test_the_same_hits(self, reranker: Reranker) -> None:
        _, ranked, _ = ranked_lists(COUNTS)
        for before, after in zip(ranked.hits, reranked(reranker), strict=True):
            assert {each.chunk.id for each in before} == {each.chunk.id for each in after}
            assert len(before) == len(after)
            known = {each.chunk.id: each for each in before}
            for each in after:
                assert each.chunk == known[each.chunk.id].chunk
                assert each.chunk_ids == known[each.chunk.id].chunk_ids

    def test_scores_never_rise(self, reranker: Reranker) -> None:
        for hits in reranked(reranker):
            assert np.isfinite([each.score for each in hits]).all()
            assert all(one.score >= other.score for one, other in pairwise(hits))

    def test_no_hit_and_a_single_hit_stay_as_they_are(self, reranker: Reranker) -> None:
        _, ranked, _ = ranked_lists(COUNTS)
        after = reranked(reranker)
        assert after[1] == ranked.hits[1] == []
        assert after[2] == ranked.hits[2]

    def test_the_first_score_is_kept(self, reranker: Reranker) -> None:
        _, ranked, _ = ranked_lists(COUNTS)
        for before, after in zip(ranked.hits, reranked(reranker), strict=True):
            first = {each.chunk.id: each.score for each in before}
            for each in after:
                kept = each.score if each.first_score is None else each.first_score
                assert kept == first[each.chunk.id]

    def test_no_queries(self, reranker: Reranker) -> None:
        assert reranked(reranker, ()) == []

    def test_a_batch_is_as_its_queries_alone(self, reranker: Reranker) -> None:
        queries, ranked, vectors = ranked_lists(COUNTS)
        assert ranked.query_vectors is not None
        for at, together in enumerate(reranked(reranker)):
            (alone,) = reranker.rerank(
                queries[at : at + 1],
                Ranked(ranked.hits[at : at + 1], ranked.query_vectors[at : at + 1]),
                handed(reranker, vectors[at : at + 1]),
            )
            assert [each.chunk.id for each in alone] == [each.chunk.id for each in together]
            assert [each.score for each in alone] == pytest.approx(
                [each.score for each in together], abs=1e-4
            )

    def test_what_it_was_given_stays_as_it_was(self, reranker: Reranker) -> None:
        queries, ranked, vectors = ranked_lists(COUNTS)
        reranker.rerank(queries, ranked, handed(reranker, vectors))
        _, fresh, fresh_vectors = ranked_lists(COUNTS)
        assert ranked.hits == fresh.hits
        for own, other in zip(vectors, fresh_vectors, strict=True):
            np.testing.assert_array_equal(own, other)

    def test_calls_are_alike(self, reranker: Reranker) -> None:
        assert reranked(reranker) == reranked(reranker)

    def test_survives_pickling_after_use(self, reranker: Reranker) -> None:
        once = reranked(reranker)
        copy = pickle.loads(pickle.dumps(reranker))
        assert copy == reranker
        assert reranked(copy) == once

    def test_is_frozen(self, reranker: Any) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            reranker.anything = 1
