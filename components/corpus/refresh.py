"""The steps of a refresh: survey, guard, write, seal, promote. Plain functions.

Each takes the job and small values, so that an engine may run them where and when it likes; a run
of all of them holds `job.corpus.lock()`.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.corpus import plan_file
from components.corpus.clock import Clock
from components.corpus.plan import Plan, Step, make_plan
from components.corpus.prepare import prepare, shards
from components.corpus.report import Failed, Report, Survey
from components.corpus.request import Job
from components.corpus.write import Committed, Progress, describe_all, touch_all, write_all
from components.errors import BadDocument, GuardStopped, IndexFault
from components.indexes.manifest import Entry, Generation, Totals, now, total
from components.spec import STORED

MEASURED_DOCUMENTS = 256
"""How many documents BM25's average length is measured on: a sample chosen by hash of id."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What the writing step did."""

    draft: str
    done: Committed = field(default_factory=Committed)
    spent: Mapping[str, float] = field(default_factory=dict)
    model_loaded: bool = False


def survey(job: Job, folder: Path) -> Survey:
    """Compare source and manifest; the plan is left in `folder`. Raises UserError."""
    start = time.perf_counter()
    job.check_owner()
    live = job.corpus.live()
    base = job.corpus.finished(job.fingerprint)
    draft = _resumable(job, base)
    reference = draft or base
    with job.corpus.read(reference) if reference else nullcontext() as reader:
        entries = reader.entries() if reader else {}
    plan = make_plan(job.source, entries, job.encoder.fields, retry_failed=job.request.retry_failed)
    file = folder / "plan.parquet"
    plan_file.save(plan.steps, file)
    found = _summary(plan, entries)
    return replace(
        found,
        plan_file=str(file),
        base=base.name if base else "",
        draft=draft.name if draft else "",
        live=live.generation.name if live else "",
        fingerprint=job.fingerprint,
        seconds=time.perf_counter() - start,
    )


def guard(job: Job, found: Survey) -> None:
    """Raises GuardStopped where the run would delete more than the request allows."""
    allowed = job.request.max_deletes
    if found.held and found.deleted > allowed * found.held:
        raise GuardStopped(
            f"{found.deleted} of {found.held} documents would be deleted, "
            f"more than {allowed:.0%}: nothing was changed"
        ).at(
            where=job.source.identity,
            hint="is the source complete? if it is meant, allow it with --max-deletes 1.0",
        )


def write(job: Job, found: Survey, progress: Progress) -> Written:
    """Bring a draft up to the plan. What is committed survives a kill; run it again to go on."""
    clock = Clock()
    draft = _draft(job, found, clock)
    steps = plan_file.read(Path(found.plan_file))
    chosen = _Sorted(steps)
    with job.corpus.write(draft) as writer:
        done = write_all(
            chosen.work,
            job,
            writer,
            average_length=draft.average_length,
            recorded_at=now(),
            clock=clock,
            progress=progress,
        )
        describe_all(chosen.described, job, writer, now(), clock)
        touch_all(chosen.touched, writer, clock)
        with clock.of("write"):
            writer.forget([step.document_id for step in chosen.gone])
    return Written(
        draft=draft.name,
        done=done,
        spent=dict(clock.seconds),
        model_loaded=job.encoder.loaded,
    )


def seal(job: Job, found: Survey, name: str) -> Generation:
    """Check that every document is accounted for, optimise and close the draft for good."""
    draft = _named(job, found, name)
    with job.corpus.read(draft) as reader:
        entries = reader.entries()
    if len(entries) != found.expected:
        raise IndexFault(
            f"{len(entries)} documents are recorded, {found.expected} were expected"
        ).at(where=name, hint="run the refresh again; nothing was published")
    return job.corpus.finish(draft)


def promote(job: Job, generation: Generation) -> bool:
    """Make a finished generation the live one; False where it was already."""
    live = job.corpus.live()
    if live and live.generation.name == generation.name:
        return False
    job.corpus.claim(job.source.identity)
    job.corpus.publish(generation, job.request.run_id)
    return True


def base(job: Job, found: Survey) -> Generation:
    """The finished generation that the plan found nothing to add to. Raises IndexFault."""
    generation = job.corpus.finished(job.fingerprint)
    if generation is None or generation.name != found.base:
        raise IndexFault(f"the generation {found.base} is gone").at(hint="run the refresh again")
    return generation


