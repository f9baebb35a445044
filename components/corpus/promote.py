"""What readers see from now on."""

from __future__ import annotations

from components.corpus.request import Job
from components.corpus.survey import Survey, manifest, served
from components.errors import GuardStopped
from components.indexes.manifest import Generation


def promote(job: Job, found: Survey, generation: Generation) -> bool:
    """Make a finished generation the live one; False where it was already, which is confirmed, or
    holds nothing.

    Raises GuardStopped where it lacks documents that are served and still in the source.
    """
    job.check_same(found.fingerprint)
    release = job.corpus.live()
    if not generation.totals.documents and release is None:
        return False
    again = release is not None and release.generation.name == generation.name
    if release and not again:
        _check_coverage(job, found, release.generation, generation)
    job.claim()
    if again:
        job.corpus.confirm()
    else:
        job.corpus.publish(generation, job.request.run_id)
    return not again


def _check_coverage(job: Job, found: Survey, live: Generation, candidate: Generation) -> None:
    """A generation of another fingerprint holds no older chunks to fall back on, nor does a draft
    that was recovered of what it had lost.
    """
    held = manifest(job, candidate)
    seen, unread = served(job, live, found.base, held if found.draft else None)
    unlisted = tuple(found.gap_prefixes)
    missing = [
        document_id
        for document_id, entry in seen.items()
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
