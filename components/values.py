"""The vocabulary that the stages exchange: small frozen values, no behaviour of their own.

Offsets are in characters of `Document.text`, half open. Pages count from 0. Vectors are never
fields of a value: they travel beside the values as matrices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
"""Rows of vectors, float32."""
Integers = npt.NDArray[np.int64]
"""One-dimensional array of whole numbers."""
States = npt.NDArray[np.uint8]
"""States of a chunk's tokens, (states, bytes): a bit per component, set where it is positive, the
first in the highest bit of the first byte. In any order.
"""
Scalar = str | int | float | bool
"""What a metadata field or a filter may hold."""
Metadata = Mapping[str, Scalar | Sequence[Scalar]]
"""Flat: no mapping inside, because a filter could not reach it."""
Filter = Mapping[str, Sequence[Scalar]]
"""Field name, alone or in full (see `fields`), to the accepted values; every field must match."""


@dataclass(frozen=True)
class Choice:
    """A component by name, with every option resolved (defaults included)."""

    use: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRef:
    """A document that a source has, before it is read."""

    id: str
    version: str
    """Cheap to learn, different whenever the bytes may be: time and size, an etag, a hash."""
    locator: str = ""
    """Where the source finds it; means nothing to anybody else."""
    place: str = ""
    """Where a person finds it, such as a line of a file; empty where the id says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A part of a source that could not be listed, so nothing in it may be called deleted."""

    prefix: str
    """Ids that begin with it are unknown; empty: all of them are."""
    where: str
    reason: str
    """Empty where the failure of a document tells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What a source leaves out on purpose, nothing being lost by it: named, and no failure."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Section:
    """Where a part of a document begins, and the headings it stands under."""

    start: int
    """Offset of its first character."""
    path: str
    """Headings from the outermost to its own, joined by " > "."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document's extracted text."""

    id: str
    text: str
    title: str = ""
    metadata: Metadata = field(default_factory=dict)
    page_starts: tuple[int, ...] = ()
    """Offset of each page's first character, ascending; empty where there are no pages."""
    sections: tuple[Section, ...] = ()
    """In order of their starts; empty where the text has no headings."""
    incomplete: str = ""
    """What of it could not be read, as a person is told; empty where all could."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` (included) to `end` (excluded) of a document."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A span of a document as it is stored."""

    id: str
    document_id: str
    version: str
    """Content hash of the document that the span was cut from."""
    ordinal: int
    """Position among the document's chunks, from 0."""
    span: Span
    text: str
    """Exactly `document.text[span.start:span.end]`."""
    title: str = ""
    page: int | None = None
    """Page of its first character."""
    last_page: int | None = None
    """Page of its last character."""
    section: str = ""
    """Headings that its first character stands under."""
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SparseVector:
    """Non-zero weights of a sparse vector; `indices` unique, ascending, same length as `values`."""

    indices: Integers
    values: Matrix
    """One-dimensional."""


NO_TERMS = SparseVector(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Whole:
    """Vectors of a whole document."""

    dense: Matrix
    """(width,): the mean of its chunks' vectors, unit length."""
    sparse: SparseVector
    """Of its whole text, by the average length of a document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question, and what a hit must satisfy to count."""

    text: str
    id: str = "0"
    filter: Filter = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A chunk or merged passage found for a query. Higher scores are better."""

    chunk: Chunk
    score: float
    chunk_ids: tuple[str, ...]
    """Every chunk that the passage is made of, in document order."""
    first_score: float | None = None
    """The retriever's score, where a reranker has replaced it."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A retriever's answer to a batch of queries."""

    hits: list[list[Hit]]
    """Per query, best first; equal scores in order of chunk id."""
    query_vectors: Matrix | None = None
    """(queries, width), where the retriever encoded them."""
    states: list[list[States]] | None = None
    """Of the first hits of each query, as many as a reranker reads; None where none needs them."""
    shares: list[float] | None = None
    """Of each query, how much of the final score a late interaction should have, 0 to 1, by what
    the retriever has seen; None where it does not say.
    """


@dataclass(frozen=True, slots=True)
class Block:
    """Vectors of some consecutive spans of one document."""

    document: int
    """Position of the document in the call's sequence."""
    first: int
    """Position of the first span within its document."""
    vectors: Matrix
    """(spans, width), unit length."""
    states: Sequence[States] = ()
    """Of each span's tokens; none where the encoder keeps none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A chunk that an answer rests on."""

    chunk_id: str
    document_id: str
    span: Span
    page: int | None = None
    """Page of its first character."""
    last_page: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What calls of a model took."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    """In the currency of the prices that were given."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost=self.cost + other.cost,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that an answerer did on the way to its answer."""

    name: str
    """Such as `assess`, `search` or `answer`: of the last one, `chunk_ids` are what it was made
    from, none where nothing was read.
    """
    asked: str
    said: str
    chunk_ids: tuple[str, ...] = ()
    """Of what a search found or an answer was made from, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer to a query."""

    text: str
    citations: tuple[Citation, ...] = ()
    """The chunks it rests on, each once, in order of use."""
    usage: Usage = field(default_factory=Usage)
    steps: tuple[Step, ...] = ()
    found: tuple[Hit, ...] = ()
    """What it found by searches of its own, besides the hits that it was handed."""
