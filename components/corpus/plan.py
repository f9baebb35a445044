"""What a refresh has to do: the source as it is, against the manifest.

Only what changed is read: an equal version ends the question; then equal bytes; then equal text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from components.corpus.reading import bad_document, content_hash, metadata_hash, read
from components.errors import BadDocument, MillraceError
from components.indexes.manifest import Entry
from components.indexes.payload import is_storable
from components.machine.system import telling
from components.stages import Source
from components.text.normal_form import canonical
from components.values import Document, DocumentRef, Gap, LeftOut

Action = Literal["add", "change", "describe", "fail", "touch", "delete"]
"""`describe`: the text is the same, its title or metadata are not. `fail`: cannot be used.
`touch`: all is the same but the version, or it failed before and fails again; nothing to do, noted
down when there is more to write."""
APART: Sequence[Action] = ("describe", "touch", "delete")
"""Need no encoding."""
Trial = Callable[[Document], object]
"""Raises what keeps a document from being used although it can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A document and what is to be done with it."""

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

    def failing(self, error: BadDocument) -> Change:
        """That it cannot be used instead. Without a version it is tried again by the next run."""
        version = "" if error.transient else self.version
        return replace(self, action="fail", version=version, reason=str(error))


@dataclass(kw_only=True)
class Plan:
    """All changes, in the source's order, deletions last."""

    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    gaps: list[Gap] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    listed: dict[str, str] = field(default_factory=dict)
    """The version of every document that the source has, by id."""
    listing: str = ""
    """A hash of all that the source lists: where it is the same, nothing has changed."""

    def of(self, *actions: Action) -> list[Change]:
        """The changes of some actions."""
        return [change for change in self.changes if change.action in actions]

    def gone(self, ids: Iterable[str]) -> list[str]:
        """Those that the source has no more, not merely in a part that could not be listed."""
        unknown = tuple(gap.prefix for gap in self.gaps)
        return [each for each in ids if each not in self.listed and not each.startswith(unknown)]

    def lost(self, ids: Iterable[str]) -> list[str]:
        """Those that are gone and are not merely spelt in another form now."""
        return [each for each in self.gone(ids) if self.spelt(each) not in self.listed]

    def spelt(self, id: str) -> str:
        """An id in the form that the source gives it now: accents had two once, and what is between
        the parts of a ZIP's names.
        """
        found = canonical(id)
        return found if found in self.listed else found.replace("\\", "/")


def make_plan(
    source: Source,
    entries: Mapping[str, Entry],
    fields: frozenset[str],
    *,
    retry_failed: bool = False,
    trial: Trial = lambda document: None,
) -> Plan:
    """The plan that brings a manifest up to its source. `fields` as in `Encoder.fields`; `trial` is
    made of documents that failed before.

    Raises SourceMissing.
    """
    plan = Plan()
    refs, twice = _scan(source, plan)
    plan.listed.update({ref.id: ref.version for ref in refs.values()})
    for ref in refs.values():
        entry = entries.get(ref.id)
        change: Change | None
        if ref.id in twice:
            change = _failing(ref, entry, BadDocument(twice[ref.id]).passing())
        else:
            change = _change(source, ref, entry, fields, trial, retry_failed)
        if change is not None:
            plan.changes.append(change)
        if entry is not None and (change is None or change.action == "touch"):
            plan.unchanged += entry.state == "done"
    gone = plan.gone(entries)
    plan.changes.extend(Change(document_id=each, action="delete") for each in gone)
    unlisted = set(entries) - plan.listed.keys() - set(gone)
    plan.unchanged += sum(entries[each].state == "done" for each in unlisted)
    return plan


def listing(source: Source) -> str:
    """`Plan.listing` of the source as it is now. Raises SourceMissing."""
    plan = Plan()
    _scan(source, plan)
    return plan.listing


