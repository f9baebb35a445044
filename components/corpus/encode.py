"""Steps in, encoded shards out: what an engine does, here or in other processes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any

import numpy as np
import numpy.typing as npt

from components.cache import Lookups
from components.corpus.clock import Clock
from components.corpus.plan import Step
from components.corpus.prepare import Failure, Prepared, Shard, shards, sparse_of
from components.corpus.request import Job
from components.fields import full_names
from components.indexes.contract import Writer
from components.indexes.manifest import Generation
from components.indexes.payload import chunk_id
from components.values import Chunk, Document, Matrix, Span, SparseVector, States, Whole

Vector = npt.NDArray[np.float64]
MOST_TERMS = 30_000
"""Of a whole document, the heaviest: what more a log or a table has would make its one point larger
than what many a proxy takes in a request, 1 MiB.
"""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is the same for every document of a run, small enough to pass between processes."""

    job: Job
    draft: Generation
    """What the documents are encoded for; its lengths are BM25's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the manifest will say of a document that was encoded."""

    step: Step
    bytes_hash: str
    content_hash: str
    metadata_hash: str
    chunks: int
    tokens: int
    pages: int
    characters: int
    language: str = ""
    fields: tuple[str, ...] = ()
    """See `Entry`."""
    incomplete: str = ""


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
        return [
            _chunk(self.document, self.content_hash, self.first + at, span)
            for at, span in enumerate(self.spans)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What encoding took, of processes other than this."""

    model_loaded: bool = False
    """Whether any has a model in memory."""
    cache: Lookups = field(default_factory=Lookups)

    def __add__(self, other: Effort) -> Effort:
        return Effort(
            model_loaded=self.model_loaded or other.model_loaded, cache=self.cache + other.cache
        )


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """A shard: what is committed at once. Each document is `ready` or `failed`."""

    pieces: Iterable[Piece]
    """All vectors of what is ready, in order, made while they are read: once. Empty where another
    process has stored them already.
    """
    ready: Sequence[Facts]
    failed: Sequence[Failure]
    effort: Effort = field(default_factory=Effort)

    def __len__(self) -> int:
        return len(self.ready) + len(self.failed)

    @property
    def ids(self) -> list[str]:
        """Of its documents."""
        steps = [each.step for each in self.ready] + [each.step for each in self.failed]
        return [step.document_id for step in steps]

    def only(self, wanted: Collection[str]) -> Encoded:
        """The part about these documents."""
        return replace(
            self,
            pieces=(each for each in self.pieces if each.document.id in wanted),
            ready=[each for each in self.ready if each.step.document_id in wanted],
            failed=[each for each in self.failed if each.step.document_id in wanted],
        )


Stream = Generator[Encoded, None, None]
Engine = Callable[[Sequence[Step], Task, Clock], Stream]
"""Every step comes back exactly once, in any order. Raises MillraceError."""


def local(steps: Iterable[Step], task: Task, clock: Clock) -> Stream:
    """The engine of this process: in the order of the steps, reading as it goes."""
    for shard in shards(steps, task.job, clock):
        yield Encoded(
            pieces=_pieces(shard, task, clock),
            ready=[facts(each) for each in shard.ready],
            failed=shard.failed,
        )


def facts(prepared: Prepared) -> Facts:
    """Of a document that was read and split."""
    return Facts(
        step=prepared.step,
        bytes_hash=prepared.bytes_hash,
        content_hash=prepared.content_hash,
        metadata_hash=prepared.metadata_hash,
        chunks=len(prepared.spans),
        tokens=prepared.tokens,
        pages=len(prepared.document.page_starts),
        characters=len(prepared.document.text),
        language=prepared.language,
        fields=full_names(
            prepared.document.metadata,
            paged=bool(prepared.document.page_starts),
            sections=_has_sections(prepared),
        ),
        incomplete=prepared.document.incomplete,
    )


def _has_sections(prepared: Prepared) -> bool:
    return any(section_of(prepared.document, span) for span in prepared.spans)


def _pieces(shard: Shard, task: Task, clock: Clock) -> Iterator[Piece]:
    """Block by block, so that one huge document does not need one huge matrix."""
    job, average = task.job, task.draft.average_length
    documents = [each.document for each in shard.ready]
    spans = [each.spans for each in shard.ready]
    made = [0] * len(documents)
    sums: dict[int, Vector] = {}
    """Of the vectors of documents that are begun."""
    for block in clock.each("encode", job.encoder.encode_documents(documents, spans)):
        if not len(block.vectors):
            continue
        prepared = shard.ready[block.document]
        own = prepared.spans[block.first : block.first + len(block.vectors)]
        text = prepared.document.text
        with clock.of("sparse"):
            own_texts = [text[span.start : span.end] for span in own]
            sparse = sparse_of(prepared, job).encode_documents(own_texts, average)
        made[block.document] += len(block.vectors)
        begun = sums.pop(block.document, 0.0) + block.vectors.sum(axis=0, dtype=np.float64)
        whole = None
        if made[block.document] == len(prepared.spans):
            with clock.of("sparse"):
                whole = _whole(prepared, begun, task)
        else:
            sums[block.document] = begun
        yield Piece(
            document=prepared.document,
            content_hash=prepared.content_hash,
            first=block.first,
            spans=own,
            dense=block.vectors,
            sparse=sparse,
            states=block.states,
            whole=whole,
        )
    for prepared, count in zip(shard.ready, made, strict=True):
        if count != len(prepared.spans):
            raise RuntimeError(
                f"the encoder made {count} vectors for the {len(prepared.spans)} spans of "
                f"{prepared.document.id}"
            )


def _whole(prepared: Prepared, total: Vector, task: Task) -> Whole:
    """Of a document, the sum of whose chunks' vectors is `total`."""
    length = np.linalg.norm(total) or 1.0  # of opposite vectors there is no mean
    encoder = sparse_of(prepared, task.job)
    (terms,) = encoder.encode_documents([prepared.document.text], task.draft.document_length)
    return Whole(dense=(total / length).astype(np.float32), sparse=_heaviest(terms))


def _heaviest(terms: SparseVector) -> SparseVector:
    if len(terms.indices) <= MOST_TERMS:
        return terms
    kept = np.sort(np.argsort(-np.abs(terms.values), kind="stable")[:MOST_TERMS])
    return SparseVector(terms.indices[kept], terms.values[kept])


def _chunk(document: Document, content_hash: str, ordinal: int, span: Span) -> Chunk:
    page, last_page = pages_of(document, span)
    return Chunk(
        id=chunk_id(document.id, content_hash, span),
        document_id=document.id,
        version=content_hash,
        ordinal=ordinal,
        span=span,
        text=document.text[span.start : span.end],
        title=document.title,
        page=page,
        last_page=last_page,
        section=section_of(document, span),
        metadata=document.metadata,
    )


def pages_of(document: Document, span: Span) -> tuple[int | None, int | None]:
    """Pages of a span's first and last character, from 0; None where there are no pages."""
    if not document.page_starts:
        return None, None
    first = bisect_right(document.page_starts, span.start) - 1
    last = bisect_right(document.page_starts, span.end - 1) - 1
    return max(first, 0), max(last, 0)


def section_of(document: Document, span: Span) -> str:
    """Headings that a span's first character stands under; empty before the first heading."""
    at = bisect_right(document.sections, span.start, key=lambda section: section.start) - 1
    return document.sections[at].path if at >= 0 else ""
