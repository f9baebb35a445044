"""The right to write to a corpus on a server, for one process anywhere.

The corpus' record names its holder and a beat that the holder raises. A holder whose beat stands
still for the length of a lease, by the observer's own clock and while the server answered, is dead.
Clocks are never compared.

A holder that was out of touch for longer than that asks the server, before it writes again, whether
the record still names it: then nobody has had the corpus meanwhile, and it goes on.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from components.errors import BadOption, Busy, MillraceError, Missing, TakenOver
from components.indexes.qdrant.control import Control, named
from components.indexes.qdrant.patience import hurried, patient
from components.indexes.qdrant.server import Server
from infra import stopping

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

Answer = TypeVar("Answer")
_BEATS = 6
"""Signs of life in the time of a lease."""
_FRESH = 1 / 3
"""Of a lease: a request begins no later after the last proof; the rest is for its way there."""
_PARTING = 2.0
"""Seconds that a process which was told to stop takes to let go."""
_held: dict[str, Lease | Borrowed | None] = {}
"""By corpus, of this process: whoever writes here looks at it first. None: it is being taken."""
_guard = threading.Lock()
_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)
_log = logging.getLogger(__name__)


class Lease:
    """A held right, renewed by a thread until it is let go or lost."""

    def __init__(self, control: Control, seconds: float) -> None:
        self.token = uuid.uuid4().hex
        self.control = control
        self._seconds = seconds
        self._beat = 0
        self._seen = _clock()
        """When a question was sent whose answer named this holder, the last one."""
        self._over = threading.Event()
        self._lost = False

    def take(self) -> None:
        """Wait until nobody else is alive. Raises Busy as soon as somebody shows that they are."""
        watched: tuple[str, int] | None = None
        since = _clock()
        while True:
            asked = _clock()
            record = self.control.corpus() or {}
            holder, beat = str(record.get("holder", "")), int(record.get("beat", 0))
            if watched and holder == watched[0] and beat != watched[1]:
                raise _busy()
            unheard = _clock() - asked > self._seconds / 2  # nobody could show life meanwhile
            if watched is None or watched[0] != holder or unheard:
                watched, since = (holder, beat), _clock()
            free = not holder or _clock() - since >= self._seconds
            if free and self._swap(holder, beat):
                threading.Thread(target=self._renew, daemon=True, name="lease").start()
                return
            stopping.pause(self._seconds / _BEATS / 2)

    def prove(self, client: QdrantClient) -> None:
        """Ask the server whose right it is, unless it has just told.

        Raises TakenOver, and what the client raises.
        """
        if self._lost:
            raise self._taken_over()
        if _clock() - self._seen > self._seconds * _FRESH:
            self._show_life(client)

    def release(self) -> None:
        """Let go. A server that is out of reach learns it by the beat that stands still; who was
        told to stop does not wait for one.
        """
        self._over.set()
        if not self._beat:  # it was never asked for
            return
        if not stopping.told():
            self._let_go()
            return
        asking = threading.Thread(target=self._let_go, daemon=True, name="lease-end")
        asking.start()
        asking.join(_PARTING)

    def _let_go(self) -> None:
        try:
            with hurried():
                self.control.change({"holder": ""}, holder=self.token)
        except BadOption:  # a key that may not write has taken nothing
            return
        except (MillraceError, stopping.Stopped) as error:
            _log.warning("the lease of %s runs out by itself: %s", self.control.collection, error)

    def _swap(self, holder: str, beat: int) -> bool:
        self._beat, self._seen = beat + 1, _clock()
        taken = {"holder": self.token, "beat": self._beat}
        self.control.change(taken, holder=holder, beat=beat)
        return (self.control.corpus() or {}).get("holder") == self.token

    def _renew(self) -> None:
        client = self.control.server.client
        while not self._over.wait(self._seconds / _BEATS):
            try:
                self._show_life(client)
            except TakenOver:
                return
            except Exception as error:  # the next beat asks again, and so does who writes
                _log.debug("no sign of life could be given: %s", error)

    def _show_life(self, client: QdrantClient) -> None:
        """Raise the beat, if the right is still ours, and see whether it is."""
        asked = _clock()
        self.control.set(client, {"beat": self._beat + 1}, holder=self.token)
        record: Mapping[str, Any] = self.control.read(client)
        if record.get("holder") != self.token:
            self._lost = not self._over.is_set()
            raise self._taken_over()
        self._beat, self._seen = int(record["beat"]), asked

    def _taken_over(self) -> TakenOver:
        return TakenOver("another refresh has taken this corpus over").at(
            where=self.control.collection,
            hint="this one was out of touch for too long; what it committed stays",
        )


class Borrowed:
    """The right of a process elsewhere, which renews it. Nothing here tells whether it lives, so
    the server is asked every time.
    """

    def __init__(self, control: Control, token: str) -> None:
        self.token = token
        self.control = control

    def prove(self, client: QdrantClient) -> None:
        """Raises TakenOver where another writer has taken over, or the lender has ended; and what
        the client raises.
        """
        if self.control.read(client).get("holder") != self.token:
            raise TakenOver(
                "the refresh that this process worked for has ended or lost its right"
            ).at(where=self.control.collection, hint="what was committed stays")


class Fenced(Server):
    """A server whose every request asks first whether this process still has its right to a corpus,
    where it had it: every try does, however long the one before has waited.
    """

    def __init__(self, server: Server, corpus: str) -> None:
        super().__init__(server.client, server.name, server.version)
        self.key = f"{server.name}/{corpus}"
        """Of the right to the corpus, in this process."""
        self._corpus = corpus

    def ask(self, doing: str, request: Callable[[QdrantClient], Answer]) -> Answer:
        """See `Server`. Raises TakenOver as well."""

        def checked(client: QdrantClient) -> Answer:
            mine = _held.get(self.key)
            if mine is not None:
                mine.prove(client)
            return request(client)

        # Who works for another waits as that one does, in whatever thread it is asked to work.
        with patient() if isinstance(_held.get(self.key), Borrowed) else nullcontext():
            try:
                return super().ask(doing, checked)
            except Missing as error:
                error.at(hint=f"was it deleted? delete {named(self._corpus)} too and refresh")
                raise


@contextmanager
def borrowed(control: Control, key: str, token: str) -> Iterator[None]:
    """Write in the name of the process that holds this lease."""
    with _reserved(key):
        _held[key] = Borrowed(control, token)
        yield


@contextmanager
def lease(control: Control, key: str, seconds: float) -> Iterator[None]:
    """Hold the right to write. Raises Busy."""
    mine = Lease(control, seconds)
    try:
        with _reserved(key):
            mine.take()
            _held[key] = mine
            yield
    finally:
        mine.release()


@contextmanager
def _reserved(key: str) -> Iterator[None]:
    """For one user in this process."""
    with _guard:
        if key in _held:
            raise _busy()
        _held[key] = None
    try:
        yield
    finally:
        with _guard:
            del _held[key]


def held(key: str) -> Lease | Borrowed | None:
    """This process's right to a corpus, if it has it; waits for the server as long as its user is
    patient. Raises TakenOver where the right was lost.
    """
    mine = _held.get(key)
    if mine is not None:
        mine.control.server.ask("the right to write could not be proved", mine.prove)
    return mine


def _clock() -> float:
    """Seconds that count while the machine sleeps, too: another may have taken over by then."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)


def _busy() -> Busy:
    return Busy("another refresh of this corpus is running").at(hint="wait for it to end")
