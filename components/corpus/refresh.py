"""The steps of a refresh: survey, guard, write, seal, promote. Plain functions.

Each takes the job and small values, so that an engine may run them where and when it likes; a run
of all of them holds `job.corpus.lock()`.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import NamedTuple, Self

from components.cache import Lookups
from components.corpus import plan_file
from components.corpus.clock import Clock
from components.corpus.encode import Effort, Engine, local
from components.corpus.ownership import check_holdings, trusted
from components.corpus.plan import Plan, Step, make_plan
from components.corpus.prepare import cut, prepare, shards, sparse_of
from components.corpus.report import Failed, Report, Survey
from components.corpus.request import Job
from components.corpus.write import (
    Committed,
    Progress,
    Work,
    describe_all,
    note_fields,
    touch_all,
    write_all,
)
from components.errors import BadDocument, Damaged, GuardStopped, SpecError
from components.indexes.manifest import Entry, Generation, Totals, now, total
from components.spec import STORED

MEASURED_DOCUMENTS = 256
"""How many documents BM25's average length is measured on: a sample chosen by hash of id."""
MEASURED_CHARACTERS = 2_000_000
"""No further document is measured after so much text."""
_APART = ("describe", "touch", "delete")
"""Actions that need no encoding."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What the writing step did."""

    draft: str
    done: Committed = field(default_factory=Committed)
    spent: Mapping[str, float] = field(default_factory=dict)
    effort: Effort = field(default_factory=Effort)


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A finished generation and the documents that it could not take, or not all of."""

    generation: Generation
    failures: tuple[Failed, ...] = ()
    incomplete: tuple[Failed, ...] = ()
    seconds: float = 0.0


class Lengths(NamedTuple):
    """Terms on average, for BM25."""

    chunk: float
    document: float

    @classmethod
    def of(cls, generation: Generation) -> Self:
        """Those that one was built with."""
        return cls(generation.average_length, generation.document_length)


def survey(job: Job, folder: Path) -> Survey:
    """Compare source and manifest; the plan is left in `folder`. Raises UserError."""
    start = time.perf_counter()
    job.check_owner()
    release = job.corpus.live()
    base = job.corpus.finished(job.fingerprint)
    draft = _resumable(job, base)
    entries = _manifest(job, draft or base)
    entries = trusted(job, entries)
    plan = make_plan(
        job.source,
        entries,
        job.encoder.fields,
        retry_failed=job.request.retry_failed,
        trial=lambda document: cut(document, job),
    )
    live = release.generation if release else None
    served, unread = (
        _served(job, live, base.name if base else "")
        if live != (draft or base)
        else (entries, None)
    )
    check_holdings(job, plan, served or entries)
    file = folder / "plan.parquet"
    plan_file.save(plan.steps, file)
    return replace(
        _summary(plan, entries, served, unread or total(served)),
        plan_file=str(file),
        base=base.name if base else "",
        draft=draft.name if draft else "",
        live=live.name if live else "",
        fingerprint=job.fingerprint,
        seconds=time.perf_counter() - start,
    )


def guard(job: Job, found: Survey) -> None:
    """Raises GuardStopped where too much of what is served is gone from the source."""
    allowed = job.request.max_deletes
    if found.doomed > allowed * found.served:
        raise GuardStopped(
            f"{found.doomed} of {found.served} documents would be deleted, "
            f"more than {allowed:.0%}: nothing was changed"
        ).at(
            where=job.source.identity,
            hint="is the source complete? if it is meant, allow it with --max-deletes 1.0",
        )


def write(job: Job, found: Survey, progress: Progress, engine: Engine = local) -> Written:
    """Bring a draft up to the plan, which serves once. What is committed survives a kill: the next
    plan is made of it.
    """
    _check_same(job, found)
    found = replace(found, plan_file=str(plan_file.take(Path(found.plan_file))))
    clock = Clock()
    draft = _draft(job, found, clock)
    steps: dict[str, list[Step]] = defaultdict(list)
    for step in plan_file.read(Path(found.plan_file)):
        steps[step.action if step.action in _APART else "encode"].append(step)
    with job.corpus.write(draft) as writer:
        work = Work(
            job=job,
            writer=writer,
            draft=draft,
            known=writer.entries(),
            recorded_at=now(),
            clock=clock,
            progress=progress,
        )
        note_fields(work)
        write_all(steps["encode"], work, engine)
        describe_all(steps["describe"], work)
        touch_all(steps["touch"], work)
        with clock.of("write"):
            writer.forget([step.document_id for step in steps["delete"]])
    here = Effort(
        model_loaded=job.encoder.loaded, cache=job.cache.lookups if job.cache else Lookups()
    )
    return Written(
        draft=draft.name,
        done=work.done,
        spent=dict(clock.seconds),
        effort=work.done.effort + here,
    )


def seal(job: Job, found: Survey, name: str) -> Sealed:
    """Check that every document is accounted for, optimise and close the draft for good."""
    start = time.perf_counter()
    _check_same(job, found)
    draft = job.corpus.generation(name)
    totals, failures, incomplete = _accounts(job, found, draft)
    generation = job.corpus.finish(draft, totals)
    return Sealed(
        generation=generation,
        failures=tuple(failures),
        incomplete=tuple(incomplete),
        seconds=time.perf_counter() - start,
    )


def promote(job: Job, found: Survey, generation: Generation) -> bool:
    """Make a finished generation the live one; False where it was already, which is confirmed, or
    holds nothing.

    Raises GuardStopped where it lacks documents that are served and still in the source.
    """
    _check_same(job, found)
    release = job.corpus.live()
    if not generation.totals.documents and release is None:
        return False
    if release and release.generation.name != generation.name:
        _check_coverage(job, found, release.generation, generation)
    job.claim()
    if release and release.generation.name == generation.name:
        job.corpus.confirm()
        return False
    job.corpus.publish(generation, job.request.run_id)
    return True


def finish(
    job: Job, found: Survey, written: Written | None, sealed: Sealed, *, promoted: bool
) -> Report:
    """The report of a run that ended well."""
    done = written.done if written else Committed()
    _tell_termless(sealed.generation)
    spent = dict(written.spent) if written else {}
    return Report(
        pipeline=job.pipeline.name,
        run_id=job.request.run_id,
        fingerprint=job.fingerprint,
        generation=sealed.generation.name,
        added=done.added,
        changed=done.changed,
        unchanged=found.unchanged,
        deleted=found.deleted,
        failures=(*sealed.failures, *found.gaps),
        incomplete=sealed.incomplete,
        left_out=found.left_out,
        totals=sealed.generation.totals,
        termless=sealed.generation.termless,
        tokens=done.tokens,
        spent={"survey": found.seconds, **spent, "seal": sealed.seconds},
        model_loaded=bool(written and written.effort.model_loaded),
        cache=written.effort.cache if written else Lookups(),
        promoted=promoted,
        resumed=bool(found.draft),
    )


def _tell_termless(generation: Generation) -> None:
    chunks, termless = generation.totals.chunks, generation.termless
    if 2 * termless > chunks:
        _log.warning(
            "%s of %s chunks have no term: searches by words find nothing in them",
            f"{termless:,}",
            f"{chunks:,}",
        )


def rehearse(job: Job, found: Survey) -> Report:
    """What a run would say, without encoding and without writing anything."""
    clock = Clock()
    steps = plan_file.read(Path(found.plan_file))
    work = [step for step in steps if step.action not in _APART]
    failed: list[Failed] = []
    incomplete: list[Failed] = []
    added = changed = 0
    for shard in shards(work, job, clock):
        failed += [Failed(id=each.step.document_id, reason=each.reason) for each in shard.failed]
        incomplete += [
            Failed(id=each.document.id, reason=each.document.incomplete)
            for each in shard.ready
            if each.document.incomplete
        ]
        added += sum(each.step.action == "add" for each in shard.ready)
        changed += sum(each.step.action == "change" for each in shard.ready)
    return Report(
        pipeline=job.pipeline.name,
        run_id=job.request.run_id,
        fingerprint=job.fingerprint,
        generation=found.base,
        added=added,
        changed=changed + found.described,
        unchanged=found.unchanged,
        deleted=found.deleted,
        failures=(*failed, *found.failures, *found.gaps),
        incomplete=(*incomplete, *found.incomplete),
        left_out=found.left_out,
        totals=job.corpus.generation(found.base).totals if found.base else Totals(),
        spent={"survey": found.seconds, **clock.seconds},
        dry_run=True,
    )


def _resumable(job: Job, base: Generation | None) -> Generation | None:
    draft = job.corpus.unfinished(job.fingerprint, base)
    if draft is None or job.request.dry_run:
        return None  # a dry run opens nothing that a running refresh may be writing
    try:
        job.corpus.recover(draft)
    except Damaged as error:
        _log.warning("the unfinished %s is set aside and begun again: %s", draft.name, error)
        job.corpus.discard(draft)
        return None
    return draft


def _manifest(job: Job, generation: Generation | None) -> dict[str, Entry]:
    if generation is None:
        return {}
    try:
        with job.corpus.read(generation) as reader:
            return reader.entries()
    except Damaged as error:
        if not job.request.dry_run:
            job.corpus.condemn(generation, error)
        raise


def _served(job: Job, live: Generation | None, base: str) -> tuple[dict[str, Entry], Totals | None]:
    """What readers see now. Where that is damaged, what the draft is made of stands for it, and its
    totals are all that is known of the rest.
    """
    try:
        return _manifest(job, live), None
    except Damaged as error:
        if live is None or live.name == base:
            raise
        _log.warning("what is live is compared by its totals: %s", error)
        return _manifest(job, job.corpus.generation(base) if base else None), live.totals


def _accounts(
    job: Job, found: Survey, draft: Generation
) -> tuple[Totals, list[Failed], list[Failed]]:
    """What the manifest adds up to, which documents failed, and which could be read in part; the
    manifest itself is let go.
    """
    entries = _manifest(job, draft)
    if len(entries) != found.expected:
        raise Damaged(f"{len(entries)} documents are recorded, {found.expected} were expected").at(
            where=draft.name, hint="run the refresh again; nothing was published"
        )
    return total(entries), _failures(entries), _incomplete(entries)


def _check_same(job: Job, found: Survey) -> None:
    if job.fingerprint != found.fingerprint:
        raise SpecError("the pipeline file changed while the refresh ran").at(
            where=job.request.pipeline, hint="run the refresh again"
        )


def _check_coverage(job: Job, found: Survey, live: Generation, candidate: Generation) -> None:
    """A generation of another fingerprint holds no older chunks to fall back on, nor does a draft
    that was recovered of what it had lost.
    """
    held = _manifest(job, candidate)
    unlisted = tuple(found.gap_prefixes)
    served, unread = _served(job, live, found.base)
    missing = [
        document_id
        for document_id, entry in served.items()
        if entry.chunks
        and (
            not held[document_id].chunks
            if document_id in held
            else document_id.startswith(unlisted)
        )
    ]
    lacking = len(missing)
    if unread:  # it had more than can be named
        lacking = max(lacking, unread.documents - found.doomed - candidate.totals.documents)
    if lacking > job.request.max_missing:
        one = f", {missing[0]!r} is one" if missing else ""
        raise GuardStopped(
            f"{candidate.name} lacks {lacking} documents that {live.name} serves{one}: "
            "it was not published"
        ).at(
            where=job.pipeline.name,
            hint=f"mend them, or publish without them: --max-missing {lacking}",
        )


def _draft(job: Job, found: Survey, clock: Clock) -> Generation:
    if found.draft:
        return job.corpus.generation(found.draft)
    base = job.corpus.generation(found.base) if found.base else None
    with clock.of("measure"):
        measured = base is not None and base.totals.documents > 0
        lengths = Lengths.of(base) if base and measured else _lengths(job, found)
    wanted = Generation(
        number=0,
        fingerprint=job.fingerprint,
        stages={stage: job.pipeline.stages[stage] for stage in STORED},
        width=job.encoder.width,
        average_length=lengths.chunk,
        document_length=lengths.document,
        whole=True,
        run_id=job.request.run_id,
    )
    if job.corpus.owner() is None:
        job.claim()
    with clock.of("copy"):
        return job.corpus.draft(wanted, base)


def _lengths(job: Job, found: Survey) -> Lengths:
    """Over a sample that depends on the documents' ids alone."""
    if job.pipeline.stages["sparse"].use == "none":
        return Lengths(0.0, 0.0)
    added = [s for s in plan_file.read(Path(found.plan_file)) if s.action not in _APART]
    chunks: list[int] = []
    documents: list[int] = []
    characters = 0
    for batch in _measured(added):
        if characters > MEASURED_CHARACTERS:
            break
        for step in batch:
            try:
                ready = prepare(step, job, Clock())
            except BadDocument:
                continue
            text = ready.document.text
            characters += len(text)
            sparse = sparse_of(ready, job)
            chunks += [sparse.length(text[span.start : span.end]) for span in ready.spans]
            documents.append(sparse.length(text))
    return Lengths(fmean(chunks), fmean(documents)) if chunks else Lengths(1.0, 1.0)


