"""Writes to an opened draft. Everything is checked before the engine sees it: a bad sparse vector
goes into its log first and makes the shard unopenable.

The shard is sealed in parts, as it grows: the memory that a graph takes to build is then that of a
part, not of the corpus.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from components.indexes.edge import shards
from components.indexes.edge.files import check_space
from components.indexes.edge.optimise import optimise
from components.indexes.edge.points import ShardPoints
from components.indexes.edge.shards import chosen, dialect, faults
from components.indexes.filterable import Filterable
from components.indexes.manifest import Entry, Generation
from components.indexes.payload import VECTORS, WHOLE, check, entry_id, of_entry
from components.indexes.points import DENSE, Point, checked_points
from components.indexes.reader import StoredReader
from components.values import Chunk, Matrix, Metadata, SparseVector, States, Whole

_BATCH = 256
_BATCH_BYTES = 8 * 2**20
_SHARE = 4
"""A part is as large as this share of what is there: a search asks every part, so that there are
some ten of a million chunks and not fifty.
"""
_BYTES_PER_POINT = 16_384
"""A generous guess of what a point's vectors take, for the check of free space."""


class EdgeWriter(StoredReader[ShardPoints]):
    """A draft, opened until it is closed, see `Writer`."""

    def __init__(self, folder: Path, draft: Generation) -> None:
        self._folder = folder
        self._held = ExitStack()
        self._written = 0
        """Points since the last part was sealed."""
        super().__init__(ShardPoints(self._opened(), folder), draft, "")
        self._sealed = 4 * draft.width * self.points.shard.info().points_count
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
        whole: Whole | None = None,
    ) -> None:
        """See `Writer`."""
        points = checked_points(self.generation, chunks, dense, sparse, states, whole)
        for batch, needed in _batches(points):
            self._upsert(list(map(_engine_point, batch)), needed)

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

        points = chosen(kind=VECTORS, document_id=[document_id])
        payload = {"title": title, "metadata": dict(metadata)}
        check(payload, document_id)
        check_space(self._folder)
        self._update(UpdateOperation.set_payload_by_filter(points, payload))

    def forget(self, document_ids: Sequence[str]) -> None:
        """See `Writer`."""
        from qdrant_edge import UpdateOperation

        for start in range(0, len(document_ids), _BATCH):
            points = chosen(document_id=document_ids[start : start + _BATCH])
            self._update(UpdateOperation.delete_points_by_filter(points))

    def flush(self) -> None:
        """Make everything written so far survive a power cut, and shorten the log."""
        with faults("the index could not be flushed", self._folder):
            self.points.shard.flush()

    def index_fields(self, filterable: Filterable) -> None:
        """Index the fields that are new."""
        with faults("fields could not be indexed", self._folder):
            shards.index_fields(self.points.shard, filterable)

    def recover(self) -> None:
        """Drop what a killed run left behind: chunks that no entry names, and entries whose chunks,
        or the vectors of the whole, are not all there (their documents are then done again).
        """
        entries = self.entries()
        chunks: Counter[tuple[str, str]] = Counter()
        wholes: Counter[tuple[str, str]] = Counter()
        fields = ["kind", "document_id", "version", WHOLE]
        for record in self.points.scroll({}, fields, kind=VECTORS):
            key = record.payload["document_id"], record.payload["version"]
            chunks[key] += record.payload["kind"] == "chunk"
            wholes[key] += WHOLE in record.payload
        for document_id, version in chunks:
            entry = entries.get(document_id)
            if entry is None or entry.content_hash != version:
                self._drop(document_id, version)
        self.forget(
            [
                entry.document_id
                for entry in entries.values()
                if chunks[key := (entry.document_id, entry.content_hash)] != entry.chunks
                or (self.generation.whole and wholes[key] != (entry.chunks > 0))
            ]
        )

    def _drop(self, document_id: str, version: str, *, others: bool = False) -> None:
        """Delete a document's vectors of one version, or of all others."""
        from qdrant_edge import Filter, UpdateOperation

        own = dialect().conditions(kind=VECTORS, document_id=[document_id])
        named = dialect().conditions(version=[version])
        points = Filter(must=own, must_not=named) if others else Filter(must=own + named)
        self._update(UpdateOperation.delete_points_by_filter(points))

    def _upsert(self, points: list[Any], needed: int) -> None:
        from qdrant_edge import UpdateOperation

        check_space(self._folder, needed)
        self._update(UpdateOperation.upsert_points(points))
        self._written += len(points)
        # A point without a vector takes its place among them all the same.
        if self._places() >= max(shards.PART_BYTES, self._sealed // _SHARE):
            self._seal_part()

    def _seal_part(self) -> None:
        self.flush()
        self.close()
        self._sealed += self._places()
        optimise(self._folder, self._sealed)
        self.points.shard = self._opened()
        self._written = 0

    def _places(self) -> int:
        """Bytes of the places for vectors since the last part was sealed."""
        return 4 * self.generation.width * self._written

    def _opened(self) -> Any:
        return self._held.enter_context(shards.opened(self._folder))

    def _update(self, operation: Any) -> None:
        with faults("the index refused a write", self._folder):
            self.points.shard.update(operation)


def _batches(points: Iterable[Point]) -> Iterator[tuple[list[Point], int]]:
    """Points to write at once, and how many bytes they may take: log and segment hold both."""
    batch: list[Point] = []
    payload = 0
    for point in points:
        if batch and (len(batch) >= _BATCH or payload >= _BATCH_BYTES):
            yield batch, 3 * payload + len(batch) * _BYTES_PER_POINT
            batch, payload = [], 0
        batch.append(point)
        payload += point.size
    if batch:
        yield batch, 3 * payload + len(batch) * _BYTES_PER_POINT


def _engine_point(point: Point) -> Any:
    from qdrant_edge import Point as EnginePoint

    vectors: dict[str, Any] = {name: dialect().terms(own) for name, own in point.terms.items()}
    vectors[DENSE] = point.dense
    return EnginePoint(point.id, vectors, dict(point.payload))
