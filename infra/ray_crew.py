"""Actors on a Ray cluster, fed batch by batch.

An actor that dies is replaced wherever there is room, and what it had is done again. Those that
find no room wait for it while the others work. Of what is to be done, no more than the next batches
of each actor have left this process.
"""

from __future__ import annotations

import logging
import math
import os
import pickle
import socket
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Work = Callable[[Sequence[Any]], Iterator[bytes]]
Answers = Generator[bytes, None, None]
_AHEAD = 2
"""Batches that an actor has: when it has done the first, the second is there."""
_UNTAKEN = 4
"""Answers that an actor makes before it waits until they are taken."""
_LOOK = 5.0
"""Seconds between two looks at the cluster."""
_NO_ROOM = 30.0
"""Seconds without an actor after which it is said why."""
_NOTHING_HAPPENS = 60 * 60.0
"""Seconds without an answer after which a run is given up."""
_DEATHS = 5
"""Actors that may die of one batch, and how often all of them may in turn before they have begun: a
node that is lost without a word takes new ones until it is missed.
"""
_log = logging.getLogger(__name__)


class ClusterLost(Exception):
    """The cluster cannot be used, or gave up."""


class NoRoom(ClusterLost):
    """It has no node for a single actor, for now."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How many actors, and what each reserves."""

    actors: int
    cpus: float
    gpus: float
    threads: int
    """That each computes with."""


@dataclass
class _Batch:
    items: Sequence[Any]
    deaths: int = 0
    """Of actors that had begun it."""


