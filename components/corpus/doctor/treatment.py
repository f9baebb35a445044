"""What can be done about each document in which damage was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.corpus.clock import Clock
from components.corpus.doctor.finding import BY_DOCUMENT, Finding, documents
from components.corpus.plan import Change
from components.corpus.prepare import prepare
from components.corpus.request import Job
from components.errors import BadDocument
from components.indexes.contract import GenerationReader, mendable
from components.indexes.manifest import Entry, Generation

Listing = Mapping[str, Change]
"""What it takes to add each document that the source has, by id."""


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """What is done with each document."""

    again: Listing
    """Encoded anew."""
    strays: Sequence[str]
    """Without an entry: dropped before, and encoded where the source has them."""
    older: Sequence[str]
    """Chunks of another content are dropped."""
    left: Mapping[str, str]
    """Why they cannot be encoded."""
    lacking: Mapping[str, int]
    """How many chunks of them are stored, where another number is recorded."""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.again or self.strays or self.older or self.lacking)


def treatment(
    job: Job,
    live: Generation,
    entries: Mapping[str, Entry],
    findings: Sequence[Finding],
    listing: Listing,
) -> Treatment:
    """What can be done: each document that has to be encoded is read and cut first, because what is
    served of one that cannot be is better than nothing.
    """
    orphans = documents(findings, "orphans")
    wrong = documents(findings, *BY_DOCUMENT - {"orphans"})
    strays = sorted(orphans - entries.keys())
    again: dict[str, Change] = {}
    left: dict[str, str] = {}
    for document_id in (*sorted(wrong), *strays):
        change = listing.get(document_id)
        reason = _unusable(change, job)
        if change and not reason:
            again[document_id] = change
        elif document_id in wrong:
            left[document_id] = reason
    older = sorted((orphans & entries.keys()) - again.keys())
    unsure = documents(findings, "entries", "points") & left.keys()
    return Treatment(
        again=again,
        strays=strays,
        older=older,
        left=left,
        lacking=_lacking(job, live, [entries[each] for each in sorted(unsure)]),
    )


def _lacking(job: Job, live: Generation, unsure: Sequence[Entry]) -> Mapping[str, int]:
    if not unsure:
        return {}
    with mendable(job.corpus).examine(live) as reader:
        stored = {each.document_id: _stored(reader, each) for each in unsure}
    return {e.document_id: count for e in unsure if (count := stored[e.document_id]) != e.chunks}


def _stored(reader: GenerationReader, entry: Entry) -> int:
    """Chunks of the content that the entry is of."""
    return sum(each.version == entry.content_hash for each in reader.chunks(entry.document_id))


def _unusable(change: Change | None, job: Job) -> str:
    if change is None:
        return "the source does not have it any more"
    try:
        prepare(change, job, Clock())
    except BadDocument as error:
        return f"the source's cannot be used: {error}"
    return ""
