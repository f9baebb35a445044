"""The parts that a corpus falls into, by where documents come from and by how long they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile, zip_longest
from pathlib import PurePosixPath
from random import Random
from typing import TypeGuard

from components.values import Chunk, Scalar

_FEWEST = 4
"""Documents of a part on average: a field in which nearly all differ divides nothing."""
_LARGEST = 0.9
"""Share of the documents that one part may have."""
_LONGEST = 64
"""Characters of a value that names a part."""
_LENGTHS = ("short", "medium", "long")
Labels = Mapping[str, str]
"""Names of parts by document id."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What tells where a document belongs."""

    length: int
    """Characters, up to the end of its last chunk."""
    fields: Mapping[str, Scalar]
    """Of its metadata, those that may name a part."""

    @classmethod
    def of(cls, chunks: Sequence[Chunk]) -> Facts:
        """From the chunks of a document."""
        fields = {name: value for name, value in chunks[0].metadata.items() if _names(value)}
        return cls(max(each.span.end for each in chunks), fields)


@dataclass(frozen=True, slots=True)
class Strata:
    """The stratum of each document."""

    by: str
    """What they differ in besides their lengths: `folder`, `file type`, or a field of the metadata;
    empty where none of these divides the documents.
    """
    of: Labels

    def turns(self, seed: int) -> list[str]:
        """The ids of all documents: by turns one of each stratum, in random order.

        The seed decides, whatever order the documents came in.
        """
        random = Random(seed)  # noqa: S311 - no secret
        parts: dict[str, list[str]] = {name: [] for name in sorted({*self.of.values()})}
        for id in sorted(self.of):
            parts[self.of[id]].append(id)
        for own in parts.values():
            random.shuffle(own)
        shuffled = random.sample(list(parts.values()), len(parts))
        return [id for turn in zip_longest(*shuffled) for id in turn if id is not None]


def strata(documents: Mapping[str, Facts]) -> Strata:
    """Documents by what divides them, the first of: their folders (below those that all share), the
    types of their files, the fields of their metadata by name. Each part in thirds by length.
    """
    ways = ((name, labels) for name, labels in _ways(documents) if _divides(labels))
    by, labels = next(ways, ("", dict.fromkeys(documents, "")))
    lengths = _lengths(documents)
    return Strata(by, {id: ", ".join(filter(None, (labels[id], lengths[id]))) for id in documents})


def _ways(documents: Mapping[str, Facts]) -> Iterator[tuple[str, Labels]]:
    yield "folder", _folders(documents)
    yield "file type", {id: PurePosixPath(id).suffix.lower() or "no type" for id in documents}
    for name in sorted({name for facts in documents.values() for name in facts.fields}):
        yield name, {id: str(facts.fields.get(name, "none")) for id, facts in documents.items()}


def _folders(documents: Mapping[str, Facts]) -> Labels:
    """The first folder that not all share; ids that are addresses have some, too."""
    above = {id: id.split("/")[:-1] for id in documents}
    levels = zip(*above.values(), strict=False)
    shared = sum(1 for _ in takewhile(lambda level: len({*level}) == 1, levels))
    return {id: own[shared] if own[shared:] else "no folder" for id, own in above.items()}


def _divides(labels: Labels) -> bool:
    parts = Counter(labels.values())
    most = max(parts.values(), default=0)
    return 1 < len(parts) <= len(labels) / _FEWEST and most <= _LARGEST * len(labels)


def _lengths(documents: Mapping[str, Facts]) -> Labels:
    """By thirds of the corpus; equal lengths are in one."""
    ordered = sorted(facts.length for facts in documents.values())
    first, second = (ordered[len(ordered) * third // 3] for third in (1, 2))
    return {
        id: _LENGTHS[(facts.length >= first) + (facts.length >= second)]
        for id, facts in documents.items()
    }


def _names(value: object) -> TypeGuard[Scalar]:
    return isinstance(value, str | int) and len(str(value)) <= _LONGEST
