"""What changed in the source while a refresh ran: one more pass over the same draft.

A first build may take hours, and what changes in them would be served a night later. There is no
third pass: a source that changes for ever must not keep a refresh from ending.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Literal

from components.corpus.encode import Encoding
from components.corpus.plan import listing
from components.corpus.request import Job
from components.corpus.survey import Survey, guard, manifest, survey
from components.corpus.write import Written, write
from components.errors import SourceMissing, SourceUnavailable
from components.indexes.manifest import Entry
from components.phases import Phase, Runner

MEANWHILE = "what changed meanwhile"
"""What the phases of the second pass are done to."""
_log = logging.getLogger(__name__)


def once_more(
    job: Job, found: Survey, written: Written, by: Runner, encoding: Encoding
) -> tuple[Survey, Written]:
    """Both passes as one; what was given where nothing has changed. Raises GuardStopped."""
    again = by(Phase(name="survey", of=MEANWHILE, work=lambda _: look(job, found, written)))
    if again is None:
        return found, written
    by(Phase(name="guard", of=MEANWHILE, work=lambda _: guard(job, again)))
    more = by(
        Phase(
            name="encode-and-write",
            of=MEANWHILE,
            work=lambda tell: write(job, again, tell, encoding),
            counts="documents",
            total=again.work,
        )
    )
    return _joined(job, found, written, again, more)


def look(job: Job, found: Survey, written: Written) -> Survey | None:
    """What there is to do once more; None where that is nothing, which the source's listing tells.

    A source that is away by now was there when it was read: the rest is for the next refresh.
    """
    start = time.perf_counter()
    try:
        if listing(job.source) == found.listing and not written.passing:
            return None
        again = survey(job, Path(found.plan_file).parent, written.draft)
    except (SourceMissing, SourceUnavailable) as error:
        _log.warning("what changed meanwhile is left to the next refresh: %s", error)
        return None
    if not (again.changes or again.touched):
        return None
    return replace(again, seconds=time.perf_counter() - start)


def _joined(
    job: Job, found: Survey, written: Written, again: Survey, more: Written
) -> tuple[Survey, Written]:
    """Documents are counted by what they were before both passes, and are now: a sum would count
    twice what changed twice.
    """
    base = job.corpus.generation(found.base) if found.base else None
    before, now = manifest(job, base), manifest(job, job.corpus.generation(more.draft))
    fates = Counter(_fate(before.get(each), now.get(each)) for each in before.keys() | now.keys())
    survey = replace(
        again,
        draft=found.draft,
        changes=found.changes,
        unchanged=fates["unchanged"],
        deleted=fates["deleted"],
        seconds=found.seconds + again.seconds,
        passes=2,
    )
    both = Written(
        draft=more.draft,
        documents=written.documents + more.documents,
        chunks=written.chunks + more.chunks,
        tokens=written.tokens + more.tokens,
        added=fates["added"],
        changed=fates["changed"],
        effort=written.effort + more.effort,
        spent=Counter(written.spent) + Counter(more.spent),
    )
    return survey, both


def _fate(
    before: Entry | None, now: Entry | None
) -> Literal["added", "changed", "unchanged", "deleted", "failed"] | None:
    """What became of a document; None where it never had any chunks and is gone."""
    held = before is not None and before.chunks > 0
    if now is None:
        return "deleted" if held else None
    if now.state == "failed":
        return "failed"
    if before is None or not held:
        return "added"
    same = (before.state, before.content_hash, before.metadata_hash) == (
        now.state,
        now.content_hash,
        now.metadata_hash,
    )
    return "unchanged" if same else "changed"
