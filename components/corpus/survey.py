"""What there is to do, by source and manifest, and whether that is allowed."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.corpus.ownership import check_holdings, check_owner, trusted
from components.corpus.plan import Plan, make_plan, save
from components.corpus.prepare import cut
from components.corpus.request import Job
from components.errors import Damaged, GuardStopped, IndexFault
from components.indexes import ledger as ledgers
from components.indexes.manifest import Entry, Generation, Totals, total
from components.values import LeftOut

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A document that could not be used, or not all of it."""

    id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A plan in numbers, and where it lies."""

    plan_file: str
    base: str = ""
    """Generation that the plan was made against, empty for none."""
    draft: str = ""
    """Unfinished generation that the run goes on with, empty for none."""
    live: str = ""
    """Generation that readers see, empty for none."""
    held: str = ""
    """Generation that is held and already what source and pipeline ask for, empty for none."""
    fingerprint: str = ""
    listing: str = ""
    """As in `Plan`."""
    described: int = 0
    unchanged: int = 0
    deleted: int = 0
    changes: int = 0
    """Documents with something to be done, deletions among them."""
    work: int = 0
    """Those of them that are read."""
    touched: int = 0
    """Documents of which nothing but the version is another."""
    listed: int = 0
    """Documents that the source has."""
    served: int = 0
    """Documents that readers see now; before the first release, those that were written so far."""
    doomed: int = 0
    """Those of them that the source has no more."""
    expected: int = 0
    """Entries that the manifest must have after the run."""
    gaps: tuple[Failed, ...] = ()
    gap_prefixes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    failures: tuple[Failed, ...] = ()
    """Documents that failed before and were not tried again."""
    incomplete: tuple[Failed, ...] = ()
    """Documents of which a part could not be read, and were not read again."""
    before: Totals = field(default_factory=Totals)
    """What readers see now, before the run."""
    failed_before: tuple[str, ...] = ()
    """Documents that the live generation records as failed."""
    seconds: float = 0.0
    passes: int = 1
    """How often the source was surveyed and what was found written."""

    @property
    def idle(self) -> bool:
        """Whether what is live is already what the source and the pipeline ask for."""
        return not self.changes and not self.draft and bool(self.live) and self.base == self.live


def survey(job: Job, folder: Path, written: str = "") -> Survey:
    """Compare source and manifest; the plan is left in `folder`. Raises UserError.

    `written`: the draft that this run has written; empty before it has.
    """
    start = time.perf_counter()
    check_owner(job)
    release = job.corpus.live()
    live = release.generation if release else None
    base = job.corpus.finished(job.fingerprint)
    draft = job.corpus.generation(written) if written else resumable(job, base)
    entries = trusted(job, manifest(job, draft or base))
    plan = make_plan(
        job.source,
        entries,
        job.encoder.fields,
        retry_failed=job.request.retry_failed,
        trial=lambda document: cut(document, job),
    )
    held, unread = entries, None
    if live != (draft or base):
        held, unread = served(job, live, base.name if base else "", entries if draft else None)
    if not written:
        check_holdings(job, plan, held or entries)
    file = folder / "plan.parquet"
    save(plan.changes, file)
    held_back = "" if written else _held_back(job, plan)
    return replace(
        _counted(plan, entries, held, unread or total(held)),
        plan_file=str(file),
        base=base.name if base else "",
        draft=draft.name if draft else "",
        live=live.name if live else "",
        held=held_back,
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


def manifest(job: Job, generation: Generation | None) -> dict[str, Entry]:
    """By document id. Raises Damaged, which is written down."""
    if generation is None:
        return {}
    try:
        with job.corpus.read(generation) as reader:
            return reader.entries()
    except Damaged as error:
        if not job.request.dry_run:
            job.corpus.condemn(generation, error)
        raise


def served(
    job: Job, live: Generation | None, base: str, draft: Mapping[str, Entry] | None = None
) -> tuple[dict[str, Entry], Totals | None]:
    """What readers see now. Where that is damaged, what the draft is made of stands for it, and its
    totals are all that is known of the rest. Where it is the base itself, that is what a draft
    holds that was begun before the damage was found, or to mend it.
    """
    try:
        return manifest(job, live), None
    except Damaged as error:
        if live is None or (live.name == base and draft is None):
            raise
        _log.warning("what is live is compared by its totals: %s", error)
        if draft is not None and live.name == base:
            return dict(draft), live.totals
        return manifest(job, job.corpus.generation(base) if base else None), live.totals


def failures(entries: Mapping[str, Entry]) -> tuple[Failed, ...]:
    """Documents that could not be used."""
    return tuple(Failed(id=i, reason=e.reason) for i, e in entries.items() if e.state == "failed")


def incomplete(entries: Mapping[str, Entry]) -> tuple[Failed, ...]:
    """Documents of which a part could not be read."""
    partly = {i: e for i, e in entries.items() if e.state == "done" and e.reason}
    return tuple(Failed(id=i, reason=e.reason) for i, e in partly.items())


def _held_back(job: Job, plan: Plan) -> str:
    """The generation that is held, where it is what a refresh would make once more."""
    name = ledgers.ledger(job.corpus).kept
    if not name or not plan.changes:
        return ""
    try:
        generation = job.corpus.generation(name)
        wanted = job.pipeline.stages["index"].options.get("quantization", "none")
        if generation.form != (job.fingerprint, wanted) or job.corpus.damage(generation):
            return ""
        entries = trusted(job, manifest(job, generation))
    except IndexFault as error:  # it is made once more
        _log.warning("%s, which is held, cannot be read: %s", name, error)
        return ""
    now = make_plan(job.source, entries, job.encoder.fields, retry_failed=job.request.retry_failed)
    return name if all(each.action == "touch" for each in now.changes) else ""


def resumable(job: Job, base: Generation | None) -> Generation | None:
    """A draft that began from this base and was not finished, recovered; set aside if damaged."""
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


def _counted(
    plan: Plan, entries: Mapping[str, Entry], served: Mapping[str, Entry], before: Totals
) -> Survey:
    changed = {each.document_id for each in plan.changes if each.action != "touch"}
    gone = {each.document_id for each in plan.of("delete")}
    held = _held(served) or _held(entries)  # what a killed first build has written counts, too
    reasons = {each.document_id: each.reason for each in plan.of("touch")}
    kept = {
        i: replace(entry, reason=reasons.get(i) or entry.reason)
        for i, entry in entries.items()
        if i not in changed
    }
    return Survey(
        plan_file="",
        described=len(plan.of("describe")),
        unchanged=plan.unchanged,
        deleted=sum(entries[document_id].chunks > 0 for document_id in gone),
        changes=len(changed),
        work=len(changed) - len(gone),
        touched=sum(not each.reason for each in plan.of("touch")),
        listed=len(plan.listed),
        listing=plan.listing,
        served=before.documents or len(held),
        # What is live cannot name them all where it cannot be read.
        doomed=max(len(plan.lost(held)), 0 if plan.gaps else before.documents - len(plan.listed)),
        expected=len((set(entries) | changed) - gone),
        gaps=tuple(Failed(id=gap.where, reason=gap.reason) for gap in plan.gaps if gap.reason),
        gap_prefixes=tuple(gap.prefix for gap in plan.gaps),
        left_out=tuple(plan.left_out),
        failures=failures(kept),
        incomplete=incomplete(kept),
        before=before,
        failed_before=tuple(each.id for each in failures(served)),
    )


def _held(entries: Mapping[str, Entry]) -> set[str]:
    return {document_id for document_id, entry in entries.items() if entry.chunks}
