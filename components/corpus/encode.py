"""Changes in, encoded shards out: what is done here or in other processes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from inspect import signature
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from components.corpus.clock import Clock
from components.corpus.plan import Change
from components.corpus.prepare import Outcome, Prepared, section_of, shards, sparse_of
from components.corpus.request import Job
from components.encoders.cache import Lookups
from components.indexes.contract import Writer
from components.indexes.manifest import Generation
from components.indexes.payload import chunk_id
from components.values import (
    NO_TERMS,
    Chunk,
    Document,
    Matrix,
    Span,
    SparseVector,
    States,
    Whole,
)

Vector = npt.NDArray[np.float64]
MOST_TERMS = 30_000
"""Of a whole document, the heaviest: what more a log or a table has would make its one point larger
than what many a proxy takes in a request, 1 MiB.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Vectors of some consecutive spans of one document."""

    document: Document
    content_hash: str
    first: int
    """Position of the first span within the document."""
    spans: Sequence[Span]
    dense: Matrix
    """(spans, width)."""
    sparse: Sequence[SparseVector]
    states: Sequence[States] = ()
    """Of each span's tokens; none where the encoder keeps none."""
    whole: Whole | None = None
    """Of the document, with its last span."""

    def put(self, writer: Writer) -> None:
        """Store it. A store of a stranger's need not know of states before there are any, nor of
        whole documents.
        """
        more: dict[str, Any] = {"states": self.states} if self.states else {}
        if self.whole and "whole" in signature(writer.put).parameters:
            more["whole"] = self.whole
        writer.put(self.chunks(), self.dense, self.sparse, **more)

    def chunks(self) -> list[Chunk]:
        """One per span, as they are stored."""
        document, chunks = self.document, []
        for ordinal, span in enumerate(self.spans, self.first):
            page, last_page = pages_of(document, span)
            chunk = Chunk(
                id=chunk_id(document.id, self.content_hash, span),
                document_id=document.id,
                version=self.content_hash,
                ordinal=ordinal,
                span=span,
                text=document.text[span.start : span.end],
                title=document.title,
                page=page,
                last_page=last_page,
                section=section_of(document, span),
                metadata=document.metadata,
            )
            chunks.append(chunk)
        return chunks

    def __reduce__(self) -> tuple[Any, ...]:
        """It passes between processes as arrays of all that counts chunks."""
        held = {each.name: getattr(self, each.name) for each in fields(self)}
        terms = [NO_TERMS, *self.sparse]
        spans = np.array([(each.start, each.end) for each in self.spans], dtype=np.int64)
        indices = np.concatenate([each.indices for each in terms])
        values = np.concatenate([each.values for each in terms])
        ends = np.cumsum([len(each.indices) for each in self.sparse], dtype=np.int64)
        return _unpacked, ({**held, "spans": spans, "sparse": (indices, values, ends)},)


