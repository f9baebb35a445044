"""Encoding and writing a shard, and recording what was done.

The order is what makes a kill harmless: chunks, flush, entries, and only then the old chunks go.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from components.corpus.clock import Clock
from components.corpus.plan import Step
from components.corpus.prepare import Failure, Prepared, Shard, shards
from components.corpus.request import Job
from components.indexes.contract import Writer
from components.indexes.manifest import Entry
from components.indexes.payload import chunk_id
from components.values import Chunk, Document, Span


@dataclass(slots=True)
class Committed:
    """What a run has made durable so far."""

    steps: int = 0
    chunks: int = 0
    tokens: int = 0
    added: int = 0
    changed: int = 0
    shards: int = 0

    def add(self, prepared: Prepared, chunks: int) -> None:
        """Count a document that was encoded."""
        self.chunks += chunks
        self.tokens += prepared.tokens
        self.added += prepared.step.action == "add"
        self.changed += prepared.step.action == "change"


Progress = Callable[[Committed], None]


@dataclass(frozen=True)
class Work:
    """What the writing functions share: the opened draft and its manifest, kept up to date."""

    job: Job
    writer: Writer
    known: dict[str, Entry]
    average_length: float
    recorded_at: str
    clock: Clock
    progress: Progress
    done: Committed = field(default_factory=Committed)


def write_all(steps: Iterable[Step], work: Work) -> None:
    """Encode and store every step's document, shard by shard."""
    known = work.known
    for shard in shards(steps, work.job, work.clock):
        for prepared, count in _encoded(shard, work):
            known[prepared.document.id] = _entry(prepared, count, work)
            work.done.add(prepared, count)
        _note_failures(shard, work)
        replaced = [each.document.id for each in shard.ready if each.step.action == "change"]
        with work.clock.of("write"):
            work.writer.commit([known[document_id] for document_id in _ids(shard)], replaced)
        _tell(shard, work)


def describe_all(steps: Iterable[Step], work: Work) -> None:
    """Give documents whose text is the same their new title and metadata."""
    known = work.known
    for shard in shards(steps, work.job, work.clock):
        _note_failures(shard, work)
        ids = [each.document.id for each in shard.ready]
        with work.clock.of("write"):
            # Until it is done, nothing may say that the old metadata is what is stored.
            work.writer.commit([_unsettled(known[each]) for each in ids])
            for each in shard.ready:
                document, before = each.document, known[each.document.id]
                if each.content_hash != before.content_hash:
                    # Changed since the plan was made: the next run compares it anew.
                    known[document.id] = _unsettled(before)
                    continue
                work.writer.describe(document.id, document.title, document.metadata)
                known[document.id] = _entry(each, before.chunks, work)
                work.done.changed += 1
            work.writer.commit([known[document_id] for document_id in _ids(shard)])
        _tell(shard, work)


def touch_all(steps: Sequence[Step], work: Work) -> None:
    """Remember the new versions of documents whose content is the same."""
    if not steps:
        return
    entries = [
        replace(work.known[step.document_id], version=step.version, bytes_hash=step.bytes_hash)
        for step in steps
    ]
    with work.clock.of("write"):
        work.writer.commit(entries)


def _note_failures(shard: Shard, work: Work) -> None:
    for failure in shard.failed:
        document_id = failure.step.document_id
        work.known[document_id] = _failed(failure, work.known.get(document_id), work)


def _ids(shard: Shard) -> list[str]:
    ready = [each.document.id for each in shard.ready]
    return ready + [each.step.document_id for each in shard.failed]


def _tell(shard: Shard, work: Work) -> None:
    work.done.shards += 1
    work.done.steps += len(shard)
    work.progress(work.done)


def _encoded(shard: Shard, work: Work) -> Iterator[tuple[Prepared, int]]:
    """Store the shard's chunks; each document with the number of its chunks, once all are put."""
    job, clock = work.job, work.clock
    documents = [each.document for each in shard.ready]
    spans = [each.spans for each in shard.ready]
    written = [0] * len(documents)
    for block in clock.each("encode", job.encoder.encode_documents(documents, spans)):
        prepared = shard.ready[block.document]
        chunks = list(_chunks(prepared, block.first, block.first + len(block.vectors)))
        with clock.of("sparse"):
            texts = [chunk.text for chunk in chunks]
            sparse = job.sparse.encode_documents(texts, work.average_length)
        with clock.of("write"):
            work.writer.put(chunks, block.vectors, sparse)
        written[block.document] += len(chunks)
    for prepared, count in zip(shard.ready, written, strict=True):
        if count != len(prepared.spans):
            raise RuntimeError(
                f"the encoder made {count} vectors for the {len(prepared.spans)} spans of "
                f"{prepared.document.id}"
            )
        yield prepared, count


def _chunks(prepared: Prepared, first: int, past: int) -> Iterator[Chunk]:
    document = prepared.document
    for ordinal in range(first, past):
        span = prepared.spans[ordinal]
        page, last_page = pages_of(document, span)
        yield Chunk(
            id=chunk_id(document.id, prepared.content_hash, span),
            document_id=document.id,
            version=prepared.content_hash,
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


def _entry(prepared: Prepared, chunks: int, work: Work) -> Entry:
    return Entry(
        document_id=prepared.document.id,
        version=prepared.step.version,
        bytes_hash=prepared.bytes_hash,
        content_hash=prepared.content_hash,
        metadata_hash=prepared.metadata_hash,
        chunks=chunks,
        tokens=prepared.tokens,
        pages=len(prepared.document.page_starts),
        run_id=work.job.request.run_id,
        recorded_at=work.recorded_at,
    )


def _unsettled(entry: Entry) -> Entry:
    """An entry that the next run will compare anew, whatever the source holds by then."""
    return replace(entry, version="", bytes_hash="", metadata_hash="")


def _failed(failure: Failure, before: Entry | None, work: Work) -> Entry:
    """The last good chunks stay; the version that failed is remembered, not to be tried again."""
    kept = before or Entry(document_id=failure.step.document_id, version="")
    return replace(
        kept,
        version="" if failure.transient else failure.step.version,
        bytes_hash=failure.step.bytes_hash,
        run_id=work.job.request.run_id,
        recorded_at=work.recorded_at,
        state="failed",
        reason=failure.reason,
    )
