from __future__ import annotations

from dataclasses import replace

import pytest

from components.rerankers.feedback import Feedback
from components.rerankers.none import Keep
from tests.contracts.reranker import RerankerContract, ranked_lists


class TestKeep(RerankerContract):
    @pytest.fixture
    def reranker(self) -> Keep:
        return Keep()

    def test_nothing_changes_and_nothing_is_needed(self, reranker: Keep) -> None:
        queries, ranked, _ = ranked_lists((5, 1))
        assert not reranker.needs_vectors
        assert reranker.depth == 0
        assert reranker.rerank(queries, replace(ranked, query_vectors=None), []) == ranked.hits


class TestFeedback(RerankerContract):
    @pytest.fixture(
        params=[
            Feedback(),
            Feedback(depth=5, documents=2, weight=1.0, interpolate=0.0),
            Feedback(depth=1),
            Feedback(documents=1000, weight=5.0, interpolate=1.0),
        ],
        ids=["default", "shallow", "single", "interpolated"],
    )
    def reranker(self, request: pytest.FixtureRequest) -> Feedback:
        found: Feedback = request.param
        return found
