"""Work for several threads: what is done is never lost."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterable, Iterator

import pytest

from components.errors import GuardStopped, MillraceError, Unavailable
from evals.pool import HOPELESS, each
from infra import stopping


def slowly(item: int) -> int:
    time.sleep(0.01)
    return item


@pytest.mark.parametrize("at_once", [1, 3, 8])
def test_every_item_comes_once(at_once: int) -> None:
    found = dict(each(range(20), slowly, at_once))
    assert found == {item: item for item in range(20)}


def test_no_more_than_so_many_are_taken_ahead() -> None:
    taken = 0

    def feed() -> Iterator[int]:
        nonlocal taken
        for item in range(20):
            taken += 1
            yield item

    for done, _ in enumerate(each(feed(), slowly, 3), start=1):
        assert taken <= done + 3


def drained(work: Iterable[tuple[int, object]], raises: type[BaseException]) -> list[int]:
    """Items that came before that was raised."""
    found: list[int] = []

    def drain() -> None:
        for item, _ in work:
            found.append(item)

    with pytest.raises(raises):
        drain()
    return found


@pytest.mark.parametrize("error", [Unavailable, KeyboardInterrupt, OSError])
def test_what_is_under_way_comes_before_the_feed_s_error(error: type[BaseException]) -> None:
    def feed() -> Iterator[int]:
        yield from range(4)
        raise error("no more")

    assert sorted(drained(each(feed(), slowly, 8), error)) == [0, 1, 2, 3]


def test_who_is_told_to_stop_again_keeps_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `timeout` and service managers do."""

    def feed() -> Iterator[int]:
        yield from range(2)
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError

    found: list[int] = []

    def drain() -> None:
        for item, _ in each(feed(), int, 3):
            found.append(item)
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(stopping, "_told", 0)  # and so afterwards
    with stopping.listening(), pytest.raises(stopping.Stopped):
        drain()
    assert sorted(found) == [0, 1]


def test_a_fault_keeps_the_others() -> None:
    def do(item: int) -> int:
        if item == 1:
            raise ValueError("a fault")
        return slowly(item)

    found = drained(each(range(20), do, 4), ValueError)
    assert {0, 2, 3} <= set(found)
    assert len(found) < 19


def test_no_money_ends_it() -> None:
    def do(item: int) -> int:
        if item >= 3:
            raise GuardStopped("spent")
        return item

    assert drained(each(range(100), do, 1), GuardStopped) == [0, 1, 2, 3]


def test_failures_in_a_row_end_it() -> None:
    asked: list[int] = []
    lock = threading.Lock()

    def do(item: int) -> int:
        with lock:
            asked.append(item)
        if item in (3, 4) or item >= 8:
            raise Unavailable("out of order")
        return item

    drained(each(range(100), do, 1), Unavailable)
    assert len(asked) == 8 + HOPELESS


def test_what_counts_as_a_failure_is_up_to_the_caller() -> None:
    def fails(made: object) -> MillraceError | None:
        return Unavailable("bad") if made == 1 else None

    assert len(list(each([0, 1] * 10, slowly, 1, fails))) == 20
    assert drained(each([1] * 20, slowly, 1, fails), Unavailable) == [1] * HOPELESS
