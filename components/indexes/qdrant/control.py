"""What a corpus knows about itself: one point in a collection of its own, without vectors.

Its source, its writer's lease, what is live and which generations there are. It is changed by
conditions on itself: by who holds the lease, and as it was read. So a request that lands late, of a
writer that another has followed, or the first of two tries, changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid5

from components.errors import Missing, Moved, Refused, TakenOver
from components.indexes.manifest import Generation
from components.indexes.payload import NAMESPACE
from components.indexes.qdrant import collection
from components.indexes.qdrant.contents import Contents
from components.indexes.qdrant.server import Server

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Fields to set in the corpus' record, by what it holds."""
_BLANK = {"kind": "corpus", "source": "", "holder": "", "beat": 0, "live": "", "revision": 0}


_TRIES = 5
_REMEMBERED = 32
"""Numbers of a collection that were given up last: what is late of others has landed."""


@dataclass(frozen=True)
class Record:
    """A generation and the collection that holds it."""

    generation: Generation
    collection: str
    mark: int = 0
    """What its points are marked with, where that is not the generation's number."""
    behind: tuple[int, ...] = ()
    """Marks of its points before this one, where not all of them have it yet."""
    given_up: tuple[int, ...] = ()
    """Marks in the collection that count for nothing, `behind` among them."""

    @property
    def number(self) -> int:
        """What its points are marked with."""
        return self.mark or self.generation.number


def named(corpus: str) -> str:
    """The collection of a corpus' records, by its name on the server."""
    # Neither a name nor a namespace has an underscore: no two corpora's collections can meet.
    return f"{corpus}__control"


