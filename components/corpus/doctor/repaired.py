"""A release that is what was live, mended; or that is live again, because what was live is gone.

No gate tests it: it is meant to answer as before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from components.corpus import difference
from components.corpus.promote import identity
from components.corpus.release import note_live, serving
from components.corpus.releases import as_release
from components.corpus.request import Job
from components.indexes import ledger as ledgers
from components.indexes.ledger import Event
from components.indexes.manifest import Entry, Generation, Release


@dataclass(frozen=True, kw_only=True)
class Repaired:
    """A release, and what the history does not say of it yet."""

    release: Release
    events: Sequence[Event] = ()


def anew(
    job: Job,
    generation: Generation,
    entries: Mapping[str, Entry],
    before: Mapping[str, Entry],
    mended: int,
) -> Repaired:
    """Of a generation that was made of what is live; `before`: the manifest of that. The stages
    that answer stay.
    """
    live = job.corpus.live()
    history = ledgers.fold(job.corpus.events(), live)
    answering = (live.serving if live else None) or serving(job.pipeline)
    why = f"{mended:,} findings were mended"
    release = Release(
        generation=generation,
        since="",
        run_id=job.request.run_id,
        number=history.next_number,
        serving=answering,
        how="repaired",
        by=f"doctor {job.request.run_id}",
        why=why,
        over=live.number if live else None,
    )
    changed = difference.chunks(before, entries)
    listed = history.listed(live.number) if live else None
    told = ledgers.made(
        release,
        identity=identity(generation, entries, answering),
        by=release.by,
        why=why,
        changed=changed,
        drift=changed + (listed.drift if listed else 0),
    )
    return Repaired(release=release, events=[told])


def again(job: Job, generation: Generation, over: int | None, why: str) -> Repaired:
    """Of an earlier generation: the last release that it was. `over`: see `Release.over`."""
    history = ledgers.fold(job.corpus.events(), None)
    was = [each for each in history.releases.values() if each.generation == generation.name]
    by = f"doctor {job.request.run_id}"
    if was:
        release = as_release(job.corpus, was[-1])
        return Repaired(release=replace(release, how="repaired", by=by, why=why, over=over))
    release = Release(
        generation=generation,
        since="",
        run_id=generation.run_id,
        number=history.next_number,
        serving=serving(job.pipeline),
        how="repaired",
        by=by,
        why=why,
        over=over,
    )
    return Repaired(release=release, events=[ledgers.made(release, identity="", by=by, why=why)])


def publish(job: Job, made: Repaired) -> None:
    """Make it the live one, and write that into the history. Raises Moved where what is live is
    something else by now.
    """
    release = made.release
    job.corpus.record(made.events)
    done = job.corpus.publish(release.generation, release.run_id, release)
    note_live(job.corpus, done)
