"""A corpus looked over: source, manifest, points, vectors, pointer, alias and cache against each
other. Where it is to be mended, what is wrong is rebuilt and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace

from components.corpus.doctor import pointer, repaired
from components.corpus.doctor.anew import Sample, Witness
from components.corpus.doctor.diagnosis import Diagnosis
from components.corpus.doctor.finding import BY_DOCUMENT, Finding, documents
from components.corpus.doctor.look import Seen, look
from components.corpus.doctor.mend import mend
from components.corpus.doctor.repaired import Repaired
from components.corpus.encode import Encoding, local
from components.corpus.release import tidy
from components.corpus.request import Job
from components.encoders.cache import cache as vector_cache
from components.errors import Damaged, MillraceError, Missing, Moved
from components.indexes.contract import mendable
from components.indexes.manifest import Generation
from components.phases import Phase, Runner, plainly

SAMPLE = 32
"""Documents that are encoded anew."""


@dataclass(kw_only=True)
class Visit:
    """A corpus, and what is known of it so far."""

    job: Job
    repair: bool
    sample: int
    by: Runner
    encoding: Encoding
    findings: list[Finding] = field(default_factory=list)
    seen: Seen | None = None
    published: bool = False
    tokens: int = 0


def doctor(
    job: Job,
    *,
    repair: bool = False,
    sample: int = SAMPLE,
    by: Runner = plainly,
    encoding: Encoding = local,
) -> Diagnosis:
    """Look a corpus over, beside whoever works on it; or mend it, under its lock. `sample`: how
    many documents are encoded anew to be compared. Raises MillraceError.
    """
    start = time.perf_counter()
    visit = Visit(job=job, repair=repair, sample=sample, by=by, encoding=encoding)
    corpus = mendable(job.corpus)
    alias = pointer.alias(job)  # asked before the lock, which sets it
    with corpus.mending() if repair else nullcontext():
        _look(visit)
        if repair:
            _mend(visit)
            astray = pointer.alias(job)
            alias = [replace(each, mended=not astray) for each in alias] or astray
        visit.findings += [*alias, *_of_cache(visit)]
    seen = visit.seen
    return Diagnosis(
        pipeline=job.pipeline.name,
        run_id=job.request.run_id,
        generation=_live(job),
        findings=tuple(visit.findings),
        documents=len(seen.entries) if seen else 0,
        sample=seen.sample if seen else Sample(),
        behind=seen.behind if seen else {},
        uncompared=seen.uncompared if seen else "",
        repaired=repair,
        published=visit.published,
        tokens=visit.tokens,
        seconds=time.perf_counter() - start,
    )


def _look(visit: Visit) -> None:
    """At what is live, or at what goes live again in its place."""
    job = visit.job
    live, broken = pointer.pointed(job)
    if live:
        try:
            _see(visit, live)
        except (Damaged, Missing) as error:
            broken = pointer.unreadable(live, error)
            if visit.repair and isinstance(error, Damaged):
                with suppress(Damaged, Moved):  # where it is gone there is nothing to condemn
                    job.corpus.condemn(live, error)
    if not broken:
        return
    other = pointer.another(job, live) if visit.repair else None
    if other:
        over = mendable(job.corpus).forget_live()
        _publish(visit, repaired.again(job, other, over, broken.what))
        pointer.drop_unreadable(job)
        broken = replace(broken, mended=True, remedy=f"{other.name} is live again")
    elif visit.repair:
        broken = pointer.nothing_else(broken)
    visit.findings.append(broken)
    if other:
        _see(visit, other)


def _see(visit: Visit, generation: Generation) -> None:
    visit.seen = look(visit.job, generation, visit.sample, visit.by, widened=visit.repair)
    visit.findings += visit.seen.findings


def _mend(visit: Visit) -> None:
    """Documents in which something is wrong."""
    seen = visit.seen
    if not seen or not documents(visit.findings, *BY_DOCUMENT):
        return
    if seen.uncompared:
        visit.findings = [_waiting(each, seen.uncompared) for each in visit.findings]
        return
    made = mend(
        seen.job,
        seen.generation,
        seen.entries,
        visit.findings,
        seen.listing,
        visit.by,
        visit.encoding,
    )
    if made.generation:
        count = sum(each.mended for each in made.findings)
        _publish(
            visit, repaired.anew(visit.job, made.generation, made.entries, seen.entries, count)
        )
        tidy(visit.job.corpus)
    visit.findings, visit.tokens = list(made.findings), made.tokens


def _waiting(finding: Finding, why: str) -> Finding:
    """One of a document that cannot be encoded now as it was."""
    return replace(finding, remedy=why) if finding.check in BY_DOCUMENT else finding


def _publish(visit: Visit, made: Repaired) -> None:
    visit.by(Phase(name="promote", work=lambda _: repaired.publish(visit.job, made)))
    visit.published = True


def _of_cache(visit: Visit) -> Sequence[Finding]:
    """Whether this machine's cache can be read, and gives what was just encoded."""
    cache = vector_cache()
    if cache is None:
        return []
    what = cache.damage()
    witness = visit.seen.job.cache if visit.seen else None
    if not what and isinstance(witness, Witness) and witness.wrong:
        what = f"{witness.wrong:,} of {witness.compared:,} entries are not what is encoded now"
    if not what:
        return []
    found = Finding(
        check="cache",
        what=what,
        where=str(cache.file),
        harm="none",
        remedy="the file is dropped, and fills again by what is encoded",
    )
    if not visit.repair:
        return [found]
    try:
        cache.clear()
    except OSError as error:
        return [replace(found, remedy=f"remove it: {error.strerror or error}")]
    return [replace(found, mended=True)]


def _live(job: Job) -> str:
    try:
        release = job.corpus.live()
    except MillraceError:
        return ""
    return release.generation.name if release else ""
