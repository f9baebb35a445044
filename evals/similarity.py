"""How alike two systems are: the units that they find, their order, and the vectors beneath.

The measures of "Beyond Benchmarks" (arXiv 2407.08275). They need no judgements, and say nothing of
which system is better. Alike vectors (CKA) do not promise that the same units are found.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.errors import BadOption, UserError
from evals.runs import Run

Array = NDArray[np.float64]
Rows = NDArray[np.floating]
Batches = Iterable[tuple[Rows, Rows]]
"""Vectors of the same texts by two models, (n, d1) and (n, d2); read twice."""
Curve = Callable[[Sequence[str], Sequence[str], int], Array]
"""Of two rankings and a depth."""
_NAMED = 5
"""Ids that a message lists."""
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Cka:
    """Linear centred kernel alignment, 0 to 1, and what it would be on average by chance.

    `chance` is the mean over all orders of one side's rows: high where texts are few for the width.
    """

    value: float
    chance: float


def jaccard_curve(a: Run, b: Run, depth: int) -> Array:
    """Jaccard@k for k = 1 to `depth`, (depth,): units in both first k over units in either.

    The mean over questions; two empty rankings count 0. Raises UserError where the runs have other
    questions, or none.
    """
    return _mean(curves(a, b, depth, jaccard))


def rank_similarity_curve(a: Run, b: Run, depth: int) -> Array:
    """Rank similarity@k for k = 1 to `depth`, (depth,): do shared units stand at the same ranks?

    A shared unit at ranks r and s weighs 2 / ((1 + |r - s|) (r + s)); the sum over the m units in
    both first k is divided by 1 + 1/2 + ... + 1/m, and is 0 where none is shared. The mean over
    questions. Raises UserError where the runs have other questions, or none.
    """
    return _mean(curves(a, b, depth, rank_similarity))


def curves(a: Run, b: Run, depth: int, of: Curve) -> dict[str, Array]:
    """The curve of each question by itself, (depth,), by `jaccard` or `rank_similarity`; questions
    in order of their ids. Raises UserError where the runs have other questions, or none.
    """
    if depth < 1:
        raise BadOption(f"depth is {depth}").at(hint="1 or more")
    if not a and not b:
        raise UserError("no questions to compare")
    _refuse_others(a.keys(), b.keys(), "questions")
    return {id: of(a[id][:depth], b[id][:depth], depth) for id in sorted(a)}


def jaccard(a: Sequence[str], b: Sequence[str], depth: int) -> Array:
    """`jaccard_curve` of two rankings of at most `depth` units."""
    shared = np.cumsum(_by_depth(a, b, depth, lambda r, s: 1.0))
    ks = np.arange(1, depth + 1)
    either = np.minimum(ks, len(a)) + np.minimum(ks, len(b)) - shared
    return np.divide(shared, either, out=np.zeros(depth), where=either > 0)


def rank_similarity(a: Sequence[str], b: Sequence[str], depth: int) -> Array:
    """`rank_similarity_curve` of two rankings of at most `depth` units."""
    shared = np.cumsum(_by_depth(a, b, depth, lambda r, s: 1.0)).astype(int)
    weights = np.cumsum(_by_depth(a, b, depth, lambda r, s: 2 / ((1 + abs(r - s)) * (r + s))))
    harmonic = np.cumsum(1 / np.arange(1, depth + 1))
    return np.where(shared > 0, weights / harmonic[shared - 1], 0.0)


def aligned(a: Sequence[str], b: Sequence[str]) -> NDArray[np.intp]:
    """The order that puts rows with ids `b` into the order of ids `a`: rows_b[aligned(a, b)].

    Raises UserError where an id is given twice or on one side only.
    """
    place = {id: row for row, id in enumerate(b)}
    if len(place) < len(b) or len(set(a)) < len(a):
        raise UserError("an id stands for two rows")
    _refuse_others(set(a), place.keys(), "rows")
    return np.array([place[id] for id in a], dtype=np.intp)


def linear_cka(batches: Batches) -> Cka:
    """Of vectors whose rows are the same texts in the same order (see `aligned`), batch by batch.

    Rows are read twice, first for the means; memory grows with the widths, not with the rows.
    Raises UserError for fewer than two rows, for batches of unequal length, and where all vectors
    of a model are the same.
    """
    rows, mean_a, mean_b = _means(batches)
    both = np.zeros((len(mean_a), len(mean_b)))
    own_a, own_b = np.zeros((len(mean_a),) * 2), np.zeros((len(mean_b),) * 2)
    seen = 0
    for left, right in _checked(batches):
        left, right = left - mean_a, right - mean_b
        both += left.T @ right
        own_a += left.T @ left
        own_b += right.T @ right
        seen += len(left)
    if seen != rows:
        raise UserError(f"{rows} rows at the first reading, {seen} at the second").at(
            hint="give a list, or something that can be read again"
        )
    spread = _spread(own_a, mean_a, rows) * _spread(own_b, mean_b, rows)
    scale = float(np.linalg.norm(own_a) * np.linalg.norm(own_b))
    return Cka(float(np.square(both).sum()) / scale, spread / (rows - 1) / scale)


def _means(batches: Batches) -> tuple[int, Array, Array]:
    rows, sum_a, sum_b = 0, np.zeros(1), np.zeros(1)
    for left, right in _checked(batches):
        rows += len(left)
        sum_a, sum_b = sum_a + left.sum(axis=0), sum_b + right.sum(axis=0)
    if rows < 2:
        raise UserError(f"vectors of {rows} texts").at(hint="alignment needs two or more")
    return rows, sum_a / rows, sum_b / rows


def _checked(batches: Batches) -> Iterator[tuple[Array, Array]]:
    for left, right in batches:
        if len(left) != len(right):
            raise UserError(
                f"a batch has {len(left)} vectors of one model, {len(right)} of the other"
            )
        yield np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)


def _spread(own: Array, mean: Array, rows: int) -> float:
    """The squared distances to the mean, summed."""
    found = float(np.trace(own))
    if not found > _ROUNDING**2 * rows * float(mean @ mean):
        raise UserError("all vectors of a model are the same, or not numbers")
    return found


def _mean(curves: Mapping[str, Array]) -> Array:
    found: Array = np.array(list(curves.values())).mean(axis=0)
    return found


def _by_depth(
    a: Sequence[str], b: Sequence[str], depth: int, weight: Callable[[int, int], float]
) -> Array:
    """Weights of the shared units, each at the first k (from 1) that holds it on both sides."""
    ranks = {unit: rank for rank, unit in enumerate(a, start=1)}
    found = np.zeros(depth)
    for rank, unit in enumerate(b, start=1):
        if unit in ranks:
            found[max(rank, ranks[unit]) - 1] += weight(ranks[unit], rank)
    return found


def _refuse_others(a: Collection[str], b: Collection[str], what: str) -> None:
    alone = sorted(set(a) ^ set(b))
    if alone:
        raise UserError(f"{len(alone)} {what} on one side only: {', '.join(alone[:_NAMED])}")
