from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from components.rerankers.cross_encoder import CrossEncoder
from components.rerankers.e2rank.reranker import E2Rank
from components.rerankers.feedback import Feedback
from components.rerankers.late_interaction import LateInteraction
from components.rerankers.none import Keep
from tests.contracts.reranker import RerankerContract, ranked_lists
from tests.rerankers.published import MODEL


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
            Feedback(depth=5, documents=2, weight=1.0, interpolate=0.0, agreement=-1.0),
            Feedback(depth=1),
            Feedback(documents=1000, weight=5.0, interpolate=1.0, agreement=-1.0),
        ],
        ids=["default", "shallow", "single", "interpolated"],
    )
    def reranker(self, request: pytest.FixtureRequest) -> Feedback:
        found: Feedback = request.param
        return found


@pytest.mark.usefixtures("hub")
class TestE2Rank(RerankerContract):
    @pytest.fixture(
        params=[
            {},
            {"depth": 5, "documents": 2, "interpolate": 0.5},
            {"window": 20},
            {"depth": 1},
        ],
        ids=["default", "shallow", "sliding", "single"],
    )
    def reranker(self, request: pytest.FixtureRequest) -> E2Rank:
        return E2Rank(model=MODEL, vectors="encode", precision="fp32", **request.param)


class TestLateInteraction(RerankerContract):
    @pytest.fixture(
        params=[{}, {"depth": 5, "interpolate": 0.5}, {"tokens": 2}, {"depth": 1}],
        ids=["default", "shallow", "short", "single"],
    )
    def reranker(self, request: pytest.FixtureRequest, tiny: Path) -> LateInteraction:
        return LateInteraction(model=str(tiny), precision="fp32", **request.param)


class TestCrossEncoder(RerankerContract):
    @pytest.fixture(
        params=[{}, {"depth": 5, "interpolate": 0.5}, {"tokens": 12}, {"depth": 1}],
        ids=["default", "shallow", "short", "single"],
    )
    def reranker(self, request: pytest.FixtureRequest, crossed: Path) -> CrossEncoder:
        pytest.importorskip("sentence_transformers")
        return CrossEncoder(model=str(crossed), precision="fp32", **request.param)
