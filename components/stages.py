"""The stages of a pipeline, one protocol each.

A component is a frozen dataclass whose fields are its options (see `options.py`). Making one is
cheap and touches nothing; weights load at first use. Every built-in component passes its stage's
suite in `tests/contracts`, which a plug-in's tests can inherit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from components.fields import Fields
from components.values import (
    Answer,
    Block,
    Chunk,
    Document,
    DocumentRef,
    Filter,
    Gap,
    Hit,
    Integers,
    LeftOut,
    Matrix,
    Query,
    Ranked,
    Scalar,
    Span,
    SparseVector,
    States,
)

STAGES = (
    "source",
    "splitter",
    "encoder",
    "sparse",
    "index",
    "retriever",
    "reranker",
    "answerer",
)
"""In the order in which data meets them."""


@runtime_checkable
class Source(Protocol):
    """Where documents come from."""

    @property
    def identity(self) -> str:
        """What is read, e.g. an absolute path: two corpora of one name are told apart by it."""
        ...

    def scan(self) -> Iterator[DocumentRef | Gap | LeftOut]:
        """Every document the source has, in a stable order, without reading any text.

        Raises SourceMissing when the whole source is not there.
        """
        ...

    def digest(self, ref: DocumentRef) -> str:
        """Hash of the document's bytes. Raises BadDocument."""
        ...

    def read(self, ref: DocumentRef) -> Document:
        """The document. Raises BadDocument with a reason that a person understands."""
        ...


class Tokens(Protocol):
    """A text's tokens in order, special tokens left out. All three arrays have shape (tokens,)."""

    @property
    def ids(self) -> Integers: ...

    @property
    def starts(self) -> Integers:
        """Offset of each token's first character."""
        ...

    @property
    def last(self) -> Integers:
        """Offset of the character that owns each token: its last one. Never falls."""
        ...


class Tokenizer(Protocol):
    """The encoder's tokenizer: what `max_tokens` counts."""

    def tokens(self, text: str) -> Tokens:
        """Tokens of a text of any length."""
        ...


@runtime_checkable
class Splitter(Protocol):
    """Cuts a document into spans."""

    def split(self, document: Document, tokenizer: Tokenizer) -> list[Span]:
        """Ascending spans, disjoint, each holding at least one token; empty for a text without any.

        A token belongs to the span that holds its last character. Raises BadDocument.
        """
        ...


@runtime_checkable
class Encoder(Protocol):
    """Turns spans and queries into unit-length float32 vectors."""

    @property
    def width(self) -> int:
        """Length of a vector."""
        ...

    @property
    def loaded(self) -> bool:
        """Whether the model's weights are in memory."""
        ...

    @property
    def tokenizer(self) -> Tokenizer: ...

    @property
    def fields(self) -> frozenset[str]:
        """Names of the document's fields, besides the text, that the vectors depend on."""
        ...

    @property
    def facts(self) -> Mapping[str, object]:
        """What the options stand for (weights' sha256, prompts …): part of the fingerprint."""
        ...

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """A vector per span, as blocks in order of document and span; each span exactly once.

        Raises EmptySpan where a span holds no token.
        """
        ...

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """Matrix (texts, width)."""
        ...


@runtime_checkable
class SparseEncoder(Protocol):
    """Turns texts into weighted terms. The index applies the inverse document frequency.

    One that has `language_of` is told each document's whole text by it, and, where it says a
    language, gives by `reading` what encodes that document. The part `languages` is handed those
    of an index.
    """

    def length(self, text: str) -> int:
        """How many terms the text has."""
        ...

    def encode_documents(self, texts: Sequence[str], average_length: float) -> list[SparseVector]:
        """A vector per text; `average_length` is in terms, fixed for a generation."""
        ...

    def encode_queries(self, texts: Sequence[str]) -> list[SparseVector]:
        """A vector per text; empty where no term is left."""
        ...


class Vocabulary(Protocol):
    """What an index knows of its documents' fields."""

    @property
    def edition(self) -> str:
        """Names what is read: while it is equal, so are all values. Empty for a draft, which may
        change.
        """
        ...

    @property
    def fields(self) -> Fields:
        """Those that its chunks have: a person's names are looked up there, see `Fields.find`. All
        else in here takes them as that gives them.
        """
        ...

    def values(self, field: str, limit: int) -> list[Scalar]:
        """Distinct values of a field of the documents, at most `limit`: `document_id`, `title` or
        metadata; of a list each element. Raises BadOption for a field of chunks, such as `page`.
        """
        ...