def _scan(source: Source, plan: Plan) -> tuple[dict[str, DocumentRef], dict[str, str]]:
    """Documents by id, and for ids that occur twice what to say of them; gaps go to the plan."""
    refs: dict[str, DocumentRef] = {}
    twice: dict[str, str] = {}
    seen = hashlib.sha256()
    for found in source.scan():
        seen.update(ascii(found).encode())
        if isinstance(found, Gap):
            plan.gaps.append(found)
        elif isinstance(found, LeftOut):
            plan.left_out.append(found)
        elif not is_storable(found.id):
            shown = ascii(found.id)
            plan.gaps.append(Gap(prefix=found.id, where=shown, reason="the id is not valid text"))
        elif found.id in refs:
            twice[found.id] = f"{_place(refs[found.id])} and {_place(found)} have the same id"
        else:
            refs[found.id] = found
    plan.listing = seen.hexdigest()
    return refs, twice


def _change(
    source: Source,
    ref: DocumentRef,
    entry: Entry | None,
    fields: frozenset[str],
    trial: Trial,
    retry_failed: bool,
) -> Change | None:
    if entry is None:
        return _as(ref, "add")
    failed = entry.state == "failed"
    again = failed and (retry_failed or not entry.version)
    if entry.version == ref.version and not again:
        return None
    digest = ""
    try:
        # A version may be that hash.
        digest = entry.bytes_hash if entry.bytes_hash == ref.version else source.digest(ref)
        if digest == entry.bytes_hash and not failed:
            return _as(ref, "touch", digest)
        digest, document = read(source, ref)
        if failed:
            trial(document)
        return _as(ref, _compared(document, entry, fields), digest)
    except Exception as error:  # a stranger's source must not stop the others' documents
        return _failing(ref, entry, bad_document(error), digest)


def _compared(document: Document, entry: Entry, fields: frozenset[str]) -> Action:
    if not entry.chunks:
        return "add"
    if entry.lost or content_hash(document, fields) != entry.content_hash:
        return "change"
    same = metadata_hash(document) == entry.metadata_hash and entry.state == "done"
    return "touch" if same else "describe"


def _failing(ref: DocumentRef, entry: Entry | None, error: BadDocument, digest: str = "") -> Change:
    """A failure that is known already is no news, so it is no reason to write anything."""
    change = _as(ref, "fail", digest).failing(error)
    if entry is None or not _known(entry, ref, error, digest):
        return change
    return replace(change, action="touch", bytes_hash=digest or entry.bytes_hash)


def _known(entry: Entry, ref: DocumentRef, error: BadDocument, digest: str) -> bool:
    """Whether the same document failed before. How it is worded does not count: a reason may hold
    a time, an address or the number of a request.
    """
    if entry.state != "failed":
        return False
    if error.transient or entry.version == ref.version:
        return True
    return bool(entry.version) and digest == entry.bytes_hash


def _as(ref: DocumentRef, action: Action, digest: str = "") -> Change:
    return Change(
        document_id=ref.id,
        action=action,
        version=ref.version,
        locator=ref.locator,
        bytes_hash=digest,
    )


def _place(ref: DocumentRef) -> str:
    return ref.place or repr(ref.locator or ref.id)


def save(changes: Sequence[Change], file: Path) -> None:
    """Write the changes, in order: what passes from one task to the next is the file's path. Raises
    as `telling` does.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [each.name for each in fields(Change)]
    held = {name: [getattr(change, name) for change in changes] for name in columns}
    schema = pa.schema([(name, pa.string()) for name in columns])
    with telling(file):
        pq.write_table(pa.table(held, schema=schema), file)


def take(file: Path) -> list[Change]:
    """The changes for whoever begins to make them, once: afterwards they say nothing about what is
    stored any more. Raises MillraceError.
    """
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            found = [Change(**row) for each in opened.iter_batches() for row in each.to_pylist()]
        file.unlink()
    except FileNotFoundError:
        raise MillraceError("the plan was used before, or is gone").at(
            where=str(file), hint="run the refresh again: it makes a new one"
        ) from None
    return found
