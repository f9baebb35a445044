"""Which documents two generations of a corpus hold otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from components.indexes.contract import CorpusIndex
from components.indexes.manifest import Entry, Generation


@dataclass(frozen=True, kw_only=True)
class Documents:
    """Ids, in order, of documents with chunks."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return asdict(self)


def documents(corpus: CorpusIndex, before: Generation, after: Generation) -> Documents:
    """What the second holds otherwise. Raises Busy, Moved, IndexFault."""
    found = []
    for each in (before, after):
        with corpus.read(each) as reader:
            found.append({id: entry for id, entry in reader.entries().items() if entry.chunks})
    old, new = found
    both = old.keys() & new.keys()
    return Documents(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(id for id in both if content(old[id]) != content(new[id]))),
        gone=tuple(sorted(old.keys() - new.keys())),
    )


def chunks(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> int:
    """Of the documents that one has and the other has not, or has otherwise; of a document that
    both have the more.
    """
    changed = 0
    for id in before.keys() | after.keys():
        held = [each for each in (before.get(id), after.get(id)) if each is not None]
        if len({*map(content, held)}) > 1 or len(held) == 1:
            changed += max(each.chunks for each in held)
    return changed


def content(entry: Entry) -> tuple[str, str, int]:
    """What tells whether two entries stand for the same."""
    return entry.content_hash, entry.metadata_hash, entry.chunks
