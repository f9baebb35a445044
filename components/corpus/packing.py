"""An encoded shard as bytes, to pass between processes: arrays for all that counts chunks."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from components.corpus.encode import Effort, Encoded, Piece
from components.values import (
    NO_TERMS,
    Document,
    Integers,
    Matrix,
    Span,
    SparseVector,
    States,
    Whole,
)


def pack(shard: Encoded, effort: Callable[[], Effort]) -> bytes:
    """The shard with all its vectors, and what they took, which is asked once they are made."""
    packed = [_packed(piece) for piece in shard.pieces]
    return pickle.dumps((packed, shard.ready, shard.failed, effort()), protocol=5)


def pack_error(error: Exception) -> bytes:
    """What `unpack` raises."""
    try:
        packed = pickle.dumps(error)
        pickle.loads(packed)  # noqa: S301 (made a line before)
    except Exception:  # a stranger's exception with arguments of its own
        packed = pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return packed


def unpack(packed: bytes) -> Encoded:
    """The reverse of `pack`. Raises what `pack_error` was given."""
    found = pickle.loads(packed)  # noqa: S301 (from a process of this run)
    if isinstance(found, Exception):
        raise found
    pieces, ready, failed, effort = found
    return Encoded(pieces=map(_unpacked, pieces), ready=ready, failed=failed, effort=effort)


@dataclass(frozen=True, slots=True)
class _Packed:
    document: Document
    content_hash: str
    first: int
    spans: Integers
    """(spans, 2)."""
    dense: Matrix
    indices: Integers
    """Of all sparse vectors, one after the other."""
    values: Matrix
    ends: Integers
    """Where each sparse vector ends, shape (spans,)."""
    states: Sequence[States]
    whole: Whole | None


def _packed(piece: Piece) -> _Packed:
    terms = [NO_TERMS, *piece.sparse]
    return _Packed(
        document=piece.document,
        content_hash=piece.content_hash,
        first=piece.first,
        spans=np.array([(each.start, each.end) for each in piece.spans], dtype=np.int64),
        dense=np.ascontiguousarray(piece.dense),
        indices=np.concatenate([each.indices for each in terms]),
        values=np.concatenate([each.values for each in terms]),
        ends=np.cumsum([len(each.indices) for each in piece.sparse], dtype=np.int64),
        states=[np.ascontiguousarray(each) for each in piece.states],
        whole=piece.whole,
    )


def _unpacked(packed: _Packed) -> Piece:
    return Piece(
        document=packed.document,
        content_hash=packed.content_hash,
        first=packed.first,
        spans=[Span(start, end) for start, end in packed.spans.tolist()],
        dense=packed.dense,
        sparse=_terms(packed),
        states=packed.states,
        whole=packed.whole,
    )


def _terms(packed: _Packed) -> Sequence[SparseVector]:
    cuts = packed.ends[:-1]
    rows = zip(np.split(packed.indices, cuts), np.split(packed.values, cuts), strict=True)
    return [SparseVector(indices, values) for indices, values in rows]