def finish(
    job: Job, found: Survey, written: Written | None, generation: Generation, *, promoted: bool
) -> Report:
    """The report of a run that ended well."""
    with job.corpus.read(generation) as reader:
        entries = reader.entries()
    done = written.done if written else Committed()
    return Report(
        pipeline=job.pipeline.name,
        run_id=job.request.run_id,
        fingerprint=job.fingerprint,
        generation=generation.name,
        added=done.added,
        changed=done.changed + found.described,
        unchanged=found.unchanged,
        deleted=found.deleted,
        failures=(*_failures(entries), *found.gaps),
        totals=total(entries),
        tokens=done.tokens,
        spent={"survey": found.seconds, **(written.spent if written else {})},
        model_loaded=job.encoder.loaded,
        promoted=promoted,
        resumed=bool(found.draft),
    )


def rehearse(job: Job, found: Survey) -> Report:
    """What a run would say, without encoding and without writing anything."""
    clock = Clock()
    work = _Sorted(plan_file.read(Path(found.plan_file))).work
    failed: list[Failed] = []
    added = changed = 0
    for shard in shards(work, job, clock):
        failed += [Failed(id=each.step.document_id, reason=each.reason) for each in shard.failed]
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
        totals=Totals(),
        spent={"survey": found.seconds, **clock.seconds},
        dry_run=True,
    )


def _resumable(job: Job, base: Generation | None) -> Generation | None:
    draft = job.corpus.unfinished(job.fingerprint, base)
    if draft is None or job.request.dry_run:
        return draft
    try:
        job.corpus.recover(draft)
    except IndexFault as error:
        _log.warning("the unfinished %s is unusable and is begun again: %s", draft.name, error)
        job.corpus.discard(draft)
        return None
    return draft


def _draft(job: Job, found: Survey, clock: Clock) -> Generation:
    base = job.corpus.finished(job.fingerprint)
    if found.draft:
        return _named(job, found, found.draft)
    with clock.of("measure"):
        average = base.average_length if base else _average_length(job, found)
    wanted = Generation(
        number=0,
        fingerprint=job.fingerprint,
        stages={stage: job.pipeline.stages[stage] for stage in STORED},
        width=job.encoder.width,
        average_length=average,
        run_id=job.request.run_id,
    )
    with clock.of("copy"):
        return job.corpus.draft(wanted, base)


def _named(job: Job, found: Survey, name: str) -> Generation:
    base = job.corpus.finished(job.fingerprint)
    draft = job.corpus.unfinished(job.fingerprint, base)
    if draft is None or draft.name != name:
        raise IndexFault(f"the draft {name} is gone").at(hint="run the refresh again")
    return draft


def _average_length(job: Job, found: Survey) -> float:
    """Terms per chunk over a sample that depends on the documents' ids alone."""
    if job.pipeline.stages["sparse"].use == "none":
        return 0.0
    added = [s for s in plan_file.read(Path(found.plan_file)) if s.action == "add"]
    added.sort(key=lambda step: hashlib.sha256(step.document_id.encode()).digest())
    lengths: list[int] = []
    for step in added[:MEASURED_DOCUMENTS]:
        try:
            ready = prepare(step, job, Clock())
        except BadDocument:
            continue
        text = ready.document.text
        lengths += [job.sparse.length(text[span.start : span.end]) for span in ready.spans]
    return sum(lengths) / len(lengths) if lengths else 1.0


class _Sorted:
    """A plan's steps by what has to be done with them, each in the plan's order."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.work: list[Step] = []
        self.described: list[Step] = []
        self.touched: list[Step] = []
        self.gone: list[Step] = []
        places: Mapping[str, list[Step]] = {
            "describe": self.described,
            "touch": self.touched,
            "delete": self.gone,
        }
        for step in steps:
            places.get(step.action, self.work).append(step)


def _summary(plan: Plan, entries: Mapping[str, Entry]) -> Survey:
    touched = {step.document_id for step in plan.steps if step.action != "touch"}
    gone = {step.document_id for step in plan.of("delete")}
    kept = {i: entry for i, entry in entries.items() if i not in touched}
    return Survey(
        plan_file="",
        added=len(plan.of("add")),
        changed=len(plan.of("change")),
        described=len(plan.of("describe")),
        failing=len(plan.of("fail")),
        unchanged=plan.unchanged,
        deleted=sum(entries[document_id].chunks > 0 for document_id in gone),
        steps=len(plan.steps) - len(plan.of("touch")),
        held=total(entries).documents,
        expected=len((set(entries) | touched) - gone),
        gaps=tuple(Failed(id=gap.where, reason=gap.reason) for gap in plan.gaps),
        failures=tuple(_failures(kept)),
    )


def _failures(entries: Mapping[str, Entry]) -> list[Failed]:
    return [
        Failed(id=entry.document_id, reason=entry.reason)
        for entry in entries.values()
        if entry.state == "failed"
    ]
