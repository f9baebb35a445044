"""Writes to an opened draft. Everything is checked before the engine sees it: a bad sparse vector
goes into its log first and makes the shard unopenable.

The shard is sealed in parts, as it grows: the memory that a graph takes to build is then that of a
part, not of the corpus.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from components.indexes.checks import check_vectors, checked_states
from components.indexes.edge import engine
from components.indexes.edge.engine import DENSE, SPARSE, faults
from components.indexes.edge.files import check_space
from components.indexes.edge.optimise import optimise
from components.indexes.edge.reader import KIND, EdgeReader, engine_filter
from components.indexes.filterable import Filterable
from components.indexes.manifest import Entry
from components.indexes.payload import check, entry_id, of_chunk, of_entry, size
from components.values import Chunk, Matrix, Metadata, SparseVector, States

_BATCH = 256
_BATCH_BYTES = 8 * 2**20
_SHARE = 4
"""A part is as large as this share of what is there: a search asks every part, so that there are
some ten of a million chunks and not fifty.
"""
_BYTES_PER_POINT = 16_384
"""A generous guess of what a point's vectors take, for the check of free space."""


class EdgeWriter(EdgeReader):
    """A draft, opened until it is closed, see `Writer`."""

    def __init__(self, folder: Path, width: int) -> None:
        self._held = ExitStack()
        self._points = 0
        """Written since the last part was sealed."""
        super().__init__(self._opened(folder), folder, width)
        self._sealed = 4 * width * self._shard.info().points_count
        """Bytes of vector places before that."""

    def close(self) -> None:
        """Let others open the draft."""
        self._held.close()

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
        for part, needed in _batches(list(map(size, chunks, held))):
            points = _points(chunks[part], dense[part], sparse[part], held[part])
            self._upsert(points, needed)

    def commit(self, entries: Sequence[Entry], replaced: Sequence[str] = ()) -> None:
        """See `Writer`."""
        from qdrant_edge import Point

        self.flush()
        for start in range(0, len(entries), _BATCH):
            part = entries[start : start + _BATCH]
            points = [Point(entry_id(e.document_id), {}, of_entry(e)) for e in part]
            self._upsert(points, _BYTES_PER_POINT * len(points))
        changed = set(replaced)
        for entry in entries:
            if entry.document_id in changed:
                self._drop(entry.document_id, entry.content_hash, others=True)

    def describe(self, document_id: str, title: str, metadata: Metadata) -> None:
        """See `Writer`."""
        from qdrant_edge import UpdateOperation

        chosen = engine_filter({KIND: ["chunk"], "document_id": [document_id]})
        payload = {"title": title, "metadata": dict(metadata)}
        check(payload, document_id)
        check_space(self._folder)
        self._update(UpdateOperation.set_payload_by_filter(chosen, payload))

    def forget(self, document_ids: Sequence[str]) -> None:
        """See `Writer`."""
        from qdrant_edge import UpdateOperation

        for start in range(0, len(document_ids), _BATCH):
            chosen = engine_filter({"document_id": list(document_ids[start : start + _BATCH])})
            self._update(UpdateOperation.delete_points_by_filter(chosen))

    def flush(self) -> None:
        """Make everything written so far survive a power cut, and shorten the log."""
        with faults("the index could not be flushed", self._folder):
            self._shard.flush()

    def index_fields(self, filterable: Filterable) -> None:
        """Index the fields that are new."""
        with faults("fields could not be indexed", self._folder):
            engine.index_fields(self._shard, filterable)

    def recover(self) -> None:
        """Drop what a killed run left behind: chunks that no entry names, and entries whose
        chunks are not all there (their documents are then done again).
        """
        entries = self.entries()
        counted: dict[tuple[str, str], int] = {}
        for record in self.scroll({KIND: ["chunk"]}, ["document_id", "version"]):
            key = record.payload["document_id"], record.payload["version"]
            counted[key] = counted.get(key, 0) + 1
        for document_id, version in counted:
            entry = entries.get(document_id)
            if entry is None or entry.content_hash != version:
                self._drop(document_id, version)
        self.forget(
            [
                entry.document_id
                for entry in entries.values()
                if entry.chunks != counted.get((entry.document_id, entry.content_hash), 0)
            ]
        )

    def _drop(self, document_id: str, version: str, *, others: bool = False) -> None:
        """Delete a document's chunks of one version, or of all others."""
        from qdrant_edge import FieldCondition, Filter, MatchValue, UpdateOperation

        def matches(name: str, value: str) -> Any:
            return FieldCondition(name, match=MatchValue(value))

        own: list[Any] = [matches("kind", "chunk"), matches("document_id", document_id)]
        wanted: list[Any] = [matches("version", version)]
        chosen = Filter(must=own, must_not=wanted) if others else Filter(must=own + wanted)
        self._update(UpdateOperation.delete_points_by_filter(chosen))

    def _upsert(self, points: list[Any], needed: int) -> None:
        from qdrant_edge import UpdateOperation

        check_space(self._folder, needed)
        self._update(UpdateOperation.upsert_points(points))
        self._points += len(points)
        # A point without a vector takes its place among them all the same.
        if 4 * self._width * self._points >= max(engine.PART_BYTES, self._sealed // _SHARE):
            self._seal_part()

    def _seal_part(self) -> None:
        self.flush()
        self.close()
        self._sealed += 4 * self._width * self._points
        optimise(self._folder, self._sealed)
        self._shard = self._opened(self._folder)
        self._points = 0

    def _opened(self, folder: Path) -> Any:
        return self._held.enter_context(engine.opened(folder, folder.parent / engine.LOCK))

    def _update(self, operation: Any) -> None:
        with faults("the index refused a write", self._folder):
            self._shard.update(operation)


def _batches(sizes: Sequence[int]) -> Iterator[tuple[slice, int]]:
    """Chunks to write at once, and how many bytes they may take: log and segment hold both.
    `sizes`: bytes of their payloads.
    """
    start = payload = 0
    for at, own in enumerate(sizes):
        if at > start and (at - start >= _BATCH or payload >= _BATCH_BYTES):
            yield slice(start, at), 3 * payload + (at - start) * _BYTES_PER_POINT
            start, payload = at, 0
        payload += own
    if sizes:
        count = len(sizes) - start
        yield slice(start, len(sizes)), 3 * payload + count * _BYTES_PER_POINT


def _points(
    chunks: Sequence[Chunk],
    dense: Matrix,
    sparse: Sequence[SparseVector],
    states: Sequence[States | None],
) -> list[Any]:
    from qdrant_edge import Point
    from qdrant_edge import SparseVector as EngineSparse

    points = []
    for chunk, row, terms, own in zip(chunks, dense, sparse, states, strict=True):
        vectors: dict[str, Any] = {DENSE: row}
        if len(terms.indices):
            vectors[SPARSE] = EngineSparse(terms.indices.tolist(), terms.values.tolist())
        points.append(Point(chunk.id, vectors, of_chunk(chunk, own)))
    return points
