"""A draft that is complete is closed for good."""

from __future__ import annotations

import time
from dataclasses import dataclass

from components.corpus.request import Job
from components.corpus.survey import Failed, Survey, failures, incomplete, manifest
from components.errors import Damaged
from components.indexes.manifest import Generation, total


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A finished generation and the documents that it could not take, or not all of."""

    generation: Generation
    failures: tuple[Failed, ...] = ()
    incomplete: tuple[Failed, ...] = ()
    seconds: float = 0.0


def seal(job: Job, found: Survey, name: str) -> Sealed:
    """Check that every document is accounted for, optimise and close the draft for good."""
    start = time.perf_counter()
    job.check_same(found.fingerprint)
    draft = job.corpus.generation(name)
    entries = manifest(job, draft)
    if len(entries) != found.expected:
        raise Damaged(f"{len(entries)} documents are recorded, {found.expected} were expected").at(
            where=draft.name, hint="run the refresh again; nothing was published"
        )
    totals, failed, partly = total(entries), failures(entries), incomplete(entries)
    del entries  # the memory is wanted for what follows
    generation = job.corpus.finish(draft, totals)
    return Sealed(
        generation=generation,
        failures=failed,
        incomplete=partly,
        seconds=time.perf_counter() - start,
    )