class Control:
    """The records of one corpus. `holder` says who this process is as the holder of the lease, None
    where it does without.
    """

    def __init__(
        self,
        server: Server,
        corpus: str,
        replicas: int = 1,
        holder: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.server = server
        self._holder = holder
        self._replicas = replicas
        self.collection = named(corpus)
        self._contents = Contents(server, self.collection)
        self._corpus = str(uuid5(NAMESPACE, f"control\0{corpus}"))

    def corpus(self) -> Mapping[str, Any] | None:
        """The corpus' record, None where there is none."""
        return self._payload(self._corpus)

    def look(self) -> tuple[Mapping[str, Any], Record | None]:
        """The corpus' record, empty where there is none, and the live generation's."""
        found = self.corpus() or {}
        name = found.get("live", "")
        own = [each for each in _generations(found) if each["name"] == name]
        live = self._to_record(own[0], found) if own else self.record(name) if name else None
        return found, live

    def begin(self) -> None:
        """Make the collection and the corpus' record, where they are missing."""
        from qdrant_client.models import PointStruct, UpdateMode

        point = PointStruct(id=self._corpus, vector={}, payload=_BLANK)
        if self.corpus() is not None:
            return
        # One shard: its updates have one order, so a condition and its change are one step.
        layout = {"vectors_config": {}, "shard_number": 1, "replication_factor": self._replicas}
        collection.make(self.server, self.collection, layout)
        # A strict server takes no condition on a field without an index.
        collection.index_fields(
            self.server, self.collection, {"holder": "keyword", "beat": "integer"}
        )
        self._index_revision()
        self.server.ask(
            "the corpus could not be created",
            lambda client: client.upsert(
                self.collection, [point], update_mode=UpdateMode.INSERT_ONLY
            ),
        )

    def change(self, fields: Mapping[str, Any], **expected: Any) -> bool:
        """Set fields of the corpus' record if it holds what is expected; whether it did."""
        self.server.ask(
            "the corpus' record could not be changed",
            lambda client: self.set(client, fields, **expected),
        )
        # The server does not say whether the condition held.
        now = self.corpus() or {}
        return all(now.get(name) == value for name, value in {**expected, **fields}.items())

    def amend(self, change: Change) -> None:
        """Set what `change` makes of the corpus' record, if that is still as it was read and, where
        this process holds the lease, names it. `change` is asked again where somebody without one
        was faster: a person who goes back. Raises TakenOver, and what `change` raises.
        """
        holder = self._holder()
        for _ in range(_TRIES):
            held = self.corpus() or {}
            if holder is not None and held.get("holder") != holder:
                break
            revision = held.get("revision")
            expected = {"revision": revision, **({} if holder is None else {"holder": holder})}
            if self.change({**change(held), "revision": (revision or 0) + 1}, **expected):
                return
        raise TakenOver("another refresh has taken this corpus over").at(
            where=self.collection, hint="what this one committed stays"
        )

    def adopt(self) -> None:
        """Take in what an older version wrote: a point for each generation."""
        from qdrant_client.models import PointIdsList

        if "revision" in (self.corpus() or {}):
            return
        self._index_revision()
        older = self.records()
        self.amend(lambda held: {"generations": [_of_record(each) for each in older]})
        chosen = PointIdsList(points=[self._id(each.generation.name) for each in older])
        if older:
            self.server.ask(
                "older records could not be removed",
                lambda client: client.delete(self.collection, chosen),
            )

    def _index_revision(self) -> None:
        collection.index_fields(self.server, self.collection, {"revision": "integer"})

    def read(self, client: QdrantClient) -> Mapping[str, Any]:
        """The corpus' record, asked for once; empty where there is none. Raises as the client."""
        found = client.retrieve(self.collection, [self._corpus], with_payload=True)
        return (found[0].payload or {}) if found else {}

    def set(self, client: QdrantClient, fields: Mapping[str, Any], **expected: Any) -> object:
        """As `change`, asked once: what the server answers. Raises as the client."""
        from qdrant_client.models import Filter, HasIdCondition, WriteOrdering

        same = [_condition(name, value) for name, value in expected.items()]
        chosen = Filter(must=[HasIdCondition(has_id=[self._corpus]), *same])
        return client.set_payload(
            self.collection,
            dict(fields),
            points=chosen,
            ordering=WriteOrdering.STRONG,  # the same order in all replicas
        )

    def record(self, name: str) -> Record | None:
        """A generation's record."""
        found = self._payloads([self._corpus, self._id(name)])
        older = [payload for id, payload in found.items() if id != self._corpus]
        corpus = found.get(self._corpus, {})
        own = [each for each in _generations(corpus, older) if each["name"] == name]
        return self._to_record(own[0], corpus) if own else None

    def records(self) -> list[Record]:
        """All generations, in order of number."""
        try:
            points = list(self._contents.scroll())
        except Missing:
            return []
        payloads = [point.payload for point in points if point.payload]
        older = [each for each in payloads if each.get("kind") == "generation"]
        held = next((each for each in payloads if each.get("kind") != "generation"), {})
        found = [self._to_record(each, held) for each in _generations(held, older)]
        return sorted(found, key=lambda each: each.generation.number)

    def save(self, record: Record) -> None:
        """Write a generation's record. See `amend`."""
        self.amend(lambda held: _with(held, record))

    def renumber(self, record: Record) -> Record:
        """Give up what a record's points are marked with, for a mark that nobody has had: the
        record, `behind`. See `amend`.
        """
        behind = (*record.behind, record.number)
        taken = replace(record, mark=self.next_number(), behind=behind)
        self.amend(lambda held: {**_with(held, taken), **_giving_up(held, record)})
        return taken

    def remove(self, name: str) -> None:
        """Forget a generation. See `amend`."""
        self.amend(lambda held: {"generations": _without(held, name)})

    def give_up(self, record: Record) -> None:
        """Forget a generation that nothing stands on, and that its marks ever counted. See
        `amend`.
        """
        name = record.generation.name
        self.amend(lambda held: {"generations": _without(held, name), **_giving_up(held, record)})

    def next_number(self) -> int:
        """One that no generation has had, those that were given up included: what is late of them
        could not be told from what is new.
        """
        numbers = [each.number for each in self.records()]
        return 1 + max([_numbered(self.corpus() or {}), *numbers])

    def _payload(self, identifier: str) -> Mapping[str, Any] | None:
        return self._payloads([identifier]).get(identifier)

    def _payloads(self, identifiers: list[str]) -> dict[str, Mapping[str, Any]]:
        points = self.server.find(
            "the corpus' record could not be read",
            lambda client: client.retrieve(self.collection, identifiers, with_payload=True),
        )
        return {str(point.id): point.payload or {} for point in points or ()}

    def _to_record(self, payload: Mapping[str, Any], corpus: Mapping[str, Any]) -> Record:
        try:
            place = str(payload["collection"])
            return Record(
                generation=Generation.from_json(json.loads(payload["facts"])),
                collection=place,
                mark=int(payload.get("mark", 0)),
                behind=tuple(payload.get("behind", ())),
                given_up=tuple(_given_up(corpus).get(place, ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            name = payload.get("name", "a generation")
            raise Refused(f"{name} is not a generation of this version: {error}").at(
                where=self.collection
            ) from error

    def _id(self, name: str) -> str:
        """Of the point that a generation has where an older version wrote it."""
        return str(uuid5(NAMESPACE, f"{self.collection}\0{name}"))


def _of_record(record: Record) -> dict[str, Any]:
    generation = record.generation
    return {
        "name": generation.name,
        "collection": record.collection,
        "mark": record.mark,
        "behind": list(record.behind),
        "facts": json.dumps(generation.to_json(), default=str),
    }


def _with(held: Mapping[str, Any], record: Record) -> dict[str, Any]:
    return {
        "generations": [*_but(held, record.generation.name), _of_record(record)],
        "numbered": max(record.number, _numbered(held)),
    }


def _giving_up(held: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Those of collections that are gone go with them."""
    named = {each["collection"] for each in _generations(held)}
    before = {place: own for place, own in _given_up(held).items() if place in named}
    own = [*before.get(record.collection, ()), record.number]
    return {"given_up": {**before, record.collection: own[-_REMEMBERED:]}}


def _given_up(held: Mapping[str, Any]) -> Mapping[str, Sequence[int]]:
    """Marks that count for nothing, by collection."""
    found: Mapping[str, Sequence[int]] = held.get("given_up", {})
    return found


def _generations(
    held: Mapping[str, Any], older: Sequence[Mapping[str, Any]] = ()
) -> Sequence[Mapping[str, Any]]:
    """Of the corpus' record; where it has no such field, those with points of their own count."""
    found: Sequence[Mapping[str, Any]] = held.get("generations", older)
    return found


def generations_of(held: Mapping[str, Any]) -> list[str]:
    """Names of the generations that the corpus' record knows."""
    return [str(each["name"]) for each in _generations(held)]


def _without(held: Mapping[str, Any], name: str) -> list[Any]:
    """Raises Moved where somebody has gone back to it meanwhile."""
    if held.get("live") == name:
        raise Moved(f"{name} is live again").at(hint="it stays")
    return _but(held, name)


def _but(held: Mapping[str, Any], name: str) -> list[Any]:
    return [each for each in _generations(held) if each["name"] != name]


def _numbered(held: Mapping[str, Any]) -> int:
    """The highest number that a generation was ever given."""
    return int(held.get("numbered", 0))


def _condition(name: str, value: Any) -> Any:
    """That a field holds a value; None: that it has no number."""
    from qdrant_client.models import FieldCondition, Filter, MatchValue, Range

    if value is None:
        return Filter(must_not=[FieldCondition(key=name, range=Range(gte=0))])
    return FieldCondition(key=name, match=MatchValue(value=value))
