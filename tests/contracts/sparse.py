"""What every sparse encoder must do: inherit `SparseContract` and give it a `sparse` fixture."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from components.stages import SparseEncoder
from components.values import SparseVector

TEXTS = [
    "The wheel turns the stone, and the stone grinds the grain.",
    "Flour",
    "",
    "Where is the weir? 3.5 miles up the river Wye, at 52°N. " * 20,
    " \n\t ",
    "Café 中文 😀 naïve",
]
AVERAGE = 7.5


def check_same(some: Sequence[SparseVector], others: Sequence[SparseVector]) -> None:
    """Fails where two vectors differ."""
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(one.indices, other.indices)
        np.testing.assert_allclose(one.values, other.values, rtol=1e-6)


class SparseContract:
    @pytest.fixture
    def sparse(self) -> SparseEncoder:
        raise NotImplementedError("give a sparse encoder")

    def test_is_a_sparse_encoder(self, sparse: SparseEncoder) -> None:
        assert isinstance(sparse, SparseEncoder)

    def test_vectors_can_be_stored(self, sparse: SparseEncoder) -> None:
        documents = sparse.encode_documents(TEXTS, AVERAGE)
        queries = sparse.encode_queries(TEXTS)
        assert len(documents) == len(queries) == len(TEXTS)
        for vector in [*documents, *queries]:
            assert vector.indices.dtype == np.int64
            assert vector.values.dtype == np.float32
            assert vector.indices.shape == vector.values.shape == (len(vector.indices),)
            assert (np.diff(vector.indices) > 0).all(), "not ascending, or not unique"
            assert ((vector.indices >= 0) & (vector.indices < 2**32)).all()
            assert (np.isfinite(vector.values) & (vector.values != 0)).all()

    def test_a_text_without_terms_has_an_empty_vector(self, sparse: SparseEncoder) -> None:
        for text in ("", " \n\t "):
            (document,) = sparse.encode_documents([text], AVERAGE)
            (query,) = sparse.encode_queries([text])
            assert len(document.indices) == len(query.indices) == 0
            assert sparse.length(text) == 0

    def test_a_text_has_no_fewer_terms_than_weights(self, sparse: SparseEncoder) -> None:
        for text, vector in zip(TEXTS, sparse.encode_documents(TEXTS, AVERAGE), strict=True):
            assert sparse.length(text) >= len(vector.indices)

    def test_length_adds_up(self, sparse: SparseEncoder) -> None:
        one, other = TEXTS[0], TEXTS[3]
        assert sparse.length(f"{one} {other}") == sparse.length(one) + sparse.length(other)

    def test_a_query_has_the_terms_of_the_same_document(self, sparse: SparseEncoder) -> None:
        documents, queries = sparse.encode_documents(TEXTS, AVERAGE), sparse.encode_queries(TEXTS)
        for document, query in zip(documents, queries, strict=True):
            assert document.indices.tolist() == query.indices.tolist()

    def test_no_texts(self, sparse: SparseEncoder) -> None:
        assert sparse.encode_documents([], AVERAGE) == []
        assert sparse.encode_queries([]) == []

    def test_an_average_of_nothing_does_no_harm(self, sparse: SparseEncoder) -> None:
        for vector in sparse.encode_documents(TEXTS, 0.0):
            assert np.isfinite(vector.values).all()

    def test_a_text_alone_is_as_among_others(self, sparse: SparseEncoder) -> None:
        alone = [sparse.encode_documents([text], AVERAGE)[0] for text in TEXTS]
        check_same(alone, sparse.encode_documents(TEXTS, AVERAGE))
        check_same(
            [sparse.encode_queries([text])[0] for text in TEXTS], sparse.encode_queries(TEXTS)
        )

    def test_calls_are_alike(self, sparse: SparseEncoder) -> None:
        check_same(sparse.encode_documents(TEXTS, AVERAGE), sparse.encode_documents(TEXTS, AVERAGE))
        check_same(sparse.encode_queries(TEXTS), sparse.encode_queries(TEXTS))

    def test_survives_pickling_after_use(self, sparse: SparseEncoder) -> None:
        vectors, lengths = sparse.encode_queries(TEXTS), [sparse.length(text) for text in TEXTS]
        copy = pickle.loads(pickle.dumps(sparse))
        assert copy == sparse
        check_same(copy.encode_queries(TEXTS), vectors)
        assert [copy.length(text) for text in TEXTS] == lengths

    def test_is_frozen(self, sparse: Any) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            sparse.anything = 1

    def test_facts_can_be_stored(self, sparse: Any) -> None:
        facts = dict(sparse.facts)
        assert json.loads(json.dumps(facts)) == facts
