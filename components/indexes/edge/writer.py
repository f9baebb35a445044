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

from components.indexes.checks import check_vectors, check_whole, checked_states
from components.indexes.edge import engine
from components.indexes.edge.engine import faults
from components.indexes.edge.files import check_space
from components.indexes.edge.optimise import optimise
from components.indexes.edge.reader import KIND, EdgeReader, engine_filter, engine_terms
from components.indexes.filterable import Filterable
from components.indexes.manifest import Entry
from components.indexes.payload import VECTORS, WHOLE, check, entry_id, of_entry
from components.indexes.points import DENSE, Point, points_of
from components.values import Chunk, Matrix, Metadata, SparseVector, States, Whole

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

    def __init__(self, folder: Path, width: int, *, whole: bool) -> None:
        self._held = ExitStack()
        self._points = 0
        """Written since the last part was sealed."""
        super().__init__(self._opened(folder), folder, width, whole=whole)
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
        whole: Whole | None = None,
    ) -> None:
        """See `Writer`."""
        check_vectors(chunks, dense, sparse, self._width)
        check_whole(chunks, whole, self._width)
        held = checked_states(chunks, states)
        points = points_of(chunks, dense, sparse, held, whole if self._whole else None)
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

        chosen = engine_filter({KIND: VECTORS, "document_id": [document_id]})
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
        """Drop what a killed run left behind: chunks that no entry names, and entries whose chunks,
        or the vectors of the whole, are not all there (their documents are then done again).
        """
        entries = self.entries()
        chunks: Counter[tuple[str, str]] = Counter()
        wholes: Counter[tuple[str, str]] = Counter()
        for record in self.scroll({KIND: VECTORS}, ["kind", "document_id", "version", WHOLE]):
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
                or (self._whole and wholes[key] != (entry.chunks > 0))
            ]
        )

    def _drop(self, document_id: str, version: str, *, others: bool = False) -> None:
        """Delete a document's vectors of one version, or of all others."""
        from qdrant_edge import FieldCondition, Filter, MatchAny, MatchValue, UpdateOperation

        def matches(name: str, value: str) -> Any:
            return FieldCondition(name, match=MatchValue(value))

        kinds = FieldCondition("kind", match=MatchAny(list(VECTORS)))
        own: list[Any] = [kinds, matches("document_id", document_id)]
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

    vectors: dict[str, Any] = {name: engine_terms(own) for name, own in point.terms.items()}
    vectors[DENSE] = point.dense
    return EnginePoint(point.id, vectors, dict(point.payload))
