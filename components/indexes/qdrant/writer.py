"""Writes to a draft on a server. Nothing that an older generation sees is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any
from uuid import uuid5

import numpy as np

from components.errors import Refused
from components.indexes.checks import check_vectors, checked_states
from components.indexes.filterable import Filterable
from components.indexes.manifest import Entry
from components.indexes.payload import (
    CHUNK,
    NAMESPACE,
    STATES,
    check,
    named,
    of_chunk,
    of_entry,
    size,
    to_chunk,
)
from components.indexes.qdrant import answers
from components.indexes.qdrant.collection import index_chunks
from components.indexes.qdrant.conditions import (
    ADDED,
    REMOVED,
    added_in,
    inherited,
    of_chunks,
    removed_in,
    visible,
)
from components.indexes.qdrant.deletion import delete
from components.indexes.qdrant.halving import REFUSED, halved, may_be_too_large
from components.indexes.qdrant.limits import parts
from components.indexes.qdrant.reader import DENSE, SPARSE, QdrantReader
from components.indexes.qdrant.uploads import Uploads
from components.values import Chunk, Matrix, Metadata, SparseVector, States

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

_BYTES_PER_NUMBER = 22
"""A float32 is written out as the float64 that it equals."""


class QdrantWriter(QdrantReader):
    """An opened draft, see `Writer`."""

    def __init__(self, *of: Any, base: int) -> None:
        super().__init__(*of)
        self._base = base
        """Number of the generation that the draft began from, 0 for none."""
        self._uploads = Uploads(self._store)
        self._put: set[str] = set()
        """Documents of which chunks were put that may not be stored yet."""

    def index_fields(self, filterable: Filterable) -> None:
        """Index the fields that are not."""
        index_chunks(self._server, self._collection, self._limits, filterable)

    def flush(self) -> None:
        """Returns when all that was put is stored."""
        self._uploads.wait()
        self._put.clear()

    def _prepare(self) -> None:
        """What was put and described is there to be read."""
        self.flush()

    def close(self) -> None:
        """Give up what was put and not committed."""
        self._uploads.close()

    def put(
        self,
        chunks: Sequence[Chunk],
        dense: Matrix,
        sparse: Sequence[SparseVector],
        states: Sequence[States] = (),
    ) -> None:
        """See `Writer`."""
        check_vectors(chunks, dense, sparse, self._width)
        held = checked_states(chunks, states)
        points = [
            _Point(chunk, of_chunk(chunk, own), row.tolist(), terms, size(chunk, own))
            for chunk, row, terms, own in zip(chunks, dense, sparse, held, strict=True)
        ]
        self._put.update(chunk.document_id for chunk in chunks)
        self._uploads.add(points, self._limits.points)

    def commit(self, entries: Sequence[Entry], replaced: Sequence[str] = ()) -> None:
        """See `Writer`."""
        from qdrant_client.models import PointStruct

        self.flush()
        changed = set(replaced)
        for part in parts(entries, self._limits.points):
            points = [
                PointStruct(
                    id=_entry_id(entry.document_id, self._number),
                    vector={},
                    payload={**of_entry(entry), ADDED: self._number},
                )
                for entry in part
            ]
            for _ in halved(points, self._upsert):
                pass
            for some in parts([entry.document_id for entry in part], self._limits.values):
                self._replace_entries(some)
        kept = [(e.document_id, e.content_hash) for e in entries if e.document_id in changed]
        self._drop(kept, others=True)

    def describe(self, document_id: str, title: str, metadata: Metadata) -> None:
        """See `Writer`. What older generations brought is copied: they keep what they see."""
        described = {"title": title, "metadata": dict(metadata)}
        check(described, document_id)
        if document_id in self._put:
            self.flush()
        seen = visible(self._number, {"document_id": [document_id]}, kind=["chunk"])
        held = list(self._scroll(seen, True, True, self._limits.points))
        older = [point for point in held if (point.payload or {})[ADDED] < self._number]
        if len(older) < len(held):
            own = added_in(self._number, kind=["chunk"], document_id=[document_id])
            self._set(described, own)
        self._uploads.add([_copy(point, described) for point in older], self._limits.points)

    def forget(self, document_ids: Sequence[str]) -> None:
        """See `Writer`."""
        self.flush()
        for part in parts(document_ids, self._limits.values):
            self._delete(added_in(self._number, document_id=part))
            self._set({REMOVED: self._number}, visible(self._number, {"document_id": part}))

    def recover(self) -> None:
        """Drop what a killed run left behind: chunks that no entry names, entries whose chunks are
        not all there (their documents are then done again), and entries and points that were
        replaced. Only the documents that it touched are looked at.
        """
        for wanted in self._touched():
            self._mend(wanted)

    def _touched(self) -> Iterator[dict[str, Sequence[str]]]:
        """Filters, each for some of the documents of which this draft added or removed anything."""
        if not self._base:
            yield {}
            return
        own, taken = added_in(self._number), removed_in(self._number, self._number)
        points = chain(self._scroll(own, ["document_id"]), self._scroll(taken, ["document_id"]))
        found = {(point.payload or {})["document_id"] for point in points}
        for part in parts(sorted(found), self._limits.values):
            yield {"document_id": part}

    def _mend(self, wanted: dict[str, Sequence[str]]) -> None:
        own = added_in(self._number, kind=["chunk"], **wanted)
        if self._base:
            for ids in parts(
                [named(each) for each in self._scroll(own, [CHUNK])], self._limits.values
            ):
                self._supersede(ids)
        held = self._entries(wanted)
        counted: Counter[tuple[str, str]] = Counter()
        chunks = visible(self._number, wanted, kind=["chunk"])
        for point in self._scroll(chunks, ["document_id", "version"]):
            payload = point.payload or {}
            counted[payload["document_id"], payload["version"]] += 1
        entries = [entry for _, entry in held.values()]
        current = {(entry.document_id, entry.content_hash) for entry in entries}
        self._drop([each for each in counted if each not in current])
        recorded = [name for name, (number, _) in held.items() if number == self._number]
        for part in parts(recorded, self._limits.values):
            self._replace_entries(part)
        self.forget(
            [
                entry.document_id
                for entry in entries
                if entry.chunks != counted[entry.document_id, entry.content_hash]
            ]
        )

    def _store(self, batch: Sequence[_Point]) -> None:
        """Points in the place of what older generations brought of the same chunks."""
        self._send(batch)
        for part in parts([point.id for point in batch], self._limits.values):
            self._supersede(part)

    def _send(self, batch: Sequence[_Point]) -> None:
        """Upsert points of chunks. Where they are too large, those that follow are sent smaller."""
        for _ in halved(batch, self._sent):
            pass

    def _sent(self, batch: Sequence[_Point]) -> None:
        try:
            self._upsert([point.of(self._number) for point in batch])
        except Refused as error:
            size = sum(map(len, batch))
            if may_be_too_large(error):
                self._uploads.too_large(size)
                if len(batch) == 1:
                    raise _alone(batch[0], size, error) from error
            raise

    def _supersede(self, ids: Sequence[str]) -> None:
        """Take away the points of these chunks that older generations brought."""
        if self._base:
            older = inherited(self._number, of_chunks(ids), kind=["chunk"])
            self._set({REMOVED: self._number}, older)

    def _replace_entries(self, document_ids: Sequence[str]) -> None:
        """Older entries of these documents are no longer the draft's."""
        if not self._base:
            return
        chosen = visible(self._number - 1, {"document_id": document_ids}, kind=["document"])
        self._set({REMOVED: self._number}, chosen)

    def _drop(self, versions: Sequence[tuple[str, str]], *, others: bool = False) -> None:
        """Take away chunks of these documents: of the version named, or of all `others`."""
        from qdrant_client.models import Filter

        for part in parts(versions, self._limits.versions):
            any_of = Filter(should=[_of_version(*each, others=others) for each in part])
            documents = sorted({document_id for document_id, _ in part})
            own = added_in(self._number, kind=["chunk"], document_id=documents)
            older = visible(self._number, kind=["chunk"], document_id=documents)
            for chosen in (own, older):
                chosen.must = [*_listed(chosen.must), any_of]
            self._delete(own)
            self._set({REMOVED: self._number}, older)

    def _upsert(self, points: Sequence[models.PointStruct]) -> None:
        if not points:
            return
        self._change(
            "the index refused a write",
            lambda client: client.upsert(self._collection, points, wait=True),
        )

    def _set(self, payload: Mapping[str, Any], chosen: models.Filter) -> None:
        self._change(
            "the index refused a change",
            lambda client: client.set_payload(
                self._collection, dict(payload), points=chosen, wait=True
            ),
        )

    def _delete(self, chosen: models.Filter) -> None:
        doing = "the index refused a deletion"
        delete(self._server, self._collection, self._limits, chosen, doing)

    def _change(self, doing: str, request: Callable[[QdrantClient], object]) -> None:
        self._server.ask(doing, self._uploads.until_stopped(request))


