"""A reranker that keeps a promise of latency: it reads fewer hits where all would take too long."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from components.rerankers.order import behind
from components.stages import Reranker
from components.values import Hit, Matrix, Query, Ranked

_PROBED = 2
"""Hits that are read to learn what a hit costs: the fewest that have an order."""
_REMEMBERED = 3
"""Calls whose dearest hit is reckoned with."""
_SHARE = 0.8
"""Of the promised time that is planned for: no two calls take the same."""
_FORGIVENESS = 0.9
"""What is left of the reckoned cost after a question that was not reranked: so one slow moment of
the machine is not held against it for ever.
"""


@dataclass(frozen=True)
class Reranked:
    """Hits per query in their new order."""

    hits: list[list[Hit]]
    depths: list[int]
    """How many of each query's first hits the reranker has read."""
    wanted: list[int]
    """How many it would have read without a limit of time."""


def rerank(
    reranker: Reranker,
    queries: Sequence[Query],
    ranked: Ranked,
    vectors: Sequence[Matrix],
    spent: float = 0.0,
) -> Reranked:
    """As far as the reranker's option `rerank_budget_ms` allows, where it has one; see `Paced`."""
    budget = getattr(reranker, "rerank_budget_ms", None)
    if budget is not None:
        return Paced(reranker, budget / 1000).rerank(queries, ranked, vectors, spent)
    wanted = _wanted(reranker, ranked)
    return Reranked(reranker.rerank(queries, ranked, vectors), wanted, wanted)


class Paced:
    """Reranks one question at a time, each within the promised seconds, but for the time that the
    first takes to load a model.

    Supposes that twice the hits take at most twice the time. What a hit costs is learnt from the
    calls before; the first is preceded by a trial on two hits, within its own time.
    """

    def __init__(
        self,
        reranker: Reranker,
        seconds: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._reranker = reranker
        self._seconds = seconds
        self._clock = clock
        self._costs = _learnt(repr(reranker))

    def rerank(
        self,
        queries: Sequence[Query],
        ranked: Ranked,
        vectors: Sequence[Matrix],
        spent: float = 0.0,
    ) -> Reranked:
        """As many of the first hits as there is time for, the others below them as they were.

        `spent`: seconds of each question's time that are gone already.
        """
        made = [
            self._one(query, _row(ranked, at), vectors[at : at + 1], spent)
            for at, query in enumerate(queries)
        ]
        wanted = _wanted(self._reranker, ranked)
        return Reranked([hits for hits, _ in made], [depth for _, depth in made], wanted)

    def _one(
        self, query: Query, ranked: Ranked, vectors: Sequence[Matrix], spent: float
    ) -> tuple[list[Hit], int]:
        (hits,) = ranked.hits
        if len(hits) < _PROBED:
            return hits, len(hits)  # in every order that they have
        start = self._clock()
        if not self._costs:
            self._read(query, ranked, vectors, _PROBED)  # which loads the model
            start = self._clock()
            self._timed(query, ranked, vectors, _PROBED)
        left = _SHARE * self._seconds - spent - (self._clock() - start)
        depth = min(len(hits), self._reranker.depth, int(left / max(self._costs)))
        if depth < _PROBED:
            self._forgive()
            return hits, 0
        return behind(self._timed(query, ranked, vectors, depth), hits[depth:]), depth

    def _forgive(self) -> None:
        kept = [_FORGIVENESS * each for each in self._costs]
        self._costs.clear()
        self._costs.extend(kept)

    def _timed(
        self, query: Query, ranked: Ranked, vectors: Sequence[Matrix], depth: int
    ) -> list[Hit]:
        start = self._clock()
        read = self._read(query, ranked, vectors, depth)
        self._costs.append(max(self._clock() - start, 1e-9) / depth)
        return read

    def _read(
        self, query: Query, ranked: Ranked, vectors: Sequence[Matrix], depth: int
    ) -> list[Hit]:
        first = Ranked([ranked.hits[0][:depth]], ranked.query_vectors)
        (read,) = self._reranker.rerank([query], first, [each[:depth] for each in vectors])
        return read


def _wanted(reranker: Reranker, ranked: Ranked) -> list[int]:
    return [min(len(hits), reranker.depth) for hits in ranked.hits]


@lru_cache(maxsize=64)
def _learnt(reranker: str) -> deque[float]:
    """Seconds per hit of a reranker's last calls in this process, whoever made them."""
    return deque(maxlen=_REMEMBERED)


def _row(ranked: Ranked, at: int) -> Ranked:
    own = None if ranked.query_vectors is None else ranked.query_vectors[at : at + 1]
    return Ranked(ranked.hits[at : at + 1], own)
