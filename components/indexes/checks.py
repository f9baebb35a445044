"""What every store looks at before it takes vectors: afterwards it is too late."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from components.errors import BadVectors
from components.values import Chunk, Matrix, SparseVector, States, Whole


def check_vectors(
    chunks: Sequence[Chunk], dense: Matrix, sparse: Sequence[SparseVector], width: int
) -> None:
    """Raises BadVectors for vectors that do not fit the chunks or the index, or are malformed."""
    if dense.shape != (len(chunks), width) or len(sparse) != len(chunks):
        raise BadVectors(
            f"{len(chunks)} chunks came with vectors {dense.shape} and {len(sparse)} sparse ones, "
            f"the index is {width} wide"
        )
    if not np.isfinite(dense).all():
        worst = int(np.nonzero(~np.isfinite(dense).all(axis=1))[0][0])
        raise BadVectors("the encoder made a vector with NaN or infinity").at(
            where=chunks[worst].document_id
        )
    for chunk, terms in zip(chunks, sparse, strict=True):
        if not _sound(terms):
            raise BadVectors("the sparse encoder made a malformed vector").at(
                where=chunk.document_id
            )


def check_whole(chunks: Sequence[Chunk], whole: Whole | None, width: int) -> None:
    """Raises BadVectors for vectors of a whole document that are malformed, or of none."""
    if whole is None:
        return
    if not chunks:
        raise BadVectors("vectors of a whole document came without a chunk of it")
    fits = whole.dense.shape == (width,) and np.isfinite(whole.dense).all()
    if not (fits and _sound(whole.sparse)):
        raise BadVectors("the vectors of a whole document are malformed").at(
            where=chunks[-1].document_id
        )


def checked_states(
    chunks: Sequence[Chunk], states: Sequence[States]
) -> Sequence[States] | Sequence[None]:
    """Of each chunk; None of each where there are none. Raises BadVectors for states of tokens that
    do not fit the chunks.
    """
    fits = len(states) in (0, len(chunks))
    if not fits or any(each.ndim != 2 or each.dtype != np.uint8 for each in states):
        raise BadVectors(f"{len(chunks)} chunks came with malformed states of {len(states)}")
    return states or [None] * len(chunks)


def _sound(terms: SparseVector) -> bool:
    indices, values = terms.indices, terms.values
    if len(indices) != len(values):
        return False
    if not len(indices):
        return True
    in_range = indices[0] >= 0 and indices[-1] < 2**32
    return bool(in_range and (np.diff(indices) > 0).all() and np.isfinite(values).all())
