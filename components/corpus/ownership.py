"""Whose corpus it is.

A corpus belongs to the source that it was built from. Two machines may call different folders by
one path, `/data/docs` in any container: where no namespace keeps them apart, they are told apart by
what they hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from components.corpus.plan import Plan
from components.corpus.request import Job
from components.errors import ForeignCorpus
from components.indexes.manifest import Entry
from components.machine import paths
from infra import machine

_DIFFERS = (
    "is it another corpus? give it another name, on a server a namespace (index.namespace, "
    "MILLRACE_NAMESPACE); if it is the same, take it over with --adopt"
)
_UNKNOWN = (
    "a container counts as another machine every time: on a server give the corpus a namespace of "
    "its own (index.namespace, MILLRACE_NAMESPACE), or take it over with --adopt each time"
)


def check_owner(job: Job) -> None:
    """Raises ForeignCorpus where the stored corpus came from another source."""
    if not (job.request.adopt or _owned(job)):
        raise ForeignCorpus(
            f"the corpus {job.pipeline.name!r} was built from {job.corpus.owner()}, "
            f"not from {job.source.identity}"
        ).at(
            where="index",
            hint="choose another name, another index.path or, on a server, index.namespace; or "
            "take the corpus over with --adopt",
        )


def trusted(job: Job, entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """The manifest, less what says nothing about this source's documents: versions and hashes of
    another source, versions of the same path on another machine.
    """
    if not _owned(job):
        return {i: replace(e, version="", bytes_hash="") for i, e in entries.items()}
    if job.request.adopt and not _same_machine(job):
        return {i: replace(e, version="") if e.state == "done" else e for i, e in entries.items()}
    return dict(entries)


def check_holdings(job: Job, plan: Plan, held: Mapping[str, Entry]) -> None:
    """Raises ForeignCorpus where another machine wants to refresh, and less than half of its
    documents are held, nor are half of those that are held there as they were.

    `held`: what readers have, or else what a first build has written so far.
    """
    held = {plan.spelt(document_id): entry for document_id, entry in held.items() if entry.chunks}
    if job.request.adopt or job.corpus.apart or not (held and plan.listed):
        return  # an empty source is a matter for the guard against deletions
    shared = held.keys() & plan.listed.keys()
    if 2 * len(shared) >= len(plan.listed) or 2 * _same(plan, held) >= len(held):
        return
    if _same_machine(job):
        return
    raise ForeignCorpus(
        f"the corpus {job.pipeline.name!r} holds {len(held):,} documents that another machine put "
        f"there; of the {len(plan.listed):,} in {job.source.identity} here it knows "
        f"{len(shared):,}: nothing was changed"
    ).at(where="index", hint=_DIFFERS if machine.identity() else _UNKNOWN)


def _owned(job: Job) -> bool:
    """Whether the stored corpus came from this source, or from none yet. What it is called may have
    changed: before, links in its name were followed.
    """
    owner, own = job.corpus.owner(), job.source.identity
    if owner in (None, own):
        return True
    there = {paths.real(own), job.pipeline.followed().build("source").identity}
    return paths.real(str(owner)) in there


def _same(plan: Plan, held: Mapping[str, Entry]) -> int:
    """Documents that are held as the source has them: a corpus may have grown to many times."""
    touched = {each.document_id for each in plan.of("touch")}
    return sum(
        plan.listed.get(each.document_id) == each.version or each.document_id in touched
        for each in held.values()
    )


def _same_machine(job: Job) -> bool:
    own = machine.identity()
    return bool(own) and job.corpus.machine() == own
