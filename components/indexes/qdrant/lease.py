"""The right to write to a corpus on a server, for one process anywhere.

The corpus' record names its holder and a beat that the holder raises. A holder whose beat stands
still for the length of a lease, by the observer's own clock, is dead. Clocks are never compared.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from components.errors import Busy, MillraceError
from components.indexes.qdrant.control import Control

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

Answer = TypeVar("Answer")
_BEATS = 6
"""Signs of life in the time of a lease."""
_held: dict[str, Lease | Borrowed] = {}
"""By corpus, of this process: whoever writes here looks at it before each burst."""
_guard = threading.Lock()
_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)
_log = logging.getLogger(__name__)


class Lease:
    """A held right, renewed by a thread until it is let go or lost."""

    def __init__(self, control: Control, seconds: float) -> None:
        self.token = uuid.uuid4().hex
        self._control = control
        self._seconds = seconds
        self._beat = 0
        self._seen = _clock()
        self._over = threading.Event()
        self._lost = False

    def take(self) -> None:
        """Wait until nobody else is alive. Raises Busy as soon as somebody shows that they are."""
        watched: tuple[str, int] | None = None
        since = _clock()
        while True:
            record = self._control.corpus() or {}
            holder, beat = str(record.get("holder", "")), int(record.get("beat", 0))
            if watched and holder == watched[0] and beat != watched[1]:
                raise _busy()
            free = not holder or (watched and _clock() - since >= self._seconds)
            if free and self._swap(holder, beat):
                threading.Thread(target=self._renew, daemon=True, name="lease").start()
                return
            if watched is None or watched[0] != holder:
                watched, since = (holder, beat), _clock()
            time.sleep(self._seconds / _BEATS / 2)

    def check(self) -> None:
        """Raises Busy where another writer may have taken over."""
        if self._lost or _clock() - self._seen > self._seconds:
            raise Busy("another refresh has taken this corpus over").at(
                where=self._control.collection,
                hint="this process was out of touch for too long; run it again",
            )

    def release(self) -> None:
        """Let go. A server that is out of reach learns it by the beat that stands still."""
        self._over.set()
        try:
            self._control.change({"holder": ""}, holder=self.token)
        except MillraceError as error:
            _log.warning("the lease of %s runs out by itself: %s", self._control.collection, error)

    def _swap(self, holder: str, beat: int) -> bool:
        self._beat, self._seen = beat + 1, _clock()
        taken = {"holder": self.token, "beat": self._beat}
        self._control.change(taken, holder=holder, beat=beat)
        return (self._control.corpus() or {}).get("holder") == self.token

    def _renew(self) -> None:
        while not self._over.wait(self._seconds / _BEATS):
            asked = _clock()
            try:
                self._control.change({"beat": self._beat + 1}, holder=self.token)
                record = self._control.corpus() or {}
            except MillraceError:
                continue  # `check` judges by the time of the last answer
            if record.get("holder") != self.token:
                self._lost = True
                return
            self._beat, self._seen = int(record["beat"]), asked


class Borrowed:
    """The right of a process elsewhere, which renews it. Nothing here tells whether it lives, so
    the server is asked every time.
    """

    def __init__(self, control: Control, token: str) -> None:
        self.token = token
        self._control = control

    def check(self) -> None:
        """Raises Busy where another writer has taken over, or the lender has ended."""
        if (self._control.corpus() or {}).get("holder") != self.token:
            raise Busy("the refresh that this process worked for has ended or lost its right").at(
                where=self._control.collection, hint="run it again"
            )


@contextmanager
def borrowed(control: Control, key: str, token: str) -> Iterator[None]:
    """Write in the name of the process that holds this lease."""
    with _guard:
        if key in _held:
            raise _busy()
        _held[key] = Borrowed(control, token)
    try:
        yield
    finally:
        with _guard:
            del _held[key]


@contextmanager
def lease(control: Control, key: str, seconds: float) -> Iterator[None]:
    """Hold the right to write. Raises Busy."""
    mine = Lease(control, seconds)
    with _guard:
        if key in _held:
            raise _busy()
        _held[key] = mine
    try:
        mine.take()
        yield
    finally:
        with _guard:
            del _held[key]
        mine.release()


def held(key: str) -> Lease | Borrowed | None:
    """This process's right to a corpus, if it has it; raises Busy where that was lost."""
    mine = _held.get(key)
    if mine is not None:
        mine.check()
    return mine


def fenced(key: str, request: Callable[[QdrantClient], Answer]) -> Callable[[QdrantClient], Answer]:
    """The request, which every try begins with the question whether we still may write."""

    def checked(client: QdrantClient) -> Answer:
        held(key)
        return request(client)

    return checked


def _clock() -> float:
    """Seconds that count while the machine sleeps, too: another may have taken over by then."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)


def _busy() -> Busy:
    return Busy("another refresh of this corpus is running").at(hint="wait for it to end")
