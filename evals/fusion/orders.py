"""What an order of the hits is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from components.rerankers.order import scaled
from components.retrievers.weights import Weights
from components.values import Matrix
from evals.fusion.gathered import Question
from evals.metrics import per_question

METRIC = "nDCG@10"
_TOP = 10

Order = Callable[[Question], Matrix]
"""A score of each hit; one that is not a number leaves it out."""


def weighed(weights: Weights) -> Order:
    """As the retriever orders them."""
    return lambda of: np.asarray(
        (of.kinds * weights.of(of.spread, whole=of.whole)).sum(axis=1, dtype=np.float64)
    )


def reranked(first: Order, share: Callable[[Question], float], depth: int) -> Order:
    """The first `depth` hits with late interaction's share of the final score."""

    def order(of: Question) -> Matrix:
        scores = first(of)
        best = np.argsort(-scores, kind="stable")  # what is not a number comes last
        best = best[~np.isnan(scores[best])]
        head, tail = best[:depth], best[depth:]
        final = np.full(len(scores), np.nan)
        if len(head):
            kept = (1.0 - share(of)) * scaled(scores[head])
            final[head] = kept + share(of) * scaled(of.late[head])
            final[tail] = -np.arange(1, 1 + len(tail))
        return final

    return order


def values(questions: Sequence[Question], order: Order) -> dict[str, float]:
    """nDCG@10 by question id."""
    judged = {of.id: of.judged for of in questions}
    run = {of.id: _ranked(of, order(of)) for of in questions}
    return per_question(judged, run, [METRIC])[METRIC]


def _ranked(of: Question, scores: Matrix) -> list[str]:
    """Units, best first; ties as `evals.units.scored` has them."""
    known = ((s, u) for s, u in zip(scores.tolist(), of.units, strict=True) if s == s)
    order = sorted(known, reverse=True)
    return list(dict.fromkeys(unit for _, own in order for unit in own))[:_TOP]
