"""Writes to a draft on a server. Nothing that an older generation sees is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid5

import numpy as np

from components.indexes.checks import check_vectors, checked_states
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
from components.indexes.qdrant.conditions import (
    ADDED,
    REMOVED,
    added_in,
    inherited,
    of_chunks,
    visible,
)
from components.indexes.qdrant.deletion import delete
from components.indexes.qdrant.reader import DENSE, SPARSE, QdrantReader
from components.values import Chunk, Matrix, Metadata, SparseVector, States

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models

_BATCH = 256
_BATCH_BYTES = 8 * 2**20
"""Of JSON in a request; a server takes 32 MiB unless it is told otherwise."""
_BYTES_PER_NUMBER = 22
"""A float32 is written out as the float64 that it equals."""
_VERSIONS = 64
"""Of documents, in one condition."""


class QdrantWriter(QdrantReader):
    """An opened draft, see `Writer`."""

    def __init__(self, *of: Any, base: int) -> None:
        super().__init__(*of)
        self._base = base
        """Number of the generation that the draft began from, 0 for none."""

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
        self._put(points)

    def commit(self, entries: Sequence[Entry], replaced: Sequence[str] = ()) -> None:
        """See `Writer`."""
        from qdrant_client.models import PointStruct

        changed = set(replaced)
        for start in range(0, len(entries), _BATCH):
            part = entries[start : start + _BATCH]
            points = [
                PointStruct(
                    id=_entry_id(entry.document_id, self._number),
                    vector={},
                    payload={**of_entry(entry), ADDED: self._number},
                )
                for entry in part
            ]
            self._upsert(points)
            self._replace_entries([entry.document_id for entry in part])
        kept = [(e.document_id, e.content_hash) for e in entries if e.document_id in changed]
        self._drop(kept, others=True)

    def describe(self, document_id: str, title: str, metadata: Metadata) -> None:
        """See `Writer`. What older generations brought is copied: they keep what they see."""
        described = {"title": title, "metadata": dict(metadata)}
        check(described, document_id)
        self._set(described, added_in(self._number, kind=["chunk"], document_id=[document_id]))
        if self._base:
            older = inherited(self._number, kind=["chunk"], document_id=[document_id])
            stored = self._scroll(older, True, True, _BATCH)
            self._put(_copy(point, described) for point in stored)

    def forget(self, document_ids: Sequence[str]) -> None:
        """See `Writer`."""
        for start in range(0, len(document_ids), _BATCH):
            part = document_ids[start : start + _BATCH]
            self._delete(added_in(self._number, document_id=part))
            self._set({REMOVED: self._number}, visible(self._number, {"document_id": part}))

    def recover(self) -> None:
        """Drop what a killed run left behind: chunks that no entry names, entries whose chunks are
        not all there (their documents are then done again), and entries that were replaced.
        """
        entries = self.entries()
        own_chunks = [named(each) for each in self._scroll(self._own("chunk"), [CHUNK])]
        for start in range(0, len(own_chunks), _BATCH):
            self._supersede(own_chunks[start : start + _BATCH])
        counted: dict[tuple[str, str], int] = {}
        for payload in self.payloads("chunk", ["document_id", "version"]):
            key = payload["document_id"], payload["version"]
            counted[key] = counted.get(key, 0) + 1
        current = {(entry.document_id, entry.content_hash) for entry in entries.values()}
        self._drop([each for each in counted if each not in current])
        stored = self._scroll(self._own("document"), ["document_id"])
        own = [(each.payload or {})["document_id"] for each in stored]
        for start in range(0, len(own), _BATCH):
            self._replace_entries(own[start : start + _BATCH])
        self.forget(
            [
                entry.document_id
                for entry in entries.values()
                if entry.chunks != counted.get((entry.document_id, entry.content_hash), 0)
            ]
        )

    def _put(self, points: Iterable[_Point]) -> None:
        """Store points, in the place of what older generations brought of the same chunks."""
        for batch in _batches(points):
            self._upsert([point.of(self._number) for point in batch])
            self._supersede([point.chunk.id for point in batch])

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

    def _own(self, kind: str) -> models.Filter:
        return added_in(self._number, kind=[kind])

    def _drop(self, versions: Sequence[tuple[str, str]], *, others: bool = False) -> None:
        """Take away chunks of these documents: of the version named, or of all `others`."""
        from qdrant_client.models import Filter

        for start in range(0, len(versions), _VERSIONS):
            part = versions[start : start + _VERSIONS]
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
        delete(self._server, self._collection, chosen, "the index refused a deletion")

    def _change(self, doing: str, request: Callable[[QdrantClient], object]) -> None:
        self._server.ask(doing, request)


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

    def __len__(self) -> int:
        """Roughly the bytes that it takes in a request."""
        return self.size + _BYTES_PER_NUMBER * (len(self.row) + 2 * len(self.terms.indices))


def _batches(points: Iterable[_Point]) -> Iterator[list[_Point]]:
    batch: list[_Point] = []
    held_bytes = 0
    for point in points:
        if batch and (len(batch) >= _BATCH or held_bytes + len(point) > _BATCH_BYTES):
            yield batch
            batch, held_bytes = [], 0
        batch.append(point)
        held_bytes += len(point)
    if batch:
        yield batch


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
