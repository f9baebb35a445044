"""What a refresh has to do: the source as it is, against the manifest.

Only what changed is read: an equal version ends the question; then equal bytes; then equal text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from components.corpus.hashes import content_hash, metadata_hash
from components.errors import BadDocument
from components.indexes.manifest import Entry
from components.stages import Source
from components.values import DocumentRef, Gap

Action = Literal["add", "change", "describe", "fail", "touch", "delete"]
"""`describe`: the text is the same, its title or metadata are not. `fail`: cannot be used.
`touch`: all is the same but the version; nothing to do, noted down when there is more to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One document and what is to be done with it."""

    document_id: str
    action: Action
    version: str = ""
    locator: str = ""
    bytes_hash: str = ""
    reason: str = ""

    @property
    def ref(self) -> DocumentRef:
        """How the source finds it."""
        return DocumentRef(id=self.document_id, version=self.version, locator=self.locator)


@dataclass(kw_only=True)
class Plan:
    """All steps, in the source's order, deletions last."""

    steps: list[Step] = field(default_factory=list)
    unchanged: int = 0
    gaps: list[Gap] = field(default_factory=list)

    def of(self, *actions: Action) -> list[Step]:
        """The steps of some actions."""
        return [step for step in self.steps if step.action in actions]


def make_plan(
    source: Source,
    entries: Mapping[str, Entry],
    fields: frozenset[str],
    *,
    retry_failed: bool = False,
) -> Plan:
    """The plan that brings a manifest up to its source. `fields` as in `Encoder.fields`.

    Raises SourceMissing.
    """
    plan = Plan()
    refs: dict[str, DocumentRef] = {}
    twice: dict[str, str] = {}
    for found in source.scan():
        if isinstance(found, Gap):
            plan.gaps.append(found)
        elif found.id in refs:
            twice[found.id] = f"{_place(refs[found.id])} and {_place(found)} have the same id"
        else:
            refs[found.id] = found
    for ref in refs.values():
        step = (
            _failing(ref, entries.get(ref.id), twice[ref.id], retry_failed)
            if ref.id in twice
            else _step(source, ref, entries.get(ref.id), fields, retry_failed)
        )
        if step is not None:
            plan.steps.append(step)
        if step is None or step.action == "touch":
            plan.unchanged += entries[ref.id].state == "done"
    plan.steps.extend(_deletions(plan, entries, refs))
    return plan


def _step(
    source: Source,
    ref: DocumentRef,
    entry: Entry | None,
    fields: frozenset[str],
    retry_failed: bool,
) -> Step | None:
    if entry is None:
        return _as(ref, "add")
    again = retry_failed and entry.state == "failed"
    if entry.version == ref.version and not again:
        return None
    try:
        digest = source.digest(ref)
        if digest == entry.bytes_hash and not again:
            return _as(ref, "touch", digest)
        return _compare(source, ref, entry, fields, digest)
    except BadDocument as error:
        return _as(ref, "fail", reason=str(error))


def _compare(
    source: Source, ref: DocumentRef, entry: Entry, fields: frozenset[str], digest: str
) -> Step | None:
    if not entry.chunks:
        return _as(ref, "add", digest)
    document = source.read(ref)
    if content_hash(document, fields) != entry.content_hash:
        return _as(ref, "change", digest)
    same = metadata_hash(document) == entry.metadata_hash and entry.state == "done"
    return _as(ref, "touch" if same else "describe", digest)


def _failing(ref: DocumentRef, entry: Entry | None, reason: str, again: bool) -> Step | None:
    known = entry is not None and (entry.state, entry.reason) == ("failed", reason)
    return None if known and not again else _as(ref, "fail", reason=reason)


def _deletions(
    plan: Plan, entries: Mapping[str, Entry], refs: Mapping[str, DocumentRef]
) -> Iterator[Step]:
    """Gone from the source, and not merely in a part that could not be listed."""
    unknown = tuple(gap.prefix for gap in plan.gaps)
    for document_id, entry in entries.items():
        if document_id in refs:
            continue
        if document_id.startswith(unknown):
            plan.unchanged += entry.state == "done"
        else:
            yield Step(document_id=document_id, action="delete")


def _as(ref: DocumentRef, action: Action, digest: str = "", reason: str = "") -> Step:
    return Step(
        document_id=ref.id,
        action=action,
        version=ref.version,
        locator=ref.locator,
        bytes_hash=digest,
        reason=reason,
    )


def _place(ref: DocumentRef) -> str:
    return repr(ref.locator or ref.id)
