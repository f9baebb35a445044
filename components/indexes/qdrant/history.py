"""The history of a corpus on a server: a collection of events, NAME__releases, without vectors.

An event has an id of its own, so that one which is sent twice, or lands late, is there once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from components.errors import Missing
from components.indexes.ledger import Event
from components.indexes.qdrant import collection
from components.indexes.qdrant.contents import Contents
from components.indexes.qdrant.server import Server

if TYPE_CHECKING:
    from qdrant_client import models

_PART = 64
"""Events in a request."""


def named(corpus: str) -> str:
    """The collection of a corpus' events, by its name on the server."""
    return f"{corpus}__releases"


@dataclass(frozen=True)
class ServerHistory:
    """Of one corpus. Raises as `Server.ask`."""

    server: Server
    corpus: str
    replicas: int = 1
    kept: list[Event] = field(default_factory=list, compare=False)
    """What was read last: events are only added."""

    def read(self) -> list[Event]:
        """All events, in the order in which they were added."""
        contents = Contents(self.server, named(self.corpus))
        try:
            if not self.kept or contents.count() != len(self.kept):
                self.kept[:] = _ordered(contents.scroll())
        except Missing:
            return []
        return list(self.kept)

    def add(self, events: Iterable[Event]) -> None:
        """Add events, for good."""
        from qdrant_client.models import PointStruct

        layout = {"vectors_config": {}, "shard_number": 1, "replication_factor": self.replicas}
        collection.make(self.server, named(self.corpus), layout)
        seq = Contents(self.server, named(self.corpus)).count()
        points = [
            PointStruct(id=str(uuid4()), vector={}, payload=_payload(each, seq, part))
            for part, each in enumerate(events)
        ]
        for start in range(0, len(points), _PART):
            self._put(points[start : start + _PART])

    def _put(self, points: list[models.PointStruct]) -> None:
        self.server.ask(
            "the history could not be written",
            lambda client: client.upsert(named(self.corpus), points, wait=True),
        )


def _ordered(points: Iterable[models.Record]) -> list[Event]:
    held = [point.payload for point in points if point.payload]
    held.sort(key=lambda each: (each["seq"], each["part"]))
    return [dict(json.loads(each["event"])) for each in held]


def _payload(event: Event, seq: int, part: int) -> dict[str, Any]:
    """`seq`: how many there were before; two who add at once have the same."""
    return {"seq": seq, "part": part, "event": json.dumps(event, default=str)}
