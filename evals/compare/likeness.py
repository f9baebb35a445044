"""How alike the systems of a comparison are, beside how good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from components.errors import UserError
from components.indexes.contract import GenerationReader
from components.stages import Reader
from components.values import Matrix
from evals.compare.outcome import Likeness, Measured
from evals.compare.systems import System
from evals.similarity import jaccard_curve, linear_cka, rank_similarity_curve

DEPTH = 20
"""Of the curves."""
CHUNKS = 2_000
"""Shared chunks whose vectors are compared, at most."""
_BATCH = 500


def likeness(systems: Sequence[System], measured: Sequence[Measured]) -> list[Likeness]:
    """Of every two. Raises MillraceError."""
    by_name = {each.name: each for each in systems}
    return [_likeness(a, b, by_name[a.name], by_name[b.name]) for a, b in combinations(measured, 2)]


def _likeness(a: Measured, b: Measured, first: System, second: System) -> Likeness:
    left, right = ({id: own.units for id, own in each.rankings.items()} for each in (a, b))
    cka = None if first.index == second.index else _cka(first, second)
    return Likeness(
        a=a.name,
        b=b.name,
        jaccard=jaccard_curve(left, right, DEPTH).tolist(),
        rank_similarity=rank_similarity_curve(left, right, DEPTH).tolist(),
        cka=cka[0] if cka else None,
        cka_by_chance=cka[1] if cka else None,
    )


def _cka(first: System, second: System) -> tuple[float, float] | None:
    """Of the dense vectors of chunks that both hold, with what chance would give."""
    with first.opened() as left, second.opened() as right:
        shared = sorted(set(_ids(left)) & set(_ids(right)))
        if len(shared) < 3:
            return None
        places = np.linspace(0, len(shared) - 1, min(CHUNKS, len(shared))).astype(int)
        chosen = [shared[place] for place in places]
        try:
            found = linear_cka(_Batches(left, right, chosen))
        except UserError:  # all vectors of a system are one
            return None
    return found.value, found.chance


class _Batches:
    """Vectors of the same chunks in two indexes, as often as they are asked for."""

    def __init__(self, left: Reader, right: Reader, ids: Sequence[str]) -> None:
        self._readers = left, right
        self._ids = ids

    def __iter__(self) -> Iterator[tuple[Matrix, Matrix]]:
        left, right = self._readers
        for start in range(0, len(self._ids), _BATCH):
            part = self._ids[start : start + _BATCH]
            yield left.vectors(part), right.vectors(part)


def _ids(reader: GenerationReader) -> Iterator[str]:
    for document in reader.entries():
        yield from (chunk.id for chunk in reader.chunks(document))