class _Todo:
    """What no actor has: the items from the first that was never given, and what came back."""

    def __init__(self, items: Sequence[Any], size: int) -> None:
        self._items = items
        self._size = size
        self._given = 0
        self._back: deque[_Batch] = deque()

    def __len__(self) -> int:
        return len(self._back) + -(-(len(self._items) - self._given) // self._size)

    def take(self) -> _Batch:
        if self._back:
            return self._back.popleft()
        first, self._given = self._given, self._given + self._size
        return _Batch(self._items[first : self._given])

    def give_back(self, batch: _Batch) -> None:
        self._back.append(batch)


class _Actor:
    """A process with its copy of the work."""

    def __init__(self, work: bytes, threads: int) -> None:
        # Before anything that computes is imported. Ray would set it to the cores reserved.
        os.environ["OMP_NUM_THREADS"] = str(threads)
        self._packed = work

    def begin(self) -> str:
        """Get ready. The machine's name."""
        host = socket.gethostname()
        try:
            self._work: Work = pickle.loads(self._packed)  # noqa: S301 (from the driver)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise RuntimeError(f"{host} cannot load what is to be done: {reason}") from None
        return host

    def answer(self, batch: bytes) -> Iterator[bytes]:
        """What the work yields for the items."""
        yield from self._work(pickle.loads(batch))  # noqa: S301 (from the driver)


@dataclass(eq=False)
class _Member:
    """An actor, seen from here."""

    actor: Any
    beginning: Any
    """What gives the name of its machine, once it has begun."""
    host: str = ""
    """Empty until then."""
    given: deque[tuple[Any, _Batch]] = field(default_factory=deque)
    """Its batches with what makes their answers, in its order."""

    @property
    def next(self) -> Any:
        """What it will say next; None where it has nothing to do."""
        if not self.host:
            return self.beginning
        return self.given[0][0] if self.given else None


class _Nobody:
    """How long there has been no actor at all, and what is said of it."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.over()

    def over(self) -> None:
        self._since = time.monotonic()
        self._told = 0.0

    def because(self, reason: str, *, patiently: bool) -> None:
        """There still is none. Raises ClusterLost in the end, later where it is waited for."""
        waited = time.monotonic() - self._since
        if waited >= (max(_NO_ROOM, self._patience) if patiently else _NO_ROOM):
            raise ClusterLost(f"{reason}, for {waited:.0f} s")
        if waited >= max(_NO_ROOM, 2 * self._told):
            self._told = waited
            _log.warning("waiting for the Ray cluster (%s): %.0f s so far", reason, waited)


class Crew:
    """The actors, as many as `size` says at the moment. It may raise NoRoom. `patience`: seconds
    for which all the room may be others'.
    """

    def __init__(
        self,
        work: Work,
        items: Sequence[Any],
        *,
        batch: int,
        size: Callable[[], Shape],
        patience: float,
    ) -> None:
        import ray

        self._ray = ray
        self._work = ray.put(pickle.dumps(work))
        self._todo = _Todo(items, batch)
        self._size = size
        self._members: list[_Member] = []
        self._wanted = 1
        self._stillborn = 0
        self._looked = -math.inf
        self._heard = time.monotonic()
        self._nobody = _Nobody(patience)

    def answers(self) -> Answers:
        """Of all batches, in any order; those of a batch that is done again come again. Raises
        ClusterLost.
        """
        try:
            while self._todo or any(each.given for each in self._members):
                self._recruit()
                for each in self._members:
                    self._give(each)
                for each in self._speaking():
                    yield from self._hear(each)
        finally:
            for each in self._members:
                self._ray.kill(each.actor)

    def _recruit(self) -> None:
        """Have as many as there is room and work for. Who is there stays."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        shape, lacking = None, "no process has begun, others may have all the room"
        try:
            shape = self._size()
        except NoRoom as error:  # a node, or the head, may come back
            lacking = str(error)
        if shape:
            busy = sum(bool(each.given) for each in self._members)
            self._wanted = min(shape.actors, busy + len(self._todo))
            for _ in range(self._wanted - len(self._members)):
                self._members.append(self._made(shape))
        if any(each.host for each in self._members):
            self._nobody.over()
        else:
            self._nobody.because(lacking, patiently=shape is not None)

    def _made(self, shape: Shape) -> _Member:
        options = {
            "num_cpus": shape.cpus,
            "num_gpus": shape.gpus or None,
            "scheduling_strategy": "SPREAD",
            "max_restarts": 0,
        }
        kind = self._ray.remote(_Actor).options(**options)
        made: Any = kind.remote(self._work, shape.threads)
        return _Member(made, made.begin.remote())

    def _give(self, member: _Member) -> None:
        while member.host and self._todo and len(member.given) < _AHEAD:
            batch = self._todo.take()
            method = member.actor.answer.options(
                num_returns="streaming", _generator_backpressure_num_objects=_UNTAKEN
            )
            member.given.append((method.remote(pickle.dumps(batch.items)), batch))

    def _speaking(self) -> list[_Member]:
        """Those that have something to say; none after a while."""
        by_next = {each.next: each for each in self._members if each.next is not None}
        if not by_next:
            time.sleep(_LOOK)
            return []
        ready, _ = self._ray.wait(list(by_next), num_returns=1, timeout=_LOOK)
        if ready:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > _NOTHING_HAPPENS:
            raise ClusterLost(f"nothing came back for {_NOTHING_HAPPENS / 60:.0f} minutes")
        return [by_next[each] for each in ready]

    def _hear(self, member: _Member) -> Iterator[bytes]:
        """What it says: that it has begun, an answer, that a batch is done, or that it is dead."""
        from ray.exceptions import ObjectLostError, OutOfMemoryError, RayActorError

        try:
            if not member.host:
                member.host = self._ray.get(member.beginning)
                self._stillborn = 0
            else:
                said = next(member.given[0][0], None)
                if said is None:
                    member.given.popleft()
                else:
                    yield self._ray.get(said)
        except (RayActorError, ObjectLostError, OutOfMemoryError) as error:
            self._bury(member, last_line(error))

    def _bury(self, member: _Member, reason: str) -> None:
        """It is dead, or what it made is lost: somebody else does what it had."""
        self._members.remove(member)
        self._ray.kill(member.actor)
        if member.given:
            member.given[0][1].deaths += 1
        others = any(each.host for each in self._members)
        self._stillborn = 0 if others else self._stillborn + (not member.host)
        for _, batch in member.given:
            self._todo.give_back(batch)
            if batch.deaths == _DEATHS:
                raise ClusterLost(f"{_DEATHS} processes died of the same documents: {reason}")
        if self._stillborn >= _DEATHS * self._wanted:
            raise ClusterLost(f"{self._stillborn} processes died before they began: {reason}")
        _log.warning("a process on %s is gone, what it had is done again", member.host or "a node")
        self._looked = -math.inf


def last_line(error: BaseException) -> str:
    """Of its message: Ray's are long, and end with what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
