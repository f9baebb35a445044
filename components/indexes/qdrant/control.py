"""What a corpus knows about itself, in a collection of its own without vectors.

One record for the corpus (its source, its writer's lease, what is live: changed by conditions on
itself, so that a writer that lost its lease cannot publish), and one for each generation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid5

from components.errors import Missing, Refused
from components.indexes.manifest import Generation
from components.indexes.payload import NAMESPACE
from components.indexes.qdrant import collection
from components.indexes.qdrant.limits import Limits, limits_of
from components.indexes.qdrant.scroll import scroll
from components.indexes.qdrant.server import Server

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

Answer = TypeVar("Answer")
_BLANK = {"kind": "corpus", "source": "", "holder": "", "beat": 0, "live": ""}


@dataclass(frozen=True)
class Record:
    """A generation and the collection that holds it."""

    generation: Generation
    collection: str


def named(corpus: str) -> str:
    """The collection of a corpus' records, by its name on the server."""
    # Neither a name nor a namespace has an underscore: no two corpora's collections can meet.
    return f"{corpus}__control"


class Control:
    """The records of one corpus."""

    def __init__(self, server: Server, corpus: str, replicas: int = 1) -> None:
        self._server = server
        self._replicas = replicas
        self.collection = named(corpus)
        self._limits: Limits | None = None
        self._corpus = str(uuid5(NAMESPACE, f"control\0{corpus}"))

    @property
    def client(self) -> QdrantClient:
        """What asks once."""
        return self._server.client

    def corpus(self) -> Mapping[str, Any] | None:
        """The corpus' record, None where there is none."""
        return self._payload(self._corpus)

    def look(self, name: str) -> tuple[Mapping[str, Any] | None, Record | None]:
        """The corpus' record and a generation's, in one request; None where there is none."""
        found = self._payloads([self._corpus, self._id(name)])
        payload = found.get(self._id(name))
        return found.get(self._corpus), _to_record(payload, self._server.name) if payload else None

    def begin(self) -> None:
        """Make the collection and the corpus' record, where they are missing."""
        from qdrant_client.models import PointStruct, UpdateMode

        point = PointStruct(id=self._corpus, vector={}, payload=_BLANK)
        if self.corpus() is not None:
            return
        # One shard: its updates have one order, so a condition and its change are one step.
        layout = {"vectors_config": {}, "shard_number": 1, "replication_factor": self._replicas}
        collection.make(self._server, self.collection, layout)
        # A strict server takes no condition on a field without an index.
        collection.index_fields(
            self._server, self.collection, {"holder": "keyword", "beat": "integer"}
        )
        self._server.ask(
            "the corpus could not be created",
            lambda client: client.upsert(
                self.collection, [point], update_mode=UpdateMode.INSERT_ONLY
            ),
        )

    def change(self, fields: Mapping[str, Any], **expected: Any) -> bool:
        """Set fields of the corpus' record if it holds what is expected; whether it did."""
        self.ask(
            "the corpus' record could not be changed",
            lambda client: self.set(client, fields, **expected),
        )
        # The server does not say whether the condition held.
        now = self.corpus() or {}
        return all(now.get(name) == value for name, value in {**expected, **fields}.items())

    def ask(self, doing: str, request: Callable[[QdrantClient], Answer]) -> Answer:
        """See `Server`."""
        return self._server.ask(doing, request)

    def read(self, client: QdrantClient) -> Mapping[str, Any]:
        """The corpus' record, asked for once; empty where there is none. Raises as the client."""
        found = client.retrieve(self.collection, [self._corpus], with_payload=True)
        return (found[0].payload or {}) if found else {}

    def set(self, client: QdrantClient, fields: Mapping[str, Any], **expected: Any) -> None:
        """As `change`, asked once. Raises as the client."""
        from qdrant_client.models import (
            FieldCondition,
            Filter,
            HasIdCondition,
            MatchValue,
            WriteOrdering,
        )

        same = [
            FieldCondition(key=name, match=MatchValue(value=value))
            for name, value in expected.items()
        ]
        chosen = Filter(must=[HasIdCondition(has_id=[self._corpus]), *same])
        client.set_payload(
            self.collection,
            dict(fields),
            points=chosen,
            ordering=WriteOrdering.STRONG,  # the same order in all replicas
        )

    def record(self, name: str) -> Record | None:
        """A generation's record."""
        payload = self._payload(self._id(name))
        return None if payload is None else _to_record(payload, self._server.name)

    def records(self) -> list[Record]:
        """All generations, in order of number."""
        try:
            self._limits = self._limits or limits_of(self._server, self.collection)
            points = list(scroll(self._server, self.collection, self._limits))
        except Missing:
            return []
        payloads = [point.payload for point in points if point.payload]
        found = [
            _to_record(each, self._server.name)
            for each in payloads
            if each.get("kind") == "generation"
        ]
        return sorted(found, key=lambda each: each.generation.number)

    def save(self, record: Record) -> None:
        """Write a generation's record."""
        from qdrant_client.models import PointStruct

        generation = record.generation
        payload = {
            "kind": "generation",
            "name": generation.name,
            "collection": record.collection,
            "facts": json.dumps(generation.to_json(), default=str),
        }
        point = PointStruct(id=self._id(generation.name), vector={}, payload=payload)
        self._server.ask(
            "a generation's record could not be written",
            lambda client: client.upsert(self.collection, [point]),
        )

    def remove(self, name: str) -> None:
        """Forget a generation."""
        from qdrant_client.models import PointIdsList

        chosen = PointIdsList(points=[self._id(name)])
        self._server.ask(
            "a generation's record could not be removed",
            lambda client: client.delete(self.collection, chosen),
        )

    def _payload(self, identifier: str) -> Mapping[str, Any] | None:
        return self._payloads([identifier]).get(identifier)

    def _payloads(self, identifiers: list[str]) -> dict[str, Mapping[str, Any]]:
        points = self._server.find(
            "the corpus' record could not be read",
            lambda client: client.retrieve(self.collection, identifiers, with_payload=True),
        )
        return {str(point.id): point.payload or {} for point in points or ()}

    def _id(self, name: str) -> str:
        return str(uuid5(NAMESPACE, f"{self.collection}\0{name}"))


def _to_record(payload: Mapping[str, Any], where: str) -> Record:
    try:
        generation = Generation.from_json(json.loads(payload["facts"]))
        return Record(generation, str(payload["collection"]))
    except (KeyError, TypeError, ValueError) as error:
        name = payload.get("name", "a generation")
        raise Refused(f"{name} is not a generation of this version: {error}").at(
            where=where
        ) from error
