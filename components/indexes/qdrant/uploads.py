"""Points on their way to the server: gathered into full requests, a few of them at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid5

from components.indexes.payload import CHUNK, NAMESPACE
from components.indexes.points import DENSE, Point
from components.indexes.qdrant.conditions import ADDED, dialect

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

Answer = TypeVar("Answer")
_AT_ONCE = 4
"""Requests that are under way, at most."""
_BYTES = 8 * 2**20
"""Of JSON in a request; a server takes 32 MiB unless it is told otherwise."""
_BYTES_PER_NUMBER = 22
"""A float32 is written out as the float64 that it equals."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A point of a chunk, or of a whole document, on its way."""

    id: str
    """The chunk's, or the whole document's."""
    payload: Mapping[str, Any]
    vectors: Mapping[str, models.Vector]
    """By name."""
    size: int
    """Bytes of the payload, roughly."""

    @classmethod
    def made_of(cls, point: Point) -> Upload:
        """A new one."""
        vectors: dict[str, Any] = {name: dialect().terms(own) for name, own in point.terms.items()}
        return cls(point.id, point.payload, {DENSE: point.dense.tolist(), **vectors}, point.size)

    def of(self, number: int) -> models.PointStruct:
        from qdrant_client.models import PointStruct

        payload = {**self.payload, CHUNK: self.id, ADDED: number}
        return PointStruct(
            id=chunk_point(self.id, number), vector=dict(self.vectors), payload=payload
        )

    def __len__(self) -> int:
        """Roughly the bytes that it takes in a request."""
        return self.size + _BYTES_PER_NUMBER * sum(map(_numbers, self.vectors.values()))


def _numbers(vector: Any) -> int:
    return len(vector) if isinstance(vector, list) else 2 * len(vector.indices)


def chunk_point(chunk_id: str, number: int) -> str:
    """One for each number that brought the chunk, or another title or metadata of it."""
    return str(uuid5(NAMESPACE, f"point\0{chunk_id}\0{number}"))


class Uploads:
    """For one thread to fill. What it gathers is stored after `wait`, in whatever order: an id that
    comes twice is sent after the first has arrived. The error of a request is raised by the next
    `add` or `wait`.
    """

    def __init__(self, send: Callable[[Sequence[Upload]], None]) -> None:
        self._send = send
        self._bytes = _BYTES
        self._gathered: list[Upload] = []
        self._size = 0
        self._ids: set[str] = set()
        """Of what is not known to be stored."""
        self._running: set[Future[None]] = set()
        self._pool: ThreadPoolExecutor | None = None
        self._stopped = threading.Event()

    def add(self, items: Sequence[Upload], most: int) -> None:
        """Gather, `most` in a request; waits while as many requests as may be are under way."""
        if not self._ids.isdisjoint(each.id for each in items):
            self.wait()
        for item in items:
            full = len(self._gathered) >= most or self._size + len(item) > self._bytes
            if self._gathered and full:
                self._start(self._taken())
            self._gathered.append(item)
            self._size += len(item)
            self._ids.add(item.id)

    def wait(self) -> None:
        """Send what is gathered, until all of it is stored."""
        batch = self._taken()
        if batch and not self._running:
            self._send(batch)
        elif batch:
            self._start(batch)
        self._leave(0)
        self._ids.clear()

    def too_large(self, size: int) -> None:
        """Requests of so many bytes were refused: those that follow are smaller."""
        self._bytes = min(self._bytes, size // 2)

    def until_stopped(self, request: Callable[[QdrantClient], Answer]) -> Callable[..., Answer]:
        """The request, which is made no more once nobody waits for it."""

        def going(client: QdrantClient) -> Answer:
            if self._stopped.is_set():
                raise CancelledError
            return request(client)

        return going

    def close(self) -> None:
        """Give up what is not stored yet; returns when no request is under way."""
        self._stopped.set()
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _taken(self) -> list[Upload]:
        batch, self._gathered, self._size = self._gathered, [], 0
        return batch

    def _start(self, batch: Sequence[Upload]) -> None:
        self._leave(_AT_ONCE - 1)
        self._pool = self._pool or ThreadPoolExecutor(_AT_ONCE, "upload")
        # A request in another thread is as patient as this one.
        self._running.add(self._pool.submit(copy_context().run, self._send, batch))

    def _leave(self, running: int) -> None:
        """Wait until no more than so many are under way."""
        while len(self._running) > running:
            done, self._running = wait(self._running, return_when=FIRST_COMPLETED)
            try:
                for each in done:
                    each.result()
            except BaseException:  # one error is told; what else was under way is given up with it
                wait(self._running)
                self._running = set()
                raise
