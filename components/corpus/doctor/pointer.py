"""What says which generation is live, and the name under which others find it."""

from __future__ import annotations

from components.corpus import release
from components.corpus.doctor.examine import examine
from components.corpus.doctor.finding import Finding
from components.corpus.request import Job
from components.errors import Damaged, MillraceError, Missing, line
from components.indexes.contract import mendable
from components.indexes.ledger import fit, fold
from components.indexes.manifest import Generation

_REPAIR = "the newest finished generation that is sound goes live again"
_NONE = (
    "no other generation can be read: restore one from a copy, or refresh, which takes everything "
    "from the source"
)


def pointed(job: Job) -> tuple[Generation | None, Finding | None]:
    """What is live, or what is wrong with what says so. Raises NothingLive before the first
    release, and what says nothing about the pointer.
    """
    try:
        return release.live(job.pipeline, job.corpus).generation, None
    except (Damaged, Missing) as error:
        what = f"what is live cannot be told: {error}"
        where = error.where or job.pipeline.name
        return None, _broken(what, where)


def unreadable(generation: Generation, error: MillraceError) -> Finding:
    """That a generation is live, and gone or damaged as a whole."""
    return _broken(
        f"what is live cannot be read: {line(str(error), error.where, '')}", generation.name
    )


def another(job: Job, but: Generation | None) -> Generation | None:
    """The newest finished generation that is sound; where none is, the newest that can be read."""
    readable: Generation | None = None
    corpus = mendable(job.corpus)
    for each in reversed(fit(corpus.generations(), fold(job.corpus.events(), None))):
        if not each.finished_at or job.corpus.damage(each) or (but and each.name == but.name):
            continue
        try:
            with corpus.examine(each) as reader:
                found = examine(reader, each, reader.entries())
        except (Damaged, Missing):
            continue
        if not found:
            return each
        readable = readable or each
    return readable


def drop_unreadable(job: Job) -> None:
    """Let go, on a server, of generations whose collection is gone: refreshes would go on from
    them. An embedded index condemns what is damaged.
    """
    corpus = mendable(job.corpus)
    for each in corpus.generations():
        try:
            with corpus.examine(each) as reader:
                reader.count_chunks()
        except Missing:
            job.corpus.discard(each)
        except Damaged:
            pass


def alias(job: Job) -> list[Finding]:
    """Where it leads elsewhere than to what is live; nothing where nobody can say what that is."""
    try:
        what = mendable(job.corpus).astray()
    except (Damaged, Missing):
        return []
    remedy = "it is set anew; searches of our own do not go by it"
    found = Finding(check="alias", what=what, where=job.pipeline.name, harm="none", remedy=remedy)
    return [found] if what else []


def nothing_else(finding: Finding) -> Finding:
    """A finding of a pointer, where there is nothing else to point to."""
    return Finding(
        check="pointer", what=finding.what, where=finding.where, harm="down", remedy=_NONE
    )


def _broken(what: str, where: str) -> Finding:
    return Finding(check="pointer", what=what, where=where, harm="down", remedy=_REPAIR)
