"""Writing a shard that an engine has encoded, and recording what was done.

The order is what makes a kill harmless: chunks, flush, entries, and only then the old chunks go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from components.corpus.clock import Clock
from components.corpus.encode import Effort, Encoded, Engine, Facts, Task, facts
from components.corpus.plan import Step
from components.corpus.prepare import SHARD_DOCUMENTS, Failure, Shard, shards
from components.corpus.request import Job
from components.indexes.contract import Writer
from components.indexes.manifest import Entry, Generation


@dataclass(slots=True)
class Committed:
    """What a run has made durable so far."""

    steps: int = 0
    chunks: int = 0
    tokens: int = 0
    added: int = 0
    changed: int = 0
    shards: int = 0
    effort: Effort = field(default_factory=Effort)

    def add(self, document: Facts) -> None:
        """Count a document that was encoded."""
        self.chunks += document.chunks
        self.tokens += document.tokens
        self.added += document.step.action == "add"
        self.changed += document.step.action == "change"


Progress = Callable[[Committed], None]


@dataclass(frozen=True)
class Work:
    """What the writing functions share: the opened draft and its manifest, kept up to date."""

    job: Job
    writer: Writer
    draft: Generation
    known: dict[str, Entry]
    recorded_at: str
    clock: Clock
    progress: Progress
    done: Committed = field(default_factory=Committed)


def write_all(steps: Sequence[Step], work: Work, engine: Engine) -> None:
    """Have every step's document encoded, and store it, shard by shard."""
    if not steps:
        return
    task = Task(job=work.job, draft=work.draft)
    with closing(engine(steps, task, work.clock)) as encoded:
        for shard in encoded:
            _store(shard, work)


def _store(shard: Encoded, work: Work) -> None:
    known = work.known
    for piece in shard.pieces:
        with work.clock.of("write"):
            piece.put(work.writer)
    for each in shard.ready:
        known[each.step.document_id] = _entry(each, work)
        work.done.add(each)
    _note_failures(shard.failed, work)
    replaced = [each.step.document_id for each in shard.ready if each.step.action == "change"]
    with work.clock.of("write"):
        work.writer.commit([known[document_id] for document_id in shard.ids], replaced)
    work.done.effort += shard.effort
    _tell(shard, work)


def describe_all(steps: Iterable[Step], work: Work) -> None:
    """Give documents whose text is the same their new title and metadata."""
    known = work.known
    for shard in shards(steps, work.job, work.clock):
        _note_failures(shard.failed, work)
        with work.clock.of("write"):
            # Until it is done, nothing may say that the old metadata is what is stored.
            work.writer.commit([_unsettled(known[each.document.id]) for each in shard.ready])
            for each in shard.ready:
                document, before = each.document, known[each.document.id]
                if each.content_hash != before.content_hash:
                    # Changed since the plan was made: the next run compares it anew.
                    known[document.id] = _unsettled(before)
                    continue
                work.writer.describe(document.id, document.title, document.metadata)
                known[document.id] = _entry(replace(facts(each), chunks=before.chunks), work)
                work.done.changed += 1
            work.writer.commit([known[document_id] for document_id in shard.ids])
        _tell(shard, work)


def note_fields(work: Work) -> None:
    """Write down which fields documents have of which an older version has not."""
    older = [each for each in work.known.values() if each.chunks and each.fields is None]
    if not older:
        return
    with work.clock.of("write"):
        held = work.writer.held_fields()
        for start in range(0, len(older), SHARD_DOCUMENTS):
            entries = [
                replace(each, fields=held.get(each.document_id, ()))
                for each in older[start : start + SHARD_DOCUMENTS]
            ]
            work.writer.commit(entries)
            work.known.update({each.document_id: each for each in entries})


def touch_all(steps: Sequence[Step], work: Work) -> None:
    """Remember the new versions of documents whose content is the same, and why others fail now."""
    if not steps:
        return
    entries = [
        replace(
            work.known[step.document_id],
            version=step.version,
            bytes_hash=step.bytes_hash,
            reason=step.reason or work.known[step.document_id].reason,
        )
        for step in steps
    ]
    with work.clock.of("write"):
        work.writer.commit(entries)


def _note_failures(failed: Iterable[Failure], work: Work) -> None:
    for failure in failed:
        document_id = failure.step.document_id
        work.known[document_id] = _failed(failure, work.known.get(document_id), work)


def _tell(shard: Encoded | Shard, work: Work) -> None:
    work.done.shards += 1
    work.done.steps += len(shard)
    work.progress(work.done)


def _entry(document: Facts, work: Work) -> Entry:
    return Entry(
        document_id=document.step.document_id,
        version=document.step.version,
        bytes_hash=document.bytes_hash,
        content_hash=document.content_hash,
        metadata_hash=document.metadata_hash,
        chunks=document.chunks,
        tokens=document.tokens,
        pages=document.pages,
        language=document.language,
        fields=document.fields,
        reason=document.incomplete,
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
