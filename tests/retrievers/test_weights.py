"""Laws of the weights, those that are shipped and others of their kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import registry
from components.errors import BadOption
from components.retrievers.evidence import KINDS
from components.retrievers.hybrid import Hybrid
from components.retrievers.weights import Weights, fitted, fixed, of_chunks_alone, read
from components.values import Query
from tests.retrievers.conftest import ENCODER, SPARSE, Library

shares = st.floats(0, 1)
rows = st.lists(st.floats(0.01, 5), min_size=len(KINDS), max_size=len(KINDS))


def made(chunk: list[float], document: list[float], middle: float, width: float) -> Weights:
    def table(row: list[float]) -> str:
        return "\n".join(f"{kind} = {each!r}" for kind, each in zip(KINDS, row, strict=True))

    return read(
        f"[chunk]\n{table(chunk)}\n[document]\n{table(document)}\n"
        f"[turn]\nmiddle = {middle!r}\nwidth = {width!r}\n[reranking]\nshare = 0.25\n"
    )


weights = st.one_of(st.just(fitted()), st.builds(made, rows, rows, shares, st.floats(0.01, 0.5)))


@settings(deadline=None)
@given(weights, shares, st.booleans())
def test_they_add_up_to_1_and_none_is_negative(of: Weights, spread: float, whole: bool) -> None:
    found = of.of(spread, whole=whole)
    assert found.shape == (len(KINDS),)
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1.0, abs=1e-5)
    assert whole or not found[2:].any()


@settings(deadline=None)
@given(weights, shares, shares)
def test_the_more_words_a_chunk_has_the_more_it_leads(
    of: Weights, one: float, other: float
) -> None:
    less, more = sorted((one, other))
    assert of.leads(less) <= of.leads(more)
    assert 0.0 <= of.reranked(less) <= of.reranked(more) <= of.share


@settings(deadline=None)
@given(weights, shares)
def test_the_turn_is_between_both_rows(of: Weights, spread: float) -> None:
    low, high = np.minimum(of.chunk, of.document), np.maximum(of.chunk, of.document)
    found = of.of(spread, whole=True)
    assert ((found >= low - 1e-6) & (found <= high + 1e-6)).all()


@settings(deadline=None)
@given(st.floats(0, 10), st.floats(0, 10), shares)
def test_fixed_ones_add_up_to_1(words: float, meaning: float, document: float) -> None:
    if words + meaning == 0:
        return
    found = fixed(words, meaning, document)
    assert found.sum() == pytest.approx(1.0, abs=1e-5)
    alone = of_chunks_alone(found)
    assert alone.sum() == pytest.approx(1.0, abs=1e-5)
    assert not alone[2:].any()


def test_fixed_ones_are_of_something() -> None:
    with pytest.raises(ValueError, match="dense_weight and sparse_weight are both 0"):
        fixed(0.0, 0.0, 0.4)


def hybrid(library: Library, **options: Any) -> Hybrid:
    choice = registry.resolve("retriever", "hybrid", options)
    built: Hybrid = registry.build(
        "retriever", choice, encoder=ENCODER, sparse=SPARSE, reader=library.reader
    )
    return built


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "told"),
        [
            ({"fusion": "auto", "k": 60}, "k is read by fusion: rrf, not by auto"),
            ({"fusion": "convex", "k": 60}, "k is read by fusion: rrf, not by convex"),
            (
                {"fusion": "auto", "dense_weight": 0},
                "dense_weight is read by fusion: rrf or convex, not by auto",
            ),
            (
                {"fusion": "auto", "sparse_weight": 2},
                "sparse_weight is read by fusion: rrf or convex, not by auto",
            ),
            (
                {"fusion": "rrf", "document_weight": 0.5},
                "document_weight is read by fusion: convex, not by rrf",
            ),
            ({"document_weight": 0}, "document_weight is read by fusion: convex, not by rrf"),
            (
                {"fusion": "convex", "dense_weight": 0, "sparse_weight": 0},
                "dense_weight and sparse_weight are both 0",
            ),
        ],
    )
    def test_one_that_the_fusion_does_not_read_is_refused(
        self, library: Library, options: dict[str, Any], told: str
    ) -> None:
        with pytest.raises(BadOption, match=told) as caught:
            hybrid(library, **options)
        assert caught.value.where == "retriever"

    @pytest.mark.parametrize(
        "options",
        [
            {"k": 60},
            {"dense_weight": 1.0},
            {"sparse_weight": 1.0},
            {"depth": 100, "k": 60, "dense_weight": 1.0, "sparse_weight": 1.0},
        ],
    )
    def test_weights_or_k_alone_are_of_ranks(
        self, library: Library, queries: list[Query], options: dict[str, Any]
    ) -> None:
        ranked = hybrid(library, fusion="rrf").retrieve(queries, 10)
        assert hybrid(library, **options).retrieve(queries, 10).hits == ranked.hits
        assert ranked.shares is None

    def test_nothing_set_is_weighed_question_by_question(
        self, library: Library, queries: list[Query]
    ) -> None:
        found = hybrid(library).retrieve(queries, 10)
        assert found.hits == hybrid(library, fusion="auto").retrieve(queries, 10).hits
        assert found.hits != hybrid(library, fusion="rrf").retrieve(queries, 10).hits
        assert found.shares is not None
        assert len(found.shares) == len(queries)
