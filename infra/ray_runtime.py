"""Work spread over Ray actors, on a cluster that is there or one of our own."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import stopping
from infra.ray_crew import Answers, ClusterLost, Crew, NoRoom, Shape, Work, last_line

_CORES_PER_ACTOR = 4
"""A batch that stays in the cache does not keep more of them busy."""
_BATCHES_PER_ACTOR = 16
"""So that none has to wait long for the last one to end."""
_LONGEST_BATCH = 256
_ANSWER = 10.0
"""Seconds that a cluster may take to answer."""
STORE = 500_000_000
"""Bytes of memory that the processes of a Ray of our own share: some answers of each. Unasked, Ray
takes a third of the machine's, and the disk where a container has less shared memory than that.
"""
_GONE = 30.0
"""Seconds without an answer after which a head that was there is lost."""
_NODE_BEGINS = 20.0
"""Seconds in which a node of this machine may be back after it has ended."""


class NoNodeHere(ClusterLost):
    """This machine is no node of the cluster, so that nothing here can join it."""


class TooSmall(NoRoom):
    """No node of the cluster has what an actor asks for."""


@dataclass(frozen=True, kw_only=True)
class ActorPool:
    """Actors that keep what they load. None: by what the cluster has."""

    address: str = ""
    """Of a cluster to join; empty: start one on this machine, and stop it in the end."""
    actors: int | None = None
    cpus: float | None = None
    gpus: float | None = None
    patience: float = 600.0
    """Seconds to wait for a cluster on which others have all the room."""

    def __call__(self, work: Work, items: Sequence[Any]) -> Answers:
        """What a copy of `work` in each actor yields for the items, cut into batches, in any order.

        Raises ClusterLost where the cluster cannot be used or gives up, TooSmall.
        """
        with _connected(self.address):
            from ray.exceptions import RayError

            head = _Head(self.address)
            shape = self.shape(head.nodes())
            crew = Crew(
                work,
                items,
                batch=_batch(len(items), shape.actors),
                size=lambda: self.shape(head.nodes()),
                patience=self.patience,
            )
            try:
                yield from crew.answers()
            except (RayError, RuntimeError, ConnectionError, TimeoutError) as error:
                # What a batch raises is an answer, so all of this is Ray's own.
                raise ClusterLost(f"Ray gave up: {last_line(error)}") from error

    def shape(self, nodes: Sequence[Mapping[str, float]]) -> Shape:
        """The pool on nodes that have these resources: as many of the actors as they have room for.
        Raises TooSmall where that is none, NoRoom where no node computes.
        """
        cores, devices = (sum(each.get(name, 0.0) for each in nodes) for name in ("CPU", "GPU"))
        if not cores:
            raise NoRoom("the cluster has no node with a core")
        gpus = self.gpus if self.gpus is not None else float(devices > 0)
        most = devices // gpus if gpus else cores // _CORES_PER_ACTOR
        actors = self.actors or max(1, int(most))
        # Half of the cores stay free, for others.
        cpus = self.cpus if self.cpus is not None else min(1.0, cores / actors / 2)
        room = sum(_room(each, cpus, gpus) for each in nodes)
        if not room:
            asked = f"cpus: {cpus:g}, gpus: {gpus:g}"
            raise TooSmall(
                f"an actor asks for {asked}, and no node has that much; the cluster has "
                f"{', '.join(map(_told, nodes))}"
            )
        actors = min(actors, room)
        return Shape(actors=actors, cpus=cpus, gpus=gpus, threads=max(1, int(cores / actors)))


def _room(node: Mapping[str, float], cpus: float, gpus: float) -> int:
    """How many actors a node has room for."""
    asked = {"CPU": cpus, "GPU": gpus}
    return min(int(node.get(name, 0.0) / each + 1e-6) for name, each in asked.items() if each)


def _told(node: Mapping[str, float]) -> str:
    return f"{node.get('CPU', 0.0):g} CPU with {node.get('GPU', 0.0):g} GPU"


class _Head:
    """What knows the nodes of a cluster. Asked while it is gone, Ray waits, and after a minute it
    ends this process without a word.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._seen = time.monotonic()

    def nodes(self) -> list[Mapping[str, float]]:
        """What each node that is alive has. Raises NoRoom where the head does not answer, and
        ClusterLost where it has not for a while.
        """
        import ray

        try:
            _check_reachable(self._address, _GONE / 10)
        except OSError as error:
            silent = time.monotonic() - self._seen
            reason = f"its head at {self._address} does not answer"
            raise (ClusterLost if silent > _GONE else NoRoom)(reason) from error
        self._seen = time.monotonic()
        return [each["Resources"] for each in ray.nodes() if each["Alive"]]  # type: ignore[no-untyped-call]


def _batch(items: int, actors: int) -> int:
    """How many items are given at once."""
    return min(_LONGEST_BATCH, max(1, items // (actors * _BATCHES_PER_ACTOR)))


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Connected to the cluster; a connection that was there before is used and left alone."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        yield
        return
    try:
        if address:
            _check_reachable(address, _ANSWER)
            _check_is_a_node(address)
        with stopping.kept():  # Ray would end the process on SIGTERM, in its own way
            ray.init(
                # Without "local" it would join whatever a file in the temporary folder names.
                address=address or "local",
                include_dashboard=None if address else False,
                object_store_memory=None if address else STORE,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except (ConnectionError, RuntimeError, OSError) as error:
        raise ClusterLost(last_line(error)) from error
    try:
        yield
    finally:
        ray.shutdown()  # an own cluster ends, too


def _check_reachable(address: str, seconds: float) -> None:
    """Ray tries for minutes where nobody listens, and cannot be interrupted."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "//" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()


def _check_is_a_node(address: str) -> None:
    """Ray only says after a minute that this machine is none, and not what to do."""
    end = time.monotonic() + _NODE_BEGINS
    while not _has_node():
        if time.monotonic() > end:
            raise NoNodeHere(f"this machine is no node of the Ray cluster at {address}")
        time.sleep(0.5)


def _has_node() -> bool:
    """Whether a node of some cluster runs where this process sees it, or it cannot be told."""
    processes = Path("/proc")
    if not (processes / "self" / "comm").exists():
        return True
    return any(map(_is_raylet, processes.glob("[0-9]*/comm")))


def _is_raylet(name: Path) -> bool:
    try:
        return name.read_text() == "raylet\n"
    except OSError:  # it has ended
        return False


_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # What its C++ side calls an error and prints is the daily life of actors that start again.
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}
