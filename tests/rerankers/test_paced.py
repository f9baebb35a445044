"""A slow reranker under a promise of latency. Time is a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
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
    """Turns the hits around. Takes `loading` once, `call` per call, `each` per hit, and nothing for
    a hit that it `remembers`.
    """

    time: Time = field(repr=False)
    each: float
    call: float = 0.0
    loading: float = 0.0
    depth: int = 100
    remembers: bool = False
    known: set[str] = field(default_factory=set, compare=False, repr=False)
    needs_vectors: ClassVar[bool] = False
    calls: list[int] = field(default_factory=list, compare=False, repr=False)

    def rerank(
        self, queries: Sequence[Query], ranked: Ranked, vectors: Sequence[Matrix]
    ) -> list[list[Hit]]:
        (hits,) = ranked.hits
        self.time.now += (0 if self.calls else self.loading) + self.call
        self.time.now += self.each * sum(self.efforts(hits))
        self.known.update(each.chunk.id for each in hits if self.remembers)
        self.calls.append(len(hits))
        return [hits[::-1]]

    def efforts(self, hits: Sequence[Hit]) -> list[float]:
        return [0.01 if each.chunk.id in self.known else 1.0 for each in hits]


@pytest.fixture(autouse=True)
def nothing_learnt() -> Iterator[None]:
    paced.learnt.cache_clear()
    yield
    paced.learnt.cache_clear()


def asked(by: Paced, time: Time, count: int = 100, others: int = 0) -> tuple[list[Hit], int, float]:
    """The hits, the depth, and the seconds that it took."""
    queries, ranked, _ = ranked_lists((0,) * others + (count,))
    queries, ranked = queries[-1:], Ranked(ranked.hits[-1:])
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


def test_one_that_remembers_hits_keeps_the_promise_for_new_ones() -> None:
    time = Time()
    by = Paced(Slow(time=time, each=0.01, remembers=True), 0.2, time)
    asked(by, time)
    for _ in range(9):  # until all hundred are known
        asked(by, time)
    _, depth, seconds = asked(by, time)
    assert depth == 100
    _, depth, seconds = asked(by, time, others=1)
    assert seconds <= 0.2
    assert 10 <= depth <= 20


def test_time_that_others_took_is_no_reason_to_hope() -> None:
    time = Time()
    by = Paced(Slow(time=time, each=0.01), 0.2, time)
    asked(by, time)
    queries, ranked, _ = ranked_lists((100,))
    for _ in range(300):
        assert by.rerank(queries, ranked, [], spent=0.3).depths == [0]
    _, depth, seconds = asked(by, time)
    assert seconds <= 0.2
    assert 10 <= depth <= 20


def test_what_is_always_too_slow_is_tried_more_and_more_seldom() -> None:
    time = Time()
    by = Paced(Slow(time=time, each=0.15), 0.2, time)
    broken = [asked(by, time)[2] > 0.2 for _ in range(400)]
    late = [at for at, each in enumerate(broken) if each]
    assert 3 <= len(late) <= 12
    gaps = np.diff(late[1:])
    assert all(after >= before for before, after in pairwise(gaps))


def test_what_reads_a_single_hit_has_read_all_that_it_wants() -> None:
    time = Time()
    slow = Slow(time=time, each=1.0, depth=1)
    queries, ranked, _ = ranked_lists((5,))
    made = Paced(slow, 0.2, time).rerank(queries, ranked, [])
    assert (made.depths, made.wanted) == ([1], [1])
    assert made.hits == ranked.hits


def test_hits_that_are_left_alone_keep_their_scores() -> None:
    time = Time()

    @dataclass(frozen=True)
    class Alone(Slow):
        def rerank(self, *given: Any) -> list[list[Hit]]:
            super().rerank(*given)
            return [list(given[1].hits[0])]

    hits, depth, _ = asked(Paced(Alone(time=time, each=0.01), 0.2, time), time)
    assert 0 < depth < 100
    assert hits == ranked_lists((100,))[1].hits[0]


def test_rerankers_of_other_models_learn_apart() -> None:
    @dataclass(frozen=True)
    class Encoder:
        name: str

        @property
        def facts(self) -> dict[str, str]:
            return {"weights": self.name}

    @dataclass(frozen=True, kw_only=True)
    class Handed(Slow):
        encoder: Encoder = field(repr=False, compare=False)

    time = Time()
    small = Handed(time=time, each=0.001, encoder=Encoder("small"))
    large = Handed(time=time, each=0.05, encoder=Encoder("large"))
    assert asked(Paced(small, 0.2, time), time)[1] == 100
    Paced(large, 0.2, time)
    assert asked(Paced(large, 0.2, time), time)[1] <= 4


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
