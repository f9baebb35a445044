"""A slow reranker under a promise of latency. Time is a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest

from components.rerankers import paced
from components.rerankers.paced import Paced
from components.values import Hit, Matrix, Query, Ranked
from tests.contracts.reranker import ranked_lists


@dataclass
class Time:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, kw_only=True)
class Slow:
    """Turns the hits around. Takes `loading` once, `call` per call, `each` per hit."""

    time: Time = field(repr=False)
    each: float
    call: float = 0.0
    loading: float = 0.0
    depth: int = 100
    needs_vectors: ClassVar[bool] = False
    calls: list[int] = field(default_factory=list, compare=False, repr=False)

    def rerank(
        self, queries: Sequence[Query], ranked: Ranked, vectors: Sequence[Matrix]
    ) -> list[list[Hit]]:
        (hits,) = ranked.hits
        self.time.now += (0 if self.calls else self.loading) + self.call + self.each * len(hits)
        self.calls.append(len(hits))
        return [hits[::-1]]


@pytest.fixture(autouse=True)
def nothing_learnt() -> Iterator[None]:
    paced._learnt.cache_clear()
    yield
    paced._learnt.cache_clear()


def asked(by: Paced, time: Time, count: int = 100) -> tuple[list[Hit], int, float]:
    """The hits, the depth, and the seconds that it took."""
    queries, ranked, _ = ranked_lists((count,))
    start = time.now
    made = by.rerank(queries, ranked, [])
    return made.hits[0], made.depths[0], time.now - start


def test_the_promise_holds_and_the_depth_is_told() -> None:
    time = Time()
    slow = Slow(time=time, each=0.01)
    by = Paced(slow, 0.2, time)
    depths = []
    for turn in range(20):
        hits, depth, seconds = asked(by, time)
        assert seconds - (0.02 if turn == 0 else 0) <= 0.2
        assert [each.chunk.ordinal for each in hits[:depth]] == list(range(depth))[::-1]
        assert [each.chunk.ordinal for each in hits[depth:]] == list(range(depth, 100))
        depths.append(depth)
    assert depths[0] >= 10
    assert all(15 <= depth <= 20 for depth in depths[1:])


def test_loading_the_model_is_not_held_against_it() -> None:
    time = Time()
    by = Paced(Slow(time=time, each=0.01, loading=30.0), 0.2, time)
    _, depth, _ = asked(by, time)
    assert depth >= 10
    _, _, seconds = asked(by, time)
    assert seconds <= 0.2


def test_a_cost_per_call_is_learnt() -> None:
    time = Time()
    by = Paced(Slow(time=time, each=0.001, call=0.05), 0.2, time)
    depths = [asked(by, time)[1] for _ in range(20)]
    assert depths == sorted(depths)
    assert depths[-1] >= 90
    assert max(asked(by, time)[2] for _ in range(20)) <= 0.2


def test_one_that_is_fast_enough_reads_all() -> None:
    time = Time()
    by = Paced(Slow(time=time, each=0.0001), 0.2, time)
    assert [asked(by, time)[1] for _ in range(3)] == [100] * 3


def test_one_that_is_too_slow_for_two_hits_leaves_them() -> None:
    time = Time()
    by = Paced(Slow(time=time, each=1.0), 0.2, time)
    asked(by, time)
    hits, depth, seconds = asked(by, time)
    assert depth == 0
    assert seconds == 0
    assert [each.chunk.ordinal for each in hits] == list(range(100))


def test_a_slow_moment_is_forgiven() -> None:
    time = Time()
    slow = Slow(time=time, each=0.001)
    by = Paced(slow, 0.2, time)
    asked(by, time)
    object.__setattr__(slow, "each", 1.0)
    asked(by, time)
    object.__setattr__(slow, "each", 0.001)
    depths = [asked(by, time)[1] for _ in range(60)]
    assert depths[0] == 0
    assert depths[-1] == 100


def test_what_is_spent_already_counts() -> None:
    time = Time()
    by = Paced(Slow(time=time, each=0.01), 0.2, time)
    asked(by, time)
    queries, ranked, _ = ranked_lists((100,))
    (depth,) = by.rerank(queries, ranked, [], spent=0.1).depths
    assert depth <= 10


def test_what_was_learnt_serves_the_next_search_of_the_process() -> None:
    time = Time()
    slow = Slow(time=time, each=0.01)
    asked(Paced(slow, 0.2, time), time)
    calls = len(slow.calls)
    asked(Paced(slow, 0.2, time), time)
    assert len(slow.calls) == calls + 1


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_order_takes_no_time(count: int) -> None:
    time = Time()
    hits, depth, seconds = asked(Paced(Slow(time=time, each=1.0), 0.2, time), time, count)
    assert (len(hits), depth, seconds) == (count, count, 0)


def test_without_a_promise_all_are_read() -> None:
    queries, ranked, vectors = ranked_lists((150, 1, 0))
    slow: Any = Slow(time=Time(), each=1.0)
    seen: list[np.ndarray[Any, Any]] = []

    class Whole:
        depth = 100

        def rerank(self, *given: Any) -> list[list[Hit]]:
            seen.append(given[2])
            return ranked.hits

    made = paced.rerank(Whole(), queries, ranked, vectors)  # type: ignore[arg-type]
    assert made.depths == [100, 1, 0]
    assert slow.calls == []