def _unpacked(held: Mapping[str, Any]) -> Piece:
    indices, values, ends = held["sparse"]
    cuts = ends[:-1]
    terms = zip(np.split(indices, cuts), np.split(values, cuts), strict=True)
    spans = [Span(start, end) for start, end in held["spans"].tolist()]
    return Piece(**{**held, "spans": spans, "sparse": [SparseVector(*each) for each in terms]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What encoding took."""

    model_loaded: bool = False
    """Whether any process has a model in memory."""
    cache: Lookups = field(default_factory=Lookups)

    @classmethod
    def of(cls, job: Job) -> Self:
        """That of this process so far."""
        lookups = job.cache.lookups if job.cache else Lookups()
        return cls(model_loaded=job.encoder.loaded, cache=lookups)

    def __add__(self, other: Effort) -> Effort:
        loaded = self.model_loaded or other.model_loaded
        return Effort(model_loaded=loaded, cache=self.cache + other.cache)

    def since(self, before: Effort) -> Effort:
        """What has come to it."""
        return replace(self, cache=self.cache - before.cache)


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A shard: what is committed at once."""

    pieces: Iterable[Piece]
    """All vectors of what is ready, in order, made while they are read: once. Empty where another
    process has stored them already.
    """
    outcomes: Sequence[Outcome]
    characters: int
    """Of what is ready."""
    effort: Effort = field(default_factory=Effort)
    """Of processes other than this."""


Stream = Generator[Encoded, None, None]
Encoding = Callable[[Sequence[Change], Job, Generation, Clock], Stream]
"""How changes are encoded for a draft, whose lengths are BM25's: here, or in other processes. Every
change comes back exactly once, in any order. Raises MillraceError.
"""


def local(changes: Iterable[Change], job: Job, draft: Generation, clock: Clock) -> Stream:
    """In this process: in the order of the changes, reading as it goes."""
    for shard in shards(changes, job, clock):
        yield Encoded(
            pieces=pieces(shard.ready, job, draft, clock),
            outcomes=shard.outcomes,
            characters=shard.characters,
        )


def pieces(ready: Sequence[Prepared], job: Job, draft: Generation, clock: Clock) -> Iterator[Piece]:
    """Their vectors, block by block, so that one huge document does not need one huge matrix."""
    documents = [each.document for each in ready]
    spans = [each.spans for each in ready]
    made = [0] * len(documents)
    sums: dict[int, Vector] = {}
    """Of the vectors of documents that are begun."""
    for block in clock.each("encode", job.encoder.encode_documents(documents, spans)):
        if not len(block.vectors):
            continue
        prepared = ready[block.document]
        own = prepared.spans[block.first : block.first + len(block.vectors)]
        text = prepared.document.text
        with clock.of("sparse"):
            own_texts = [text[span.start : span.end] for span in own]
            encoder = sparse_of(prepared, job)
            sparse = encoder.encode_documents(own_texts, draft.average_length)
        made[block.document] += len(block.vectors)
        begun = sums.pop(block.document, 0.0) + block.vectors.sum(axis=0, dtype=np.float64)
        whole = None
        if made[block.document] == len(prepared.spans):
            with clock.of("sparse"):
                whole = _whole(prepared, begun, job, draft)
        else:
            sums[block.document] = begun
        yield Piece(
            document=prepared.document,
            content_hash=prepared.entry.content_hash,
            first=block.first,
            spans=own,
            dense=block.vectors,
            sparse=sparse,
            states=block.states,
            whole=whole,
        )
    for prepared, count in zip(ready, made, strict=True):
        if count != len(prepared.spans):
            raise RuntimeError(
                f"the encoder made {count} vectors for the {len(prepared.spans)} spans of "
                f"{prepared.document.id}"
            )


def _whole(prepared: Prepared, total: Vector, job: Job, draft: Generation) -> Whole:
    """Of a document, the sum of whose chunks' vectors is `total`."""
    length = np.linalg.norm(total) or 1.0  # of opposite vectors there is no mean
    encoder = sparse_of(prepared, job)
    (terms,) = encoder.encode_documents([prepared.document.text], draft.document_length)
    return Whole(dense=(total / length).astype(np.float32), sparse=_heaviest(terms))


def _heaviest(terms: SparseVector) -> SparseVector:
    if len(terms.indices) <= MOST_TERMS:
        return terms
    kept = np.sort(np.argsort(-np.abs(terms.values), kind="stable")[:MOST_TERMS])
    return SparseVector(terms.indices[kept], terms.values[kept])


def pages_of(document: Document, span: Span) -> tuple[int | None, int | None]:
    """Pages of a span's first and last character, from 0; None where there are no pages."""
    if not document.page_starts:
        return None, None
    first = bisect_right(document.page_starts, span.start) - 1
    last = bisect_right(document.page_starts, span.end - 1) - 1
    return max(first, 0), max(last, 0)
