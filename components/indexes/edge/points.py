"""The points of an opened shard."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from components.errors import Damaged
from components.indexes.dialect import Own
from components.indexes.edge import shards
from components.indexes.edge.damage import damaged
from components.indexes.edge.shards import dialect, faults
from components.indexes.hits import TIES, more
from components.indexes.manifest import Entry
from components.indexes.payload import STATES, possible_ids, to_entry
from components.indexes.points import DENSE
from components.indexes.quantization import Approximation
from components.indexes.reader import Asked
from components.values import Filter, SparseVector

Answer = TypeVar("Answer")


class ShardPoints:
    """See `Points`."""

    def __init__(self, shard: Any, folder: Path, search: Approximation | None = None) -> None:
        self.shard = shard
        self.folder = folder
        self.place = str(folder)
        self._search = search

    def answered(self, question: Callable[[], Answer]) -> Answer:
        """See `Points`."""
        return question()

    def scroll(
        self, wanted: Filter, fields: Sequence[str] = (), vectors: Sequence[str] = (), **own: Own
    ) -> Iterator[Any]:
        """See `Points`. In order of id."""
        chosen = shards.chosen(wanted, **own)
        shown = list(fields) or _but_states()
        with faults("the index could not be read", self.folder):
            for page in shards.pages(self.shard, chosen, shown, list(vectors) or False):
                yield from page

    def of_chunks(
        self, ids: Sequence[str], fields: Sequence[str] = (), vectors: Sequence[str] = ()
    ) -> Iterable[Any]:
        """See `Points`."""
        what = "vectors" if vectors else "states of tokens"
        with faults(f"{what} could not be read", self.folder):
            found: list[Any] = self.shard.retrieve(
                possible_ids(ids), list(fields) or False, list(vectors) or False
            )
        return found

    def count(self, vector: str = "", wanted: Filter | None = None, **own: Own) -> int:
        """See `Points`."""
        what = "chunks" if "kind" in own else "documents"
        with faults(f"{what} could not be counted", self.folder):
            return shards.count(self.shard, vector, wanted, **own)

    def query(self, asked: Sequence[Asked], k: int) -> Iterator[Sequence[Any]]:
        """See `Points`."""
        return (self._found(each, k) for each in asked)

    def entries(self) -> Iterator[Entry]:
        """See `Points`."""
        return (to_entry(record.payload) for record in self.scroll({}, kind=["document"]))

    def damaged(self, message: str) -> Damaged:
        """See `Points`."""
        return damaged(message, self.folder.parent)

    def read_through(self) -> None:
        """Read all that is stored, once. Raises IndexFault where something cannot be read, Damaged
        where it is not there.
        """
        with faults("the index could not be read", self.folder):
            shards.read_through(self.shard, self.folder)

    def _found(self, asked: Asked, k: int) -> list[Any]:
        from qdrant_edge import Query, QueryRequest

        vector: Any = asked.vector
        if isinstance(vector, SparseVector):
            vector = dialect().terms(vector)
        limit, points = k + TIES, []
        while limit:
            request = QueryRequest(
                limit=limit,
                query=Query.Nearest(vector, using=asked.using),
                filter=shards.chosen(asked.wanted, **asked.own),
                params=dialect().params(self._search) if asked.using == DENSE else None,
                with_payload=["document_id"] if asked.documents else _but_states(),
            )
            with faults("the index could not be searched", self.folder):
                points = self.shard.query(request)
            limit = more(points, k, limit)
        return points


def _but_states() -> Any:
    from qdrant_edge import PayloadSelector

    return PayloadSelector.Exclude([STATES])
