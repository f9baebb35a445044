"""What every encoder must do: inherit `EncoderContract` and give it an `encoder` fixture."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from components.errors import EmptySpan
from components.splitters.tokens import Tokens
from components.stages import Encoder
from components.values import Document, Matrix, Span

DOCUMENTS = [
    Document(
        id="mill",
        text="The mill stands by the river.\n\nIts wheel turns the stone, and flour is what is "
        "left of the grain: 3.5 sacks an hour, said Dr. Weir.",
        title="A water mill",
        metadata={"source": "guide", "year": 1831},
    ),
    Document(id="empty", text="", title="Nothing"),
    Document(id="unsplit", text="No span is cut from this text.", title="Without spans"),
    Document(
        id="odd",
        text="Café 😀😀 e\u0301 中文。 \u200b ok\t" + "x" * 150,
        metadata={"source": "web"},
    ),
    Document(id="short", text="Flour", title="One word"),
]
"""Some without a span, some without a title or metadata."""
TEXTS = [
    "How much flour?",
    "flour",
    "Who is Dr. Weir, and what did he say of the mill? " * 3,
    "中文",
]
_UNUSED = """
import dataclasses, pickle, sys
encoder = dataclasses.replace(pickle.load(sys.stdin.buffer))
known = encoder.width, encoder.fields, encoder.facts, encoder.tokenizer.tokens("flour")
print(encoder.loaded)
"""


def cut(encoder: Encoder, documents: Sequence[Document]) -> list[list[Span]]:
    """Spans of at most ten tokens, none for the document called unsplit."""
    splitter = Tokens(max_tokens=10)
    return [
        [] if each.id == "unsplit" else splitter.split(each, encoder.tokenizer)
        for each in documents
    ]


def encoded(
    encoder: Encoder, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
) -> list[Matrix]:
    """A matrix per document. Fails where blocks are not in order or a span is not there once."""
    found: list[list[Matrix]] = [[] for _ in documents]
    at = (0, 0)
    for block in encoder.encode_documents(documents, spans):
        assert (block.document, block.first) >= at, "blocks out of order"
        assert len(block.vectors), "an empty block"
        assert block.first == sum(map(len, found[block.document])), "spans left out or repeated"
        found[block.document].append(block.vectors)
        at = (block.document, block.first + len(block.vectors))
    for matrices, own in zip(found, spans, strict=True):
        assert sum(map(len, matrices)) == len(own), "spans left out or repeated"
    return [
        np.concatenate(matrices) if matrices else np.zeros((0, encoder.width), np.float32)
        for matrices in found
    ]


def check_vectors(vectors: Matrix, count: int, width: int) -> None:
    """Fails unless these are `count` unit-length float32 vectors."""
    assert vectors.shape == (count, width)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def check_alike(some: Iterable[Matrix], others: Iterable[Matrix]) -> None:
    """Fails where vectors point elsewhere by more than the rounding of short floats."""
    for one, other in zip(some, others, strict=True):
        assert one.shape == other.shape
        assert (np.einsum("ij,ij->i", one, other) >= 0.9999).all()


def renamed(document: Document, names: frozenset[str], *, others: bool) -> Document:
    """The document with other values in the fields of these names, or in all but these."""
    absent = dict.fromkeys(names - {"id", "title"}, "")
    metadata: Mapping[str, Any] = {"source": "", **absent, **document.metadata}
    change = {name: (name in names) != others for name in ("id", "title", *metadata)}
    return Document(
        id="another" if change["id"] else document.id,
        text=document.text,
        title="Trees and birds" if change["title"] else document.title,
        metadata={name: "somewhere" if change[name] else value for name, value in metadata.items()},
    )


class EncoderContract:
    @pytest.fixture
    def encoder(self) -> Encoder:
        raise NotImplementedError("give an encoder")

    @pytest.fixture
    def spans(self, encoder: Encoder) -> list[list[Span]]:
        return cut(encoder, DOCUMENTS)

    def test_is_an_encoder(self, encoder: Encoder) -> None:
        assert isinstance(encoder, Encoder)
        assert encoder.width >= 1

    def test_a_unit_vector_per_span(self, encoder: Encoder, spans: list[list[Span]]) -> None:
        vectors = encoded(encoder, DOCUMENTS, spans)
        assert [len(each) > 0 for each in spans] == [True, False, False, True, True]
        for own, matrix in zip(spans, vectors, strict=True):
            check_vectors(matrix, len(own), encoder.width)

    def test_different_spans_have_different_vectors(
        self, encoder: Encoder, spans: list[list[Span]]
    ) -> None:
        first, second = encoded(encoder, DOCUMENTS, spans)[0][:2]
        assert float(first @ second) < 0.999

    def test_nothing_to_encode(self, encoder: Encoder) -> None:
        assert list(encoder.encode_documents([], [])) == []
        assert list(encoder.encode_documents(DOCUMENTS, [[] for _ in DOCUMENTS])) == []

    def test_a_document_alone_is_as_among_others(
        self, encoder: Encoder, spans: list[list[Span]]
    ) -> None:
        together = encoded(encoder, DOCUMENTS, spans)
        alone = [
            encoded(encoder, [document], [own])[0]
            for document, own in zip(DOCUMENTS, spans, strict=True)
        ]
        check_alike(alone, together)

    def test_the_order_of_documents_does_not_matter(
        self, encoder: Encoder, spans: list[list[Span]]
    ) -> None:
        backwards = encoded(encoder, DOCUMENTS[::-1], spans[::-1])
        check_alike(backwards[::-1], encoded(encoder, DOCUMENTS, spans))

    def test_calls_are_alike(self, encoder: Encoder, spans: list[list[Span]]) -> None:
        once, again = (encoded(encoder, DOCUMENTS, spans) for _ in range(2))
        for one, other in zip(once, again, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
        np.testing.assert_allclose(
            encoder.encode_queries(TEXTS), encoder.encode_queries(TEXTS), atol=1e-6
        )

    def test_a_vector_per_query(self, encoder: Encoder) -> None:
        check_vectors(encoder.encode_queries(TEXTS), len(TEXTS), encoder.width)

    def test_no_query_and_an_empty_one(self, encoder: Encoder) -> None:
        check_vectors(encoder.encode_queries([]), 0, encoder.width)
        check_vectors(encoder.encode_queries([""]), 1, encoder.width)

    def test_a_query_alone_is_as_among_others(self, encoder: Encoder) -> None:
        alone = [encoder.encode_queries([text]) for text in TEXTS]
        check_alike([np.concatenate(alone)], [encoder.encode_queries(TEXTS)])

    def test_a_span_is_near_its_own_text(self, encoder: Encoder) -> None:
        document, own = DOCUMENTS[0], cut(encoder, DOCUMENTS[:1])[0]
        texts = [document.text[span.start : span.end] for span in own]
        likeness = encoder.encode_queries(texts) @ encoded(encoder, [document], [own])[0].T
        assert likeness.argmax(axis=1).tolist() == list(range(len(own)))

    def test_a_span_without_a_token_is_refused(self, encoder: Encoder) -> None:
        document = Document(id="d", text="Unfathomable   misunderstandings")
        edges = [-1, *(int(last) for last in encoder.tokenizer.tokens(document.text).last)]
        before, until = max(pairwise(edges), key=lambda pair: pair[1] - pair[0])
        assert until > before + 1, "every character is a token"
        whole = Span(0, len(document.text))
        for spans in ([Span(before + 1, until)], [whole, Span(before + 1, until)]):
            with pytest.raises(EmptySpan):
                list(encoder.encode_documents([document], [spans]))

    def test_a_span_of_an_empty_text_is_refused(self, encoder: Encoder) -> None:
        with pytest.raises(EmptySpan):
            list(encoder.encode_documents([Document(id="d", text="")], [[Span(0, 0)]]))

    def test_owners_of_tokens_never_fall(self, encoder: Encoder) -> None:
        for document in DOCUMENTS:
            tokens = encoder.tokenizer.tokens(document.text)
            assert len(tokens.ids) == len(tokens.starts) == len(tokens.last)
            assert (np.diff(tokens.last) >= 0).all()
            assert ((tokens.starts >= 0) & (tokens.last < len(document.text))).all()

    def test_vectors_depend_on_no_field_but_those_named(
        self, encoder: Encoder, spans: list[list[Span]]
    ) -> None:
        others = [renamed(each, encoder.fields, others=True) for each in DOCUMENTS]
        for one, other in zip(
            encoded(encoder, others, spans), encoded(encoder, DOCUMENTS, spans), strict=True
        ):
            np.testing.assert_allclose(one, other, atol=1e-6)

    def test_vectors_depend_on_every_field_named(
        self, encoder: Encoder, spans: list[list[Span]]
    ) -> None:
        if not encoder.fields:
            pytest.skip("it reads no field but the text")
        before = encoded(encoder, DOCUMENTS, spans)[0]
        for name in encoder.fields:
            changed = [renamed(each, frozenset({name}), others=False) for each in DOCUMENTS]
            after = encoded(encoder, changed, spans)[0]
            assert np.abs(after - before).max() > 1e-3, name

    def test_making_it_loads_nothing(self, encoder: Encoder) -> None:
        done = subprocess.run(
            [sys.executable, "-c", _UNUSED],
            input=pickle.dumps(encoder),
            capture_output=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            check=True,
        )
        assert done.stdout.strip() == b"False"

    def test_survives_pickling_after_use(self, encoder: Encoder, spans: list[list[Span]]) -> None:
        vectors = encoded(encoder, DOCUMENTS, spans)
        copy = pickle.loads(pickle.dumps(encoder))
        assert copy == encoder
        for one, other in zip(encoded(copy, DOCUMENTS, spans), vectors, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)

    def test_is_frozen(self, encoder: Any) -> None:
        name = dataclasses.fields(encoder)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(encoder, name, getattr(encoder, name))

    def test_facts_can_be_stored(self, encoder: Encoder) -> None:
        facts = dict(encoder.facts)
        assert json.loads(json.dumps(facts)) == facts
        assert dict(encoder.facts) == facts
