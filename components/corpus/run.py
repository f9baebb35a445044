"""A refresh from beginning to end, in the order that makes it safe."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from components.corpus.encode import Encoding, local
from components.corpus.meanwhile import once_more
from components.corpus.promote import promote
from components.corpus.report import Report, finish, rehearse
from components.corpus.request import Job
from components.corpus.seal import Sealed, seal
from components.corpus.survey import Survey, guard, survey
from components.corpus.write import Written, write
from components.errors import GuardStopped, MillraceError, SourceMissing
from components.machine import temporary
from components.phases import Phase, Runner, plainly

_log = logging.getLogger(__name__)


def run(job: Job, by: Runner = plainly, encoding: Encoding = local) -> Report:
    """The whole refresh. Raises MillraceError."""
    with planned(job, by) as found:
        return carry_out(job, found, by, encoding)


@contextmanager
def planned(job: Job, by: Runner = plainly) -> Iterator[Survey]:
    """What there is to do, and the right to do it in here. Raises Busy, UserError, GuardStopped."""
    held = nullcontext() if job.request.dry_run else job.corpus.lock()
    with held, temporary.folder("millrace-") as folder:
        found = by(Phase(name="survey", work=lambda _: survey(job, folder)))
        if not (found.changes or found.base or found.draft):
            why = f": {found.gaps[0].id}: {found.gaps[0].reason}" if found.gaps else ""
            raise SourceMissing(f"the source has no documents{why}").at(
                where=job.source.identity, hint="do include and exclude choose any?"
            )
        by(Phase(name="guard", work=lambda _: guard(job, found)))
        yield found


def carry_out(job: Job, found: Survey, by: Runner = plainly, encoding: Encoding = local) -> Report:
    """Do what was planned."""
    if job.request.dry_run:
        return rehearse(job, found)
    written = Written()
    if found.changes or found.draft:
        written = by(
            Phase(
                name="encode-and-write",
                work=lambda tell: write(job, found, tell, encoding),
                counts="documents",
                total=found.work,
            )
        )
        if found.changes:
            found, written = once_more(job, found, written, by, encoding)
        sealed = by(
            Phase(name="check-and-optimise", work=lambda _: seal(job, found, written.draft))
        )
    else:
        generation = job.corpus.generation(found.base)
        sealed = Sealed(generation=generation, failures=found.failures, incomplete=found.incomplete)
    try:
        promoted = by(Phase(name="promote", work=lambda _: promote(job, found, sealed.generation)))
    except GuardStopped:
        tidy(job)  # one is held back every night until somebody decides
        raise
    tidy(job)
    return finish(job, found, written, sealed, promoted=promoted)


def tidy(job: Job) -> None:
    """Remove what the corpus keeps no longer; where that fails, the next refresh does it."""
    try:
        job.corpus.prune()
    except (MillraceError, OSError) as error:
        _log.warning("what the corpus keeps no longer was not removed: %s", error)