def _measured(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """The sample in batches that double, each in the source's order: some sources, a compressed
    archive for one, begin anew for every document that comes before the last one.
    """
    order = [hashlib.sha256(step.document_id.encode()).digest() for step in steps]
    chosen = sorted(range(len(steps)), key=order.__getitem__)[:MEASURED_DOCUMENTS]
    size = 4
    while chosen:
        yield [steps[at] for at in sorted(chosen[:size])]
        chosen, size = chosen[size:], 2 * size


def _summary(
    plan: Plan, entries: Mapping[str, Entry], served: Mapping[str, Entry], before: Totals
) -> Survey:
    stepped = {step.document_id for step in plan.steps if step.action != "touch"}
    gone = {step.document_id for step in plan.of("delete")}
    held = _held(served) or _held(entries)  # what a killed first build has written counts, too
    reasons = {step.document_id: step.reason for step in plan.of("touch")}
    kept = {
        i: replace(entry, reason=reasons.get(i) or entry.reason)
        for i, entry in entries.items()
        if i not in stepped
    }
    return Survey(
        plan_file="",
        described=len(plan.of("describe")),
        unchanged=plan.unchanged,
        deleted=sum(entries[document_id].chunks > 0 for document_id in gone),
        steps=len(stepped),
        work=len(stepped) - len(gone),
        listed=len(plan.listed),
        served=before.documents or len(held),
        # What is live cannot name them all where it cannot be read.
        doomed=max(len(plan.lost(held)), 0 if plan.gaps else before.documents - len(plan.listed)),
        expected=len((set(entries) | stepped) - gone),
        gaps=tuple(Failed(id=gap.where, reason=gap.reason) for gap in plan.gaps if gap.reason),
        gap_prefixes=tuple(gap.prefix for gap in plan.gaps),
        left_out=tuple(plan.left_out),
        failures=tuple(_failures(kept)),
        incomplete=tuple(_incomplete(kept)),
        before=before,
        failed_before=tuple(each.id for each in _failures(served)),
    )


def _held(entries: Mapping[str, Entry]) -> set[str]:
    return {document_id for document_id, entry in entries.items() if entry.chunks}


def _failures(entries: Mapping[str, Entry]) -> list[Failed]:
    return [
        Failed(id=entry.document_id, reason=entry.reason)
        for entry in entries.values()
        if entry.state == "failed"
    ]


def _incomplete(entries: Mapping[str, Entry]) -> list[Failed]:
    return [
        Failed(id=entry.document_id, reason=entry.reason)
        for entry in entries.values()
        if entry.state == "done" and entry.reason
    ]
