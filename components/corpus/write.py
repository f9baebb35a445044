"""The plan carried out on a draft.

The order is what makes a kill harmless: chunks, flush, entries, and only then the old chunks go.
What is committed survives: the next plan is made of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.corpus.clock import Clock
from components.corpus.encode import Effort, Encoded, Encoding, local
from components.corpus.lengths import average_lengths
from components.corpus.plan import APART, Change, take
from components.corpus.prepare import SHARD_DOCUMENTS, Outcome, shards
from components.corpus.request import Job
from components.corpus.survey import Survey
from components.indexes.contract import Writer
from components.indexes.manifest import Entry, Generation, now
from components.phases import Done, Tell
from components.spec import STORED


@dataclass(slots=True, kw_only=True)
class Written:
    """What a run has made durable so far."""

    draft: str = ""
    documents: int = 0
    """Those that failed among them."""
    chunks: int = 0
    tokens: int = 0
    """Encoded now: of what was in the cache in part, by the share that was not."""
    added: int = 0
    changed: int = 0
    passing: int = 0
    """Documents that failed for a reason which may be gone by now."""
    effort: Effort = field(default_factory=Effort)
    spent: Mapping[str, float] = field(default_factory=dict)
    """Seconds by activity, once it has ended."""


@dataclass(frozen=True, kw_only=True)
class Writing:
    """What the writing functions share: the opened draft and its manifest, kept up to date."""

    job: Job
    writer: Writer
    draft: Generation
    known: dict[str, Entry]
    recorded_at: str
    clock: Clock
    tell: Tell
    done: Written


def write(job: Job, found: Survey, tell: Tell, encoding: Encoding = local) -> Written:
    """Bring a draft up to the plan, which serves once."""
    job.check_same(found.fingerprint)
    before = Effort.of(job)
    clock = Clock()
    changes: dict[str, list[Change]] = defaultdict(list)
    for change in take(Path(found.plan_file)):
        changes[change.action if change.action in APART else "encode"].append(change)
    draft = _draft(job, found, changes["encode"], clock)
    with job.corpus.write(draft) as writer:
        work = Writing(
            job=job,
            writer=writer,
            draft=draft,
            known=writer.entries(),
            recorded_at=now(),
            clock=clock,
            tell=tell,
            done=Written(draft=draft.name),
        )
        note_fields(work)
        write_all(changes["encode"], work, encoding)
        describe_all(changes["describe"], work)
        touch_all(changes["touch"], work)
        with clock.of("write"):
            writer.forget([each.document_id for each in changes["delete"]])
    work.done.effort += Effort.of(job).since(before)
    work.done.spent = dict(clock.seconds)
    return work.done


def _draft(job: Job, found: Survey, changes: Sequence[Change], clock: Clock) -> Generation:
    """The one that a killed run has left, or a new one."""
    if found.draft:
        return job.corpus.generation(found.draft)
    base = job.corpus.generation(found.base) if found.base else None
    with clock.of("measure"):
        if base and base.totals.documents:
            average_length, document_length = base.average_length, base.document_length
        else:
            average_length, document_length = average_lengths(changes, job)
    wanted = Generation(
        number=0,
        fingerprint=job.fingerprint,
        stages={stage: job.pipeline.stages[stage] for stage in STORED},
        width=job.encoder.width,
        average_length=average_length,
        document_length=document_length,
        whole=True,
        run_id=job.request.run_id,
    )
    if job.corpus.owner() is None:
        job.claim()
    with clock.of("copy"):
        return job.corpus.draft(wanted, base)


def note_fields(work: Writing) -> None:
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


def write_all(changes: Sequence[Change], work: Writing, encoding: Encoding) -> None:
    """Have every changed document encoded, and store it, shard by shard."""
    if not changes:
        return
    with closing(encoding(changes, work.job, work.draft, work.clock)) as encoded:
        for shard in encoded:
            _store(shard, work)


def _store(shard: Encoded, work: Writing) -> None:
    before = Effort.of(work.job)
    for piece in shard.pieces:
        with work.clock.of("write"):
            piece.put(work.writer)
    entries = [_noted(each, work) for each in shard.outcomes]
    changes = [each.change for each in shard.outcomes]
    replaced = [each.document_id for each in changes if each.action == "change"]
    with work.clock.of("write"):
        work.writer.commit(entries, replaced)
    encoded = [each.entry for each in shard.outcomes if each.entry]
    work.done.chunks += sum(each.chunks for each in encoded)
    cache = (Effort.of(work.job).since(before) + shard.effort).cache
    work.done.tokens += round(cache.missed * sum(each.tokens for each in encoded))
    work.done.added += sum(each.action == "add" for each in changes)
    work.done.changed += len(replaced)
    work.done.effort += shard.effort
    _tell(len(shard.outcomes), work)


def describe_all(changes: Iterable[Change], work: Writing) -> None:
    """Give documents whose text is the same their new title and metadata."""
    known = work.known
    for shard in shards(changes, work.job, work.clock):
        failed = [_noted(Outcome(each), work) for each in shard.failed]
        before = {each.document.id: known[each.document.id] for each in shard.ready}
        with work.clock.of("write"):
            # Until it is done, nothing may say that the old metadata is what is stored.
            known.update({i: _unsettled(entry) for i, entry in before.items()})
            work.writer.commit([known[i] for i in before])
            for each in shard.ready:
                document, old = each.document, before[each.document.id]
                if each.entry.content_hash != old.content_hash:
                    continue  # changed since the plan was made: the next run compares it anew
                work.writer.describe(document.id, document.title, document.metadata)
                _noted(Outcome(each.change, replace(each.entry, chunks=old.chunks)), work)
                work.done.changed += 1
            work.writer.commit([*failed, *(known[i] for i in before)])
        _tell(len(shard), work)


def touch_all(changes: Sequence[Change], work: Writing) -> None:
    """Remember the new versions of documents whose content is the same, and why others fail now."""
    if not changes:
        return
    entries = [
        replace(
            work.known[each.document_id],
            version=each.version,
            bytes_hash=each.bytes_hash,
            reason=each.reason or work.known[each.document_id].reason,
        )
        for each in changes
    ]
    with work.clock.of("write"):
        work.writer.commit(entries)


def _noted(outcome: Outcome, work: Writing) -> Entry:
    """The document's entry from now on. Of one that failed the last good chunks stay, and the
    version that failed is remembered, not to be tried again.
    """
    change, entry = outcome
    document_id = change.document_id
    if entry is None:
        work.done.passing += not change.version
        entry = replace(
            work.known.get(document_id) or Entry(document_id=document_id, version=""),
            version=change.version,
            bytes_hash=change.bytes_hash,
            state="failed",
            reason=change.reason,
        )
    entry = replace(entry, run_id=work.job.request.run_id, recorded_at=work.recorded_at)
    work.known[document_id] = entry
    return entry


def _unsettled(entry: Entry) -> Entry:
    """An entry that the next run will compare anew, whatever the source holds by then."""
    return replace(entry, version="", bytes_hash="", metadata_hash="")


def _tell(documents: int, work: Writing) -> None:
    done = work.done
    done.documents += documents
    work.tell(Done(units=done.documents, chunks=done.chunks, tokens=done.tokens))
