"""What a generation holds, against its own manifest: every point is looked at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from components.corpus.doctor.finding import Check, Finding, Harm
from components.indexes.contract import GenerationReader
from components.indexes.manifest import Entry, Generation
from components.indexes.points import Held

ENCODE = "the document is encoded anew"
_DROP = "they are dropped"
_NEAR = 1e-3
"""By which the length of a vector may differ from 1: encoders promise 1, and stores scale to it."""
_SHOWN = 5


@dataclass(slots=True)
class Version:
    """What is stored of one version of a document."""

    ordinals: Counter[int | None] = field(default_factory=Counter)
    """Of its chunks; None: of one that has lost it."""
    wholes: int = 0
    termed: int = 0
    """Chunks with terms."""
    bad: Counter[str] = field(default_factory=Counter)
    """Vectors by what is wrong with them."""


def examine(
    reader: GenerationReader, generation: Generation, entries: Mapping[str, Entry]
) -> list[Finding]:
    """What is wrong, document by document. Raises IndexFault where it cannot be read."""
    found: dict[str, dict[str, Version]] = defaultdict(lambda: defaultdict(Version))
    for point in reader.scan():
        _note(point, found[point.document_id][point.version])
    told: list[Finding] = []
    sound: list[tuple[Entry, Version]] = []
    for document_id in sorted(found.keys() | entries.keys()):
        stored, entry = found.get(document_id, {}), entries.get(document_id)
        told += _strays(document_id, entry, stored)
        if entry and (entry.chunks or entry.lost):
            own = stored.get(entry.content_hash, Version())
            lacks = [*_lacks(entry, own, whole=generation.whole), *_vectors(entry, own)]
            told += lacks
            if not lacks:
                sound.append((entry, own))
    return [*told, *_terms(generation, sound)]


def _note(point: Held, own: Version) -> None:
    if point.ordinal is not None or not point.whole:
        own.ordinals[point.ordinal] += 1
        own.termed += point.termed
    own.wholes += point.whole
    # Vectors of a document that point in opposite ways have no mean.
    alone = point.whole and point.ordinal is None
    if wrong := _wrong(point, may_vanish=alone):
        own.bad[wrong] += 1


def _wrong(point: Held, *, may_vanish: bool) -> str:
    """What no encoder makes and no store keeps."""
    if point.dense is None:
        return "not there"
    length = float(np.linalg.norm(point.dense.astype(np.float64)))
    if not np.isfinite(length):
        return "not a number, or infinite"
    if abs(length - 1) < _NEAR or (may_vanish and not length):
        return ""
    return f"{length:.3g} long instead of 1"


def _strays(
    document_id: str, entry: Entry | None, stored: Mapping[str, Version]
) -> Iterator[Finding]:
    own = entry.content_hash if entry and entry.chunks else None
    count = sum(
        each.ordinals.total() or each.wholes for name, each in stored.items() if name != own
    )
    if count:
        of = "a document of another content" if entry else "a document without an entry"
        remedy = _DROP if entry else f"{_DROP}; {ENCODE} where the source has it"
        yield _found("orphans", document_id, f"{_chunks(count)} of {of}", "wrong", remedy)


def _lacks(entry: Entry, own: Version, *, whole: bool) -> Iterator[Finding]:
    name, have, count = entry.document_id, own.ordinals, entry.chunks + entry.lost
    if not have:
        what = f"{_chunks(count)} recorded, none stored"
        yield _found("entries", name, what, "lost")
        return
    missing = [at for at in range(count) if at not in have]
    if missing:
        what = f"{_chunks(len(missing))} of {count:,} not stored: {_listed(missing)}"
        yield _found("points", name, what, "lost")
    elif whole and own.wholes != 1:
        what = f"{own.wholes} vectors of the whole document instead of 1"
        yield _found("points", name, what, "wrong" if own.wholes else "lost")
    if beyond := have.total() - (count - len(missing)):
        what = f"{_chunks(beyond)} more than the {count:,} recorded"
        yield _found("points", name, what, "wrong")


def _vectors(entry: Entry, own: Version) -> Iterator[Finding]:
    if own.bad:
        told = ", ".join(f"{count} {wrong}" for wrong, count in own.bad.most_common(_SHOWN))
        yield _found("vectors", entry.document_id, f"dense vectors: {told}", "wrong")


def _terms(generation: Generation, sound: Sequence[tuple[Entry, Version]]) -> Iterator[Finding]:
    """A chunk without terms need not have lost them: only where fewer have some than had when the
    generation was finished, each that has none may be one. `sound`: documents of which all is
    there; all chunks of the others may have had some.
    """
    others = generation.totals.chunks - sum(entry.chunks for entry, _ in sound)
    lost = (generation.sparse or 0) - others - sum(own.termed for _, own in sound)
    if lost <= 0:
        return
    for entry, own in sound:
        if bare := entry.chunks - own.termed:
            what = f"{_chunks(bare)} without terms, and {lost:,} of such have lost them"
            yield _found("vectors", entry.document_id, what, "lost")


def _found(check: Check, document_id: str, what: str, harm: Harm, remedy: str = ENCODE) -> Finding:
    return Finding(check=check, what=what, where=document_id, harm=harm, remedy=remedy)


def _chunks(count: int) -> str:
    return f"{count:,} chunk{'s' if count != 1 else ''}"


def _listed(ordinals: list[int]) -> str:
    rest = len(ordinals) - _SHOWN
    shown = ", ".join(map(str, ordinals[:_SHOWN]))
    return f"{shown} and {rest:,} more" if rest > 0 else shown