class Reader(Vocabulary, Protocol):
    """What retrievers and rerankers may ask of an index. Lists are per query, best first."""

    def nearest(self, vectors: Matrix, k: int, filters: Sequence[Filter]) -> list[list[Hit]]:
        """By cosine to `vectors` (queries, width)."""
        ...

    def nearest_sparse(
        self, vectors: Sequence[SparseVector], k: int, filters: Sequence[Filter]
    ) -> list[list[Hit]]:
        """By inner product with inverse document frequency."""
        ...

    def nearest_documents(
        self, vectors: Matrix, k: int, filters: Sequence[Filter]
    ) -> list[list[tuple[str, float]]]:
        """Ids and cosines of whole documents, equal ones in order of id. Fields of chunks, such as
        `page`, are not looked at in a filter. Empty lists where the index keeps no such vectors.
        """
        ...

    def nearest_documents_sparse(
        self, vectors: Sequence[SparseVector], k: int, filters: Sequence[Filter]
    ) -> list[list[tuple[str, float]]]:
        """As `nearest_documents`, by inner product with the inverse document frequency among whole
        documents.
        """
        ...

    def document_terms(self, document_ids: Sequence[str]) -> list[SparseVector]:
        """Stored sparse vectors of whole documents, in the order asked; one without any term for a
        document of which none is kept.
        """
        ...

    def vectors(self, chunk_ids: Sequence[str]) -> Matrix:
        """Stored dense vectors (chunk_ids, width), in the order asked."""
        ...

    def states(self, chunk_ids: Sequence[str]) -> list[States]:
        """Stored states of chunks' tokens, in the order asked. Raises Missing where one has
        none.
        """
        ...

    def neighbours(self, document_id: str, ordinals: Sequence[int]) -> list[Chunk]:
        """The document's chunks at these positions, ascending; absent ones are left out."""
        ...


@runtime_checkable
class Retriever(Protocol):
    """Finds hits for a batch of queries."""

    @property
    def depth(self) -> int:
        """How many hits per query a reranker is handed."""
        ...

    def retrieve(self, queries: Sequence[Query], k: int) -> Ranked:
        """At most k hits per query."""
        ...


@runtime_checkable
class Reranker(Protocol):
    """Puts a retriever's hits in a better order.

    One that has `needs_states` and says True is handed `Ranked.states`, where the index has them.
    """

    @property
    def needs_vectors(self) -> bool:
        """Whether the hits' stored vectors and the query vectors must be handed over."""
        ...

    @property
    def depth(self) -> int:
        """How many hits per query it reads; 0 where it reads none."""
        ...

    def rerank(
        self, queries: Sequence[Query], ranked: Ranked, vectors: Sequence[Matrix]
    ) -> list[list[Hit]]:
        """The same hits, best first. Where they are needed, `vectors` holds those of each query's
        first `depth` hits, (hits, width).
        """
        ...


Search = Callable[[Query, int], Sequence[Hit]]
"""Hits for a query, at most so many, best first, as the pipeline finds them."""


Neighbours = Callable[[Mapping[str, Sequence[int]]], Sequence[Chunk]]
"""The chunks at these positions, by document id; absent ones are left out."""


@runtime_checkable
class Answerer(Protocol):
    """Answers a question from hits.

    Collaborators that it may have a field for: `search`, a `Search`, `neighbours`, a `Neighbours`,
    and `ledger`, a `Ledger` (see `components/endpoint/ledger.py`).
    """

    @property
    def concurrency(self) -> int:
        """Questions that may be asked at once, each in a thread of its own."""
        ...

    @property
    def facts(self) -> Mapping[str, object]:
        """What its answers depend on besides its options, such as a hash of its prompt."""
        ...

    def answer(self, query: Query, hits: Sequence[Hit]) -> Answer:
        """An answer from these hits, best first; there may be none.

        Raises Unavailable where an outside system did not answer, GuardStopped where no money is
        left.
        """
        ...
