"""Where the time of a run went."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


class Clock:
    """Seconds by activity."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def of(self, activity: str) -> Iterator[None]:
        """Count the time inside."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[activity] += time.perf_counter() - start

    def each(self, activity: str, items: Iterable[Item]) -> Iterator[Item]:
        """Count the time that an iterator takes to produce its items."""
        stream = iter(items)
        while True:
            with self.of(activity):
                try:
                    item = next(stream)
                except StopIteration:
                    return
            yield item
