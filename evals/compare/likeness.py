"""How alike the systems of a comparison are, beside how good: their answers, and their vectors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

from components.errors import UserError
from components.indexes.contract import GenerationReader
from components.stages import Reader
from components.values import Matrix
from evals import kept
from evals.compare.costs import spread
from evals.compare.outcome import Likeness, Measured
from evals.experiment.systems import System, state
from evals.similarity import Cka, jaccard_curve, linear_cka, rank_similarity_curve

DEPTH = 20
"""Of the curves."""
CHUNKS = 2_000
"""Shared chunks whose vectors are compared, about so many, from all over the corpus."""
_REVISION = 2
"""Raised when what is kept means something else."""
_BATCH = 500
_FEWEST = 3
_Ids = Mapping[str, Sequence[str]]
"""Chunk ids by document."""


def likeness(
    systems: Sequence[System], measured: Sequence[Measured], corpus: str, home: Path
) -> list[Likeness]:
    """Of every two. Raises MillraceError."""
    index = {each.name: each.index for each in systems}
    aligned = _alignments(systems, corpus, home)
    return [
        _likeness(a, b, aligned.get(frozenset((index[a.name], index[b.name]))))
        for a, b in combinations(measured, 2)
    ]


def _likeness(a: Measured, b: Measured, cka: Cka | None) -> Likeness:
    left, right = ({id: own.units for id, own in each.rankings.items()} for each in (a, b))
    return Likeness(
        a=a.name,
        b=b.name,
        jaccard=jaccard_curve(left, right, DEPTH).tolist(),
        rank_similarity=rank_similarity_curve(left, right, DEPTH).tolist(),
        cka=cka.value if cka else None,
        cka_by_chance=cka.chance if cka else None,
    )


def _alignments(
    systems: Sequence[System], corpus: str, home: Path
) -> dict[frozenset[str], Cka | None]:
    """Linear CKA of every two indexes, by their names; None where they share too few chunks or the
    vectors of one are all the same. `corpus`: what tells the documents from others.

    Raises MillraceError.
    """
    indexes = {each.index: each for each in systems}
    ids: dict[str, _Ids] = {}
    found = {}
    for first, second in combinations(indexes.values(), 2):
        file = home / "likeness" / f"{_key(first, second, corpus)}.json"
        if not file.exists():
            made = _cka(first, second, ids)
            kept.write(file, asdict(made) if made else {})
        told = json.loads(file.read_text())
        found[frozenset((first.index, second.index))] = Cka(**told) if told else None
    return found


def _key(first: System, second: System, corpus: str) -> str:
    told = [_REVISION, CHUNKS, corpus, state(first), state(second)]
    return kept.key(told)


def _cka(first: System, second: System, ids: dict[str, _Ids]) -> Cka | None:
    for each in (first, second):
        if each.index not in ids:
            with each.opened() as reader:
                ids[each.index] = _sampled(reader)
    shared = _shared(ids[first.index], ids[second.index])
    if len(shared) < _FEWEST:
        return None
    with first.held() as left, second.held() as right:
        try:
            return linear_cka(_Batches(left, right, shared))
        except UserError:  # all vectors of an index are one
            return None


def _sampled(reader: GenerationReader) -> _Ids:
    """Of documents from the first to the last: the same ones in every index of a corpus."""
    documents = spread(sorted(reader.entries()), CHUNKS)
    return {each: [chunk.id for chunk in reader.chunks(each)] for each in documents}


def _shared(left: _Ids, right: _Ids) -> list[str]:
    """Chunks that both hold, about as many of each document."""
    documents = [each for each in left if each in right]
    quota = -(-CHUNKS // max(1, len(documents)))
    held = {each: {*right[each]} for each in documents}
    both = ([id for id in left[each] if id in held[each]] for each in documents)
    return [id for own in both for id in spread(own, quota)]


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