@dataclass(frozen=True, slots=True)
class _Point:
    """A chunk on its way."""

    chunk: Chunk
    payload: Mapping[str, Any]
    row: list[float]
    terms: SparseVector
    size: int
    """Bytes of the payload, roughly."""

    def of(self, number: int) -> models.PointStruct:
        from qdrant_client.models import PointStruct
        from qdrant_client.models import SparseVector as Terms

        vector: dict[str, Any] = {DENSE: self.row}
        if len(self.terms.indices):
            indices, values = self.terms.indices.tolist(), self.terms.values.tolist()
            vector[SPARSE] = Terms(indices=indices, values=values)
        payload = {**self.payload, CHUNK: self.chunk.id, ADDED: number}
        return PointStruct(id=_chunk_id(self.chunk.id, number), vector=vector, payload=payload)

    @property
    def id(self) -> str:
        """The chunk's."""
        return self.chunk.id

    def __len__(self) -> int:
        """Roughly the bytes that it takes in a request."""
        return self.size + _BYTES_PER_NUMBER * (len(self.row) + 2 * len(self.terms.indices))


def _copy(point: Any, changed: Mapping[str, Any]) -> _Point:
    """A stored point as one to store, with other fields."""
    payload = {name: value for name, value in point.payload.items() if name not in (ADDED, REMOVED)}
    payload |= changed
    held = point.vector.get(SPARSE)
    terms = SparseVector(
        np.array(held.indices if held else [], np.int64),
        np.array(held.values if held else [], np.float32),
    )
    chunk = to_chunk(named(point), payload)
    own = size(chunk) + len(payload.get(STATES, ""))
    return _Point(chunk, payload, point.vector[DENSE], terms, own)


