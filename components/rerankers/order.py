"""Hits in the order of new scores: what every reranker ends with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from components.errors import ModelFault
from components.options import option
from components.values import Hit, Matrix, Ranked

DEPTH = option(100, help="hits that are scored again")
INTERPOLATE = option(
    0.0, help="share of the retriever's score in the final one, both scaled to 0..1"
)


def reordered(hits: Sequence[Hit], scores: Matrix, interpolate: float) -> list[Hit]:
    """The hits that have a score, best first, and behind them, in their old order, the others.

    `scores` are of the first hits, one each. With a share to interpolate they and the retriever's
    are scaled to 0..1 and mixed; without, they stay as they are. Equal scores keep the hits' order.
    Raises ModelFault where a score is no number.
    """
    if not np.isfinite(scores).all():
        raise ModelFault("a reranker gave scores that are no numbers").at(
            where="reranker", hint="does it do so with precision: fp32 too?"
        )
    head, tail = hits[: len(scores)], hits[len(scores) :]
    if not head:
        return list(tail)
    final = scores
    if interpolate:
        first = scaled(np.array([hit.score for hit in head], dtype=np.float32))
        final = (1 - interpolate) * scaled(scores) + interpolate * first
    order = np.argsort(-final, kind="stable")
    again = [replace(head[i], score=float(final[i]), first_score=head[i].score) for i in order]
    return behind(again, tail)


def cosines(rows: Matrix, vector: Matrix) -> Matrix:
    """Of unit rows (hits, width) to a unit vector; of equal rows exactly equal.

    Not a product of matrices: many a BLAS adds up the last rows in another order than the first.
    """
    return np.asarray((rows * vector).sum(axis=1), dtype=np.float32)


def heads(ranked: Ranked, depth: int) -> list[list[Hit]]:
    """The hits of each query that are scored again; none where there is nothing to order."""
    return [hits[:depth] if len(hits) > 1 else [] for hits in ranked.hits]


def cut(rows: Matrix, heads: Sequence[Sequence[Hit]]) -> list[Matrix]:
    """Rows for all hits, one query after the other, by query."""
    return np.split(rows, np.cumsum([len(head) for head in heads], dtype=np.int64))[:-1]


def all_reordered(
    ranked: Ranked, scores: Sequence[Matrix], interpolate: float | Sequence[float]
) -> list[list[Hit]]:
    """`reordered` for every query, with one share for all or one for each."""
    shares = interpolate
    if not isinstance(shares, Sequence):
        shares = [shares] * len(ranked.hits)
    return [
        reordered(hits, own, share)
        for hits, own, share in zip(ranked.hits, scores, shares, strict=True)
    ]


def behind(ranked: list[Hit], tail: Sequence[Hit]) -> list[Hit]:
    """Ranked hits, and below them those that were not scored again."""
    lowest = ranked[-1].score if ranked else 0.0
    return ranked + [
        replace(hit, score=lowest - place, first_score=_first(hit))
        for place, hit in enumerate(tail, start=1)
    ]


def scaled(scores: Matrix) -> Matrix:
    """To 0..1; all equal become 0."""
    low, high = scores.min(), scores.max()
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)


def _first(hit: Hit) -> float:
    return hit.score if hit.first_score is None else hit.first_score
