"""How alike the systems of a comparison are, beside how good."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from evals.compare.alignment import alignments
from evals.compare.outcome import Likeness, Measured
from evals.experiment.systems import System
from evals.similarity import Cka, jaccard_curve, rank_similarity_curve

DEPTH = 20
"""Of the curves."""


def likeness(
    systems: Sequence[System], measured: Sequence[Measured], corpus: str, home: Path
) -> list[Likeness]:
    """Of every two. Raises MillraceError."""
    index = {each.name: each.index for each in systems}
    aligned = alignments(systems, corpus, home)
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
