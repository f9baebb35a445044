"""Encoding and writing a shard, and recording what was done.

The order is what makes a kill harmless: chunks, flush, entries, and only then the old chunks go.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

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


Progress = Callable[[Committed], None]


def write_all(
    steps: Iterable[Step],
    job: Job,
    writer: Writer,
    *,
    average_length: float,
    recorded_at: str,
    clock: Clock,
    progress: Progress,
) -> Committed:
    """Encode and store every step's document, shard by shard."""
    known = writer.entries()
    done = Committed()
    for shard in shards(steps, job, clock):
        for prepared, chunk_list in _encoded(shard, job, writer, average_length, clock):
            known[prepared.document.id] = _entry(prepared, chunk_list, job, recorded_at)
        for failure in shard.failed:
            document_id = failure.step.document_id
            known[document_id] = _failed(failure, known.get(document_id), job, recorded_at)
        with clock.of("write"):
            ids = [each.document.id for each in shard.ready]
            ids += [each.step.document_id for each in shard.failed]
            replaced = [each.document.id for each in shard.ready if each.step.action == "change"]
            writer.commit([known[document_id] for document_id in ids], replaced)
        _count(done, shard, known)
        progress(done)
    return done


def describe_all(
    steps: Iterable[Step], job: Job, writer: Writer, recorded_at: str, clock: Clock
) -> None:
    """Give documents whose text is the same their new title and metadata."""
    known = writer.entries()
    for shard in shards(steps, job, clock):
        entries = []
        for each in shard.ready:
            document = each.document
            with clock.of("write"):
                writer.describe(document.id, document.title, document.metadata)
            entries.append(
                replace(
                    known[document.id],
                    version=each.step.version,
                    bytes_hash=each.bytes_hash,
                    metadata_hash=each.metadata_hash,
                    run_id=job.request.run_id,
                    recorded_at=recorded_at,
                    state="done",
                    reason="",
                )
            )
        entries += [
            _failed(each, known.get(each.step.document_id), job, recorded_at)
            for each in shard.failed
        ]
        with clock.of("write"):
            writer.commit(entries)


def touch_all(steps: Iterable[Step], writer: Writer, clock: Clock) -> None:
    """Remember the new versions of documents whose content is the same."""
    known = writer.entries()
    entries = [
        replace(known[step.document_id], version=step.version, bytes_hash=step.bytes_hash)
        for step in steps
    ]
    with clock.of("write"):
        writer.commit(entries)


def _encoded(
    shard: Shard, job: Job, writer: Writer, average_length: float, clock: Clock
) -> Iterator[tuple[Prepared, int]]:
    """Store the shard's chunks; each document with the number of its chunks, once it is done."""
    documents = [each.document for each in shard.ready]
    spans = [each.spans for each in shard.ready]
    written = [0] * len(documents)
    for block in clock.each("encode", job.encoder.encode_documents(documents, spans)):
        prepared = shard.ready[block.document]
        chunks = list(_chunks(prepared, block.first, block.first + len(block.vectors)))
        with clock.of("sparse"):
            texts = [chunk.text for chunk in chunks]
            sparse = job.sparse.encode_documents(texts, average_length)
        with clock.of("write"):
            writer.put(chunks, block.vectors, sparse)
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
            metadata=document.metadata,
        )


def pages_of(document: Document, span: Span) -> tuple[int | None, int | None]:
    """Pages of a span's first and last character, from 0; None where there are no pages."""
    if not document.page_starts:
        return None, None
    first = bisect_right(document.page_starts, span.start) - 1
    last = bisect_right(document.page_starts, span.end - 1) - 1
    return max(first, 0), max(last, 0)


def _entry(prepared: Prepared, chunks: int, job: Job, recorded_at: str) -> Entry:
    return Entry(
        document_id=prepared.document.id,
        version=prepared.step.version,
        bytes_hash=prepared.bytes_hash,
        content_hash=prepared.content_hash,
        metadata_hash=prepared.metadata_hash,
        chunks=chunks,
        tokens=prepared.tokens,
        pages=len(prepared.document.page_starts),
        run_id=job.request.run_id,
        recorded_at=recorded_at,
    )


def _failed(failure: Failure, before: Entry | None, job: Job, recorded_at: str) -> Entry:
    """The last good chunks stay; the version that failed is remembered, not to be tried again."""
    kept = before or Entry(document_id=failure.step.document_id, version="")
    return replace(
        kept,
        version=failure.step.version,
        bytes_hash=failure.step.bytes_hash,
        run_id=job.request.run_id,
        recorded_at=recorded_at,
        state="failed",
        reason=failure.reason,
    )


def _count(done: Committed, shard: Shard, known: Mapping[str, Entry]) -> None:
    done.shards += 1
    done.steps += len(shard)
    for each in shard.ready:
        done.chunks += known[each.document.id].chunks
        done.tokens += each.tokens
        done.added += each.step.action == "add"
        done.changed += each.step.action == "change"