def _alone(point: _Point, size: int, error: Refused) -> Refused:
    document = point.chunk.document_id
    told = Refused(f"{error}; a chunk of {document!r}, some {size / 2**20:.1f} MiB, sent alone")
    hint = "is it larger than the server, or a proxy before it, takes in a request?"
    if answers.status(error.__cause__ or error) == REFUSED:
        hint += " or is the collection full, by max_points_count or another limit of strict mode?"
    return told.at(where=error.where, hint=hint)


def _of_version(document_id: str, version: str, *, others: bool) -> models.Filter:
    from qdrant_client.models import FieldCondition, Filter, MatchValue

    named = FieldCondition(key="version", match=MatchValue(value=version))
    document = FieldCondition(key="document_id", match=MatchValue(value=document_id))
    if others:
        return Filter(must=[document], must_not=[named])
    return Filter(must=[document, named])


def _chunk_id(chunk_id: str, number: int) -> str:
    """One point for each generation that brought the chunk, or another title or metadata of it."""
    return str(uuid5(NAMESPACE, f"point\0{chunk_id}\0{number}"))


def _entry_id(document_id: str, number: int) -> str:
    """One point for each generation that changed the entry: readers of the older see the older."""
    return str(uuid5(NAMESPACE, f"document\0{document_id}\0{number}"))


def _listed(conditions: Any) -> list[Any]:
    return list(conditions or [])
