"""Work for several threads, of which nothing that was done is lost, whatever ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from components.errors import GuardStopped, MillraceError
from infra import stopping

Item = TypeVar("Item")
Made = TypeVar("Made")
HOPELESS = 5
"""Failures without a success in between, after which no more is tried."""
Fails = Callable[[Made], MillraceError | None]


def _never(_: object) -> MillraceError | None:
    return None


def each(
    items: Iterable[Item],
    do: Callable[[Item], Made],
    at_once: int,
    fails: Fails[Made] = _never,
) -> Iterator[tuple[Item, Made | MillraceError]]:
    """Items with what `do` makes of them or the error that it raises, as they come.

    `fails` says whether what was made counts as a failure. No more items are taken after
    GuardStopped, after too many failures, or where taking one, or the user, interrupts; what is
    under way comes first, and then that is raised.
    """
    feed, end = iter(items), _End()
    running: dict[Future[Made], Item] = {}
    with ExitStack() as until_the_end, ThreadPoolExecutor(max_workers=at_once) as pool:
        while True:
            try:
                for item in islice(feed, 0 if end.error else at_once - len(running)):
                    running[pool.submit(do, item)] = item
                if not running:
                    break
                done = wait(running, return_when=FIRST_COMPLETED).done
            except (Exception, KeyboardInterrupt) as interruption:
                end.interrupt(interruption)
                if isinstance(interruption, KeyboardInterrupt):
                    until_the_end.enter_context(stopping.settling())
                continue
            for future in done:
                item, error = running.pop(future), future.exception()
                if error is None:
                    end.hear(fails(future.result()))
                    yield item, future.result()
                elif isinstance(error, MillraceError):
                    end.hear(error)
                    yield item, error
                else:
                    end.error = end.error or error
    if end.error is not None:
        raise end.error


@dataclass
class _End:
    """What ends the work, if anything."""

    error: BaseException | None = None
    failed: int = 0

    def hear(self, bad: MillraceError | None) -> None:
        """Of a piece of work that has ended, well where there is no error."""
        self.failed = self.failed + 1 if bad else 0
        if isinstance(bad, GuardStopped) or self.failed >= HOPELESS:
            self.error = self.error or bad

    def interrupt(self, error: BaseException) -> None:
        """Raises it where it is the second."""
        if self.error is not None:
            raise error
        self.error = error
