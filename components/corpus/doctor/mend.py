"""Documents in which damage was found, brought back from the source in a draft of what is live.

Nothing else is encoded, and nothing that is served is lost by it. The draft is an ordinary one:
whoever goes on with it after a kill, a doctor or a refresh, brings back what is missing in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from components.corpus.doctor.finding import BY_DOCUMENT, Finding
from components.corpus.doctor.treatment import Listing, Treatment, treatment
from components.corpus.encode import Encoding
from components.corpus.plan import save
from components.corpus.request import Job
from components.corpus.seal import seal
from components.corpus.survey import Survey, manifest, resumable
from components.corpus.write import write
from components.errors import GuardStopped
from components.indexes.contract import Writer, mendable
from components.indexes.manifest import Entry, Generation, Totals
from components.machine import temporary
from components.phases import Phase, Runner


@dataclass(frozen=True, kw_only=True)
class Mended:
    """What became of the documents' findings."""

    findings: Sequence[Finding]
    generation: Generation | None = None
    """Finished and not published; none where nothing could be done."""
    entries: Mapping[str, Entry] = field(default_factory=dict)
    """Its manifest."""
    tokens: int = 0


def mend(
    job: Job,
    live: Generation,
    entries: Mapping[str, Entry],
    findings: Sequence[Finding],
    listing: Listing,
    by: Runner,
    encoding: Encoding,
) -> Mended:
    """Under the corpus' lock. `job`: of the stages that `live` was made by; `entries`: what its
    manifest says; `findings`: what was found in it.

    Raises MillraceError; GuardStopped where a document was lost from the source meanwhile.
    """
    plan = by(Phase(name="plan", work=lambda _: treatment(job, live, entries, findings, listing)))
    told = [_after(each, plan.left) for each in findings]
    if plan.idle:
        return Mended(findings=told)
    draft = _begun(job, live, plan) or _draft(job, live)
    with temporary.folder("millrace-") as folder:
        found = _prepared(job, live, draft, entries, plan, folder)
        written = by(
            Phase(
                name="encode-and-write",
                work=lambda tell: write(job, found, tell, encoding),
                counts="documents",
                total=found.work,
            )
        )
    made = manifest(job, draft)
    _check_kept(job, made, [i for i in plan.again if i in entries and entries[i].chunks])
    sealed = by(Phase(name="check-and-optimise", work=lambda _: seal(job, found, draft.name)))
    return Mended(findings=told, generation=sealed.generation, entries=made, tokens=written.tokens)


def _after(finding: Finding, left: Mapping[str, str]) -> Finding:
    """A finding once all that can be done is done."""
    if finding.check not in BY_DOCUMENT:
        return finding
    if finding.check == "orphans" or finding.where not in left:
        return replace(finding, mended=True)
    return replace(finding, remedy=f"{left[finding.where]}; what is served of it stays as it is")


def _begun(job: Job, live: Generation, plan: Treatment) -> Generation | None:
    """A draft to go on with; none where recovering it has dropped what nobody can bring back."""
    draft = resumable(job, live)
    if draft is None:
        return None
    held = manifest(job, draft)
    if any(count and name not in held for name, count in plan.lacking.items()):
        job.corpus.discard(draft)
        return None
    return draft


def _draft(job: Job, live: Generation) -> Generation:
    wanted = replace(live, run_id=job.request.run_id, totals=Totals(), sparse=None)
    return mendable(job.corpus).mend(wanted, live)


def _prepared(
    job: Job,
    live: Generation,
    draft: Generation,
    entries: Mapping[str, Entry],
    plan: Treatment,
    folder: Path,
) -> Survey:
    """The draft without what is wrong in it, and what has to be written then."""
    with job.corpus.write(draft) as writer:
        held = writer.entries()

        def untouched(document_id: str) -> bool:
            """Whether no killed run has brought it back already."""
            return held.get(document_id) == entries.get(document_id)

        writer.forget([each for each in {*plan.again, *plan.strays} if untouched(each)])
        older = [each for each in plan.older if untouched(each)]
        writer.commit([entries[each] for each in older], older)
        _record_loss(writer, [entries[each] for each in plan.lacking if untouched(each)], plan)
        there = writer.entries()
    # One that a run before could not read has an entry, and no chunks.
    changes = [c for name, c in plan.again.items() if name not in there or not there[name].chunks]
    file = folder / "plan.parquet"
    save(changes, file)
    return Survey(
        plan_file=str(file),
        base=live.name,
        draft=draft.name,
        live=live.name,
        fingerprint=job.fingerprint,
        changes=len(changes),
        work=len(changes),
        expected=len(there.keys() | {each.document_id for each in changes}),
    )


def _record_loss(writer: Writer, lacking: Sequence[Entry], plan: Treatment) -> None:
    """Let the entries of documents that stay as they are say how many chunks they have: by them the
    draft is checked. The next refresh tries them again.
    """
    writer.forget([e.document_id for e in lacking if not plan.lacking[e.document_id]])
    writer.commit([_short(each, plan) for each in lacking])


def _short(entry: Entry, plan: Treatment) -> Entry:
    stored, count = plan.lacking[entry.document_id], entry.chunks + entry.lost
    lost = max(0, count - stored)
    reason = f"{lost:,} of {count:,} chunks were lost, and {plan.left[entry.document_id]}"
    return replace(entry, chunks=stored, lost=lost, version="", state="failed", reason=reason)


def _check_kept(job: Job, held: Mapping[str, Entry], documents: Sequence[str]) -> None:
    """Raises GuardStopped where one that is served could be read before, and not when it was its
    turn.
    """
    gone = [each for each in documents if each not in held or not held[each].chunks]
    if gone:
        raise GuardStopped(
            f"{len(gone)} documents could not be read any more, {gone[0]!r} is one: nothing was "
            "published"
        ).at(where=job.pipeline.name, hint="run the doctor again: it goes on from there")
