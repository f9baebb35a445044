"""A refresh from beginning to end, in the order that makes it safe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from components.corpus.encode import Encoding, local
from components.corpus.meanwhile import once_more
from components.corpus.promote import Decision, Judge, Settled, decide, settle
from components.corpus.release import tidy
from components.corpus.report import Report, finish, rehearse
from components.corpus.request import Job
from components.corpus.seal import Sealed, seal
from components.corpus.survey import Survey, guard, survey
from components.corpus.write import Written, write
from components.errors import GuardStopped, SourceMissing
from components.indexes.manifest import Generation
from components.machine import temporary
from components.phases import Phase, Runner, Tell, plainly


def run(
    job: Job, by: Runner = plainly, encoding: Encoding = local, judge: Judge | None = None
) -> Report:
    """The whole refresh. Raises MillraceError."""
    with planned(job, by) as found:
        return carry_out(job, found, by, encoding, judge)


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


def carry_out(
    job: Job,
    found: Survey,
    by: Runner = plainly,
    encoding: Encoding = local,
    judge: Judge | None = None,
) -> Report:
    """Do what was planned. `judge`: tests what would go live, where the pipeline has a gate."""
    if job.request.dry_run:
        return rehearse(job, found)
    written = Written()
    if not found.held and (found.changes or found.draft):
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
        generation = job.corpus.generation(found.held or found.base)
        sealed = Sealed(generation=generation, failures=found.failures, incomplete=found.incomplete)
    try:
        settled = _settled(job, found, sealed.generation, by, judge)
    except GuardStopped:
        tidy(job.corpus)  # one is held back every night until somebody decides
        raise
    tidy(job.corpus)
    return finish(job, found, written, sealed, settled)


def _settled(
    job: Job, found: Survey, generation: Generation, by: Runner, judge: Judge | None
) -> Settled:
    """Tested and published, or held: the test has a phase of its own."""

    def decided(_: Tell) -> Decision | None:
        return decide(job, found, generation, judge)

    if job.pipeline.gate:
        made = by(Phase(name="gate", work=decided))
        return by(Phase(name="promote", work=lambda _: settle(job, found, made, generation)))
    return by(
        Phase(name="promote", work=lambda tell: settle(job, found, decided(tell), generation))
    )
