"""A refresh from beginning to end, in the order that makes it safe."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from components import temporary
from components.corpus.promote import promote
from components.corpus.report import Report, finish, rehearse
from components.corpus.request import Job
from components.corpus.seal import Sealed, seal
from components.corpus.survey import Survey, guard, survey
from components.corpus.write import Committed, Progress, Written, write
from components.errors import GuardStopped, MillraceError, SourceMissing
from components.indexes.manifest import Generation


@dataclass(frozen=True)
class Steps:
    """The steps, each as it is or wrapped by an orchestrator."""

    survey: Callable[[Job, Path], Survey] = survey
    guard: Callable[[Job, Survey], None] = guard
    write: Callable[[Job, Survey, Progress], Written] = write
    seal: Callable[[Job, Survey, str], Sealed] = seal
    promote: Callable[[Job, Survey, Generation], bool] = promote


PLAIN = Steps()
_log = logging.getLogger(__name__)


def silent(done: Committed) -> None:
    """Nobody watches."""


@contextmanager
def workplace(job: Job) -> Iterator[Path]:
    """A folder for the run's files, and the right to write. Raises Busy."""
    held = nullcontext() if job.request.dry_run else job.corpus.lock()
    with held, temporary.folder("millrace-") as folder:
        yield folder


def plan(job: Job, folder: Path, steps: Steps = PLAIN) -> Survey:
    """What there is to do. Raises UserError, GuardStopped."""
    found = steps.survey(job, folder)
    if not (found.steps or found.base or found.draft):
        why = f": {found.gaps[0].id}: {found.gaps[0].reason}" if found.gaps else ""
        raise SourceMissing(f"the source has no documents{why}").at(
            where=job.source.identity, hint="do include and exclude choose any?"
        )
    steps.guard(job, found)
    return found


def carry_out(job: Job, found: Survey, progress: Progress = silent, steps: Steps = PLAIN) -> Report:
    """Do what was planned, inside the workplace of the plan."""
    if job.request.dry_run:
        return rehearse(job, found)
    written = None
    if found.steps or found.draft:
        written = steps.write(job, found, progress)
        sealed = steps.seal(job, found, written.draft)
    else:
        generation = job.corpus.generation(found.base)
        sealed = Sealed(generation=generation, failures=found.failures, incomplete=found.incomplete)
    try:
        promoted = steps.promote(job, found, sealed.generation)
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


def run(job: Job, progress: Progress = silent, steps: Steps = PLAIN) -> Report:
    """The whole refresh in this process."""
    with workplace(job) as folder:
        found = plan(job, folder, steps)
        return carry_out(job, found, progress, steps)


def timed(report: Report, seconds: float, startup: float) -> Report:
    """The report with the clock's readings."""
    return replace(report, seconds=seconds, startup_seconds=startup)
