"""What is stored of a document's chunks and of the whole of it, alike in every store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.indexes.checks import check_vectors, check_whole, checked_states
from components.indexes.manifest import Generation
from components.indexes.payload import (
    CHUNK,
    WHOLE,
    named,
    of_chunk,
    of_whole,
    size,
    whole_id,
)
from components.values import NO_TERMS, Chunk, Matrix, SparseVector, States, Whole

DENSE = "dense"
"""Vectors of chunks and of whole documents: under a name of their own the latter would take a place
of every point.
"""
SPARSE = "sparse"
DOCUMENT_SPARSE = "document_sparse"
"""Of whole documents: how rare a term is, is counted among them alone."""
VACUUM: Mapping[str, Any] = {"deleted_threshold": 0.05, "vacuum_min_vector_number": 100}
"""When a segment is rebuilt without the points that were deleted from it: when they are that part
of so many. Until then they count in the inverse document frequency, and take room.
"""


@dataclass(frozen=True, slots=True)
class Point:
    """Vectors and what is stored with them."""

    id: str
    payload: Mapping[str, Any]
    dense: Matrix
    """(width,)."""
    terms: Mapping[str, SparseVector]
    """Sparse vectors by name; none that is empty."""
    size: int
    """Bytes of the payload, roughly."""


@dataclass(frozen=True, slots=True)
class Held:
    """A point with vectors as it is stored, which may not be as it should."""

    id: str
    """The chunk's, or that of the whole document."""
    document_id: str
    version: str
    """The content hash of what it was made of."""
    ordinal: int | None
    """Of a chunk; None of what stands for a whole document alone."""
    whole: bool
    """Whether it stands for the whole document."""
    dense: Matrix | None
    """(width,); None where it has none."""
    termed: bool
    """Whether it has terms to be found by as a chunk."""


SCANNED = ("kind", "document_id", "version", "ordinal", CHUNK, WHOLE)
"""Payload fields that `held` reads."""


def held(point: Any) -> Held:
    """A store's record, with `SCANNED`."""
    payload, vectors = point.payload or {}, point.vector or {}
    dense = vectors.get(DENSE)
    return Held(
        id=named(point),
        document_id=str(payload.get("document_id", "")),
        version=str(payload.get("version", "")),
        ordinal=payload.get("ordinal"),
        whole=WHOLE in payload,
        dense=None if dense is None else np.asarray(dense, dtype=np.float32),
        termed=SPARSE in vectors,
    )


def points_of(
    chunks: Sequence[Chunk],
    dense: Matrix,
    sparse: Sequence[SparseVector],
    states: Sequence[States | None],
    whole: Whole | None,
) -> Iterator[Point]:
    """A point for each chunk in order and, before the last of them, one for the whole document that
    it ends, if that has others. Raises BadDocument.
    """
    last = len(chunks) - 1
    for at, (chunk, row, terms, own) in enumerate(zip(chunks, dense, sparse, states, strict=True)):
        payload, named = of_chunk(chunk, own), {SPARSE: terms}
        if whole and at == last:
            if chunk.ordinal:
                yield _of_document(chunk, whole)
            else:
                payload[WHOLE] = True
                named[DOCUMENT_SPARSE] = whole.sparse
        yield Point(chunk.id, payload, row, _given(named), size(payload))


def checked_points(
    of: Generation,
    chunks: Sequence[Chunk],
    dense: Matrix,
    sparse: Sequence[SparseVector],
    states: Sequence[States],
    whole: Whole | None,
) -> Iterator[Point]:
    """As `points_of`, of what a draft keeps. Raises BadVectors, before any is made."""
    check_vectors(chunks, dense, sparse, of.width)
    check_whole(chunks, whole, of.width)
    held = checked_states(chunks, states)
    return points_of(chunks, dense, sparse, held, whole if of.whole else None)


def _of_document(chunk: Chunk, whole: Whole) -> Point:
    payload = of_whole(chunk)
    return Point(
        id=whole_id(chunk.document_id, chunk.version),
        payload=payload,
        dense=whole.dense,
        terms=_given({DOCUMENT_SPARSE: whole.sparse}),
        size=size(payload),
    )


def _given(terms: Mapping[str, SparseVector]) -> Mapping[str, SparseVector]:
    return {name: each for name, each in terms.items() if len(each.indices)}


def stored_terms(found: Any) -> SparseVector:
    """A sparse vector as a store gives it back, or None."""
    if found is None:
        return NO_TERMS
    return SparseVector(
        np.asarray(found.indices, dtype=np.int64), np.asarray(found.values, dtype=np.float32)
    )
