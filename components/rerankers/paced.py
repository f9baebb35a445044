"""A reranker that keeps a promise of latency: it reads fewer hits where all would take too long."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import accumulate
from logging import Logger
from threading import Lock

from components.options import option
from components.rerankers.order import behind
from components.stages import Reranker
from components.values import Hit, Matrix, Query, Ranked

BUDGET = option(
    None, help="milliseconds per question: fewer hits are scored where it would take longer"
)
"""The option `rerank_budget_ms`, which `rerank` honours."""
_FEWEST = 2
"""Hits that have an order."""
_REMEMBERED = 3
"""Calls whose dearest is reckoned with."""
_SHARE = 0.8
"""Of the promised time that is planned for: no two calls take the same."""
_DOUBT = 0.1
"""How much less is reckoned with after a question that was too dear: so one slow moment of the
machine is not held against it for ever. Half as much after every time that this was wrong.
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


def tell(made: Reranked, log: Logger) -> None:
    """Say where there was no time for all hits."""
    for read, wanted in zip(made.depths, made.wanted, strict=True):
        if read < wanted:
            log.warning("%d of %d hits were reranked within rerank_budget_ms", read, wanted)


class Paced:
    """Reranks one question at a time, each within the promised seconds, but for the time that the
    first takes to load a model.

    Supposes that twice the effort takes at most twice the time. A hit is an effort of 1, unless the
    reranker has a method `efforts(hits)` that knows better. What an effort costs is learnt from the
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
        self._learnt = learnt(_name(reranker))

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
        most = min(len(hits), self._reranker.depth)
        if most < _FEWEST:
            return hits, most  # in every order that they have
        start = self._clock()
        if self._learnt.cost is None:
            self._read(query, ranked, vectors, slice(0, _FEWEST))  # which loads the model
            start = self._clock()
            # Others where there are: of the first it may remember something.
            other = slice(_FEWEST, 2 * _FEWEST) if most >= 2 * _FEWEST else slice(0, _FEWEST)
            self._timed(query, ranked, vectors, other)
        left = _SHARE * self._seconds - spent - (self._clock() - start)
        depth = self._fitting(hits[:most], left)
        if depth < _FEWEST:
            if left > 0:
                self._learnt.doubt()
            return hits, 0
        read = self._timed(query, ranked, vectors, slice(0, depth))
        self._learnt.tried(self._clock() - start + spent <= self._seconds)
        return (hits if read == hits[:depth] else behind(read, hits[depth:])), depth

    def _fitting(self, hits: Sequence[Hit], left: float) -> int:
        """How many of the first hits there is time for."""
        cost = self._learnt.cost or 0.0
        return bisect_right([cost * each for each in accumulate(self._efforts(hits))], left)

    def _efforts(self, hits: Sequence[Hit]) -> Sequence[float]:
        known: Callable[[Sequence[Hit]], Sequence[float]] | None = getattr(
            self._reranker, "efforts", None
        )
        return [1.0] * len(hits) if known is None else known(hits)

    def _timed(
        self, query: Query, ranked: Ranked, vectors: Sequence[Matrix], part: slice
    ) -> list[Hit]:
        effort = sum(self._efforts(ranked.hits[0][part]))
        start = self._clock()
        read = self._read(query, ranked, vectors, part)
        self._learnt.add(max(self._clock() - start, 1e-9) / max(effort, 1e-9))
        return read

    def _read(
        self, query: Query, ranked: Ranked, vectors: Sequence[Matrix], part: slice
    ) -> list[Hit]:
        states = ranked.states and [each[part] for each in ranked.states]
        first = replace(ranked, hits=[ranked.hits[0][part]], states=states)
        (read,) = self._reranker.rerank([query], first, [each[part] for each in vectors])
        return read


@dataclass
class Learnt:
    """What an effort of a reranker costs, in seconds, by its last calls in this process."""

    _costs: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    _mistaken: int = 0
    _doubted: bool = False
    _lock: Lock = field(default_factory=Lock)

    @property
    def cost(self) -> float | None:
        """None before the first call."""
        with self._lock:
            return max(self._costs, default=None)

    def add(self, cost: float) -> None:
        """Of one more call."""
        with self._lock:
            self._costs.append(cost)

    def doubt(self) -> None:
        """Reckon with less: it was too much for a question."""
        with self._lock:
            kept = [(1 - _DOUBT / 2**self._mistaken) * each for each in self._costs]
            self._costs.extend(kept)
            self._doubted = True

    def tried(self, kept: bool) -> None:
        """A question was reranked, with or without keeping the promise."""
        with self._lock:
            if self._doubted:
                self._mistaken = 0 if kept else self._mistaken + 1
            self._doubted = False


@lru_cache(maxsize=64)
def learnt(name: str) -> Learnt:
    """This process's one memory of a reranker."""
    return Learnt()


def _name(reranker: Reranker) -> str:
    """Its options, and of an encoder that it was handed what tells it from others."""
    encoder = getattr(reranker, "encoder", None)
    return f"{reranker!r} {None if encoder is None else sorted(encoder.facts.items())}"


def _wanted(reranker: Reranker, ranked: Ranked) -> list[int]:
    return [min(len(hits), reranker.depth) for hits in ranked.hits]


def _row(ranked: Ranked, at: int) -> Ranked:
    one = slice(at, at + 1)
    return Ranked(
        ranked.hits[one],
        None if ranked.query_vectors is None else ranked.query_vectors[one],
        ranked.states and ranked.states[one],
        ranked.shares and ranked.shares[one],
    )
