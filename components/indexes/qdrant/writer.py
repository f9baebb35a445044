"""Writes to a draft on a server. Nothing that an older generation sees is changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from components.errors import Refused
from components.indexes.filterable import Filterable
from components.indexes.manifest import Entry, Generation
from components.indexes.payload import (
    CHUNK,
    VECTORS,
    WHOLE,
    check,
    named,
    of_entry,
    size,
)
from components.indexes.points import checked_points
from components.indexes.qdrant import answers
from components.indexes.qdrant.collection import index_chunks
from components.indexes.qdrant.conditions import (
    ADDED,
    REMOVED,
    View,
    added_in,
    listed,
    marked,
    of_chunks,
    of_points,
    standing,
    visible,
)
from components.indexes.qdrant.halving import REFUSED, halved, may_be_too_large
from components.indexes.qdrant.limits import parts
from components.indexes.qdrant.points import CollectionPoints, entry_id
from components.indexes.qdrant.uploads import Upload, Uploads, chunk_point
from components.indexes.reader import StoredReader
from components.values import Chunk, Matrix, Metadata, SparseVector, States, Whole

if TYPE_CHECKING:
    from qdrant_client import QdrantClient, models


class QdrantWriter(StoredReader[CollectionPoints]):
    """An opened draft, see `Writer`."""

    def __init__(self, points: CollectionPoints, draft: Generation) -> None:
        super().__init__(points, draft, "")
        points.prepare = self.flush  # what was put and described is there to be read
        self._number = points.number
        self._alone = not draft.base
        """Whether the draft began from no other generation."""
        self._uploads = Uploads(self._store)
        self._put: set[str] = set()
        """Documents of which chunks were put that may not be stored yet."""

    def index_fields(self, filterable: Filterable) -> None:
        """Index the fields that are not."""
        index_chunks(self.points.server, self.points.place, self.points.limits, filterable)

    def flush(self) -> None:
        """Returns when all that was put is stored."""
        self._uploads.wait()
        self._put.clear()

    def close(self) -> None:
        """Give up what was put and not committed."""
        self._uploads.close()

    def put(
        self,
        chunks: Sequence[Chunk],
        dense: Matrix,
        sparse: Sequence[SparseVector],
        states: Sequence[States] = (),
        whole: Whole | None = None,
    ) -> None:
        """See `Writer`."""
        made = checked_points(self.generation, chunks, dense, sparse, states, whole)
        points = list(map(Upload.made_of, made))
        self._put.update(chunk.document_id for chunk in chunks)
        self._uploads.add(points, self.points.limits.points)

    def commit(self, entries: Sequence[Entry], replaced: Sequence[str] = ()) -> None:
        """See `Writer`."""
        from qdrant_client.models import PointStruct

        self.flush()
        changed = set(replaced)
        for part in parts(entries, self.points.limits.points):
            points = {
                entry.document_id: PointStruct(
                    id=entry_id(entry.document_id, self._number),
                    vector={},
                    payload={**of_entry(entry), ADDED: self._number},
                )
                for entry in part
            }
            for _ in halved(list(points.values()), self._upsert):
                pass
            for some in parts(
                [(name, str(own.id)) for name, own in points.items()], self.points.limits.values
            ):
                self._replace_entries(dict(some))
        kept = [(e.document_id, e.content_hash) for e in entries if e.document_id in changed]
        self._drop(kept, others=True)

    def describe(self, document_id: str, title: str, metadata: Metadata) -> None:
        """See `Writer`. What older generations brought is copied: they keep what they see."""
        described = {"title": title, "metadata": dict(metadata)}
        check(described, document_id)
        if document_id in self._put:
            self.flush()
        held = list(self.points.vector_points([document_id]))
        older = [point for point in held if _number(point) < self._number]
        if len(older) < len(held):
            own = added_in(self._number, kind=VECTORS, document_id=[document_id])
            self._set(described, own)
        self._uploads.add([_copy(point, described) for point in older], self.points.limits.points)

    def forget(self, document_ids: Sequence[str]) -> None:
        """See `Writer`."""
        self.flush()
        for part in parts(document_ids, self.points.limits.values):
            self._take_away(standing(self.points.view, document_id=part))

    def copy(self, base: CollectionPoints) -> None:
        """Take over what another collection holds of documents that have no entry here, some
        documents after the others: whenever it is killed, the next one goes on.
        """
        here = self.entries()
        missing = [each for each in base.entries() if each.document_id not in here]
        for part in parts(missing, base.limits.values):
            for point in base.vector_points([each.document_id for each in part]):
                self._uploads.add([_copy(point, {})], self.points.limits.points)
            self.commit(part)

    def recover(self, behind: Sequence[int]) -> None:
        """Go on with what a killed run did whole: entries that it wrote under the numbers `behind`,
        which were given up, with all of their chunks and the vectors of the whole, and what it took
        away. Other documents of its count as missing. No other is looked at.

        What is late of that run, or was asked here twice, changes nothing that is written later.
        """
        for part in parts(sorted(self._touched(behind)), self.points.limits.values):
            whole = self._go_on(behind, part)
            missing = [each for each in part if each not in whole]
            if missing and not self._alone:
                older = standing(self.points.view, older=True, document_id=missing)
                self._take_away(older)

    def _touched(self, numbers: Sequence[int]) -> set[str]:
        """Documents of which an entry was brought, or taken away, under these numbers."""
        chosen = (marked(field, numbers, kind=["document"]) for field in (ADDED, REMOVED))
        found = chain.from_iterable(self.points.read(each, ["document_id"]) for each in chosen)
        return {(point.payload or {})["document_id"] for point in found}

    def _go_on(self, behind: Sequence[int], documents: Sequence[str]) -> Collection[str]:
        """Give documents that have all of their vectors this draft's number, the entries last."""
        before = self.points.view_of(behind[-1], behind)
        entries = self.points.held_entries(before, {"document_id": documents})
        held = {name: each for name, each in entries.items() if each.number in behind}
        found = self._vector_points(before, documents)
        whole = {
            name: found[name, each.entry.content_hash]
            for name, each in held.items()
            if self._are_all(found[name, each.entry.content_hash].values(), each.entry)
        }
        points = {
            chunk: str(point.id)
            for own in whole.values()
            for chunk, point in own.items()
            if _number(point) in behind
        }
        recorded = {name: held[name].point for name in whole}
        self._mark(list(points.values()), behind)
        if not self._alone:
            for some in parts(list(points.items()), self.points.limits.values):
                self._supersede(dict(some))
            kept = [(name, held[name].entry.content_hash) for name in whole]
            self._drop(kept, others=True, older=True)
            self._replace_entries(recorded)
        self._mark(list(recorded.values()), behind)
        return whole

    def _are_all(self, points: Collection[models.Record], entry: Entry) -> bool:
        """Whether these are a document's vectors, all of them."""
        payloads = [point.payload or {} for point in points]
        chunks = sum(each["kind"] != WHOLE for each in payloads)
        wholes = sum(WHOLE in each for each in payloads)
        return chunks == entry.chunks and (not self.generation.whole or wholes == (chunks > 0))

    def _vector_points(
        self, view: View, documents: Sequence[str]
    ) -> Mapping[tuple[str, str], dict[str, models.Record]]:
        """The points of documents' versions, by chunk: of two of one chunk, the newer."""
        found: dict[tuple[str, str], dict[str, models.Record]] = defaultdict(dict)
        chosen = visible(view, {"document_id": documents}, kind=VECTORS)
        fields = ["kind", "document_id", "version", CHUNK, WHOLE, ADDED]
        for point in self.points.read(chosen, fields):
            payload, chunk = point.payload or {}, named(point)
            own = found[payload["document_id"], payload["version"]]
            if chunk not in own or _newness(point, view) > _newness(own[chunk], view):
                own[chunk] = point
        return found

    def _mark(self, points: Sequence[str], behind: Sequence[int]) -> None:
        """Give points of other numbers this draft's."""
        for part in parts(points, min(self.points.limits.values, self.points.limits.points)):
            self._set({ADDED: self._number}, of_points(part, behind))

    def _store(self, batch: Sequence[Upload]) -> None:
        """Points in the place of what there was of the same chunks."""
        self._send(batch)
        for part in parts(batch, self.points.limits.values):
            self._supersede({each.id: chunk_point(each.id, self._number) for each in part})

    def _send(self, batch: Sequence[Upload]) -> None:
        """Upsert points of chunks. Where they are too large, those that follow are sent smaller."""
        for _ in halved(batch, self._sent):
            pass

    def _sent(self, batch: Sequence[Upload]) -> None:
        try:
            self._upsert([point.of(self._number) for point in batch])
        except Refused as error:
            size = sum(map(len, batch))
            if may_be_too_large(error):
                self._uploads.too_large(size)
                if len(batch) == 1:
                    raise _alone(batch[0], size, error) from error
            raise

    def _supersede(self, points: Mapping[str, str]) -> None:
        """Take away all points of these chunks but those that are named."""
        if self._alone and not self.points.given_up:
            return
        chosen = standing(self.points.view, of_chunks(list(points)), kind=VECTORS)
        self._take_others(list(points.values()), chosen)

    def _replace_entries(self, points: Mapping[str, str]) -> None:
        """As `_supersede`, of documents' entries."""
        if self._alone and not self.points.given_up:
            return
        chosen = standing(self.points.view, kind=["document"], document_id=list(points))
        self._take_others(list(points.values()), chosen)

    def _take_others(self, points: Sequence[str], chosen: models.Filter) -> None:
        """Take away what is chosen but for some points."""
        from qdrant_client.models import HasIdCondition

        chosen.must_not = [*listed(chosen.must_not), HasIdCondition(has_id=list(points))]
        self._take_away(chosen)

    def _drop(
        self, versions: Sequence[tuple[str, str]], *, others: bool = False, older: bool = False
    ) -> None:
        """Take away vectors of these documents: of the version named, or of all `others`; or the
        `older` of them, which the draft has not brought.
        """
        from qdrant_client.models import Filter

        for part in parts(versions, self.points.limits.versions):
            any_of = Filter(should=[_of_version(*each, others=others) for each in part])
            documents = sorted({document_id for document_id, _ in part})
            view = self.points.view
            self._take_away(
                standing(view, any_of, older=older, kind=VECTORS, document_id=documents)
            )

    def _take_away(self, chosen: models.Filter) -> None:
        self._set({REMOVED: self._number}, chosen)

    def _upsert(self, points: Sequence[models.PointStruct]) -> None:
        if not points:
            return
        self._change(
            "the index refused a write",
            # What others brought, or have gone on with since, is not overwritten.
            lambda client: client.upsert(
                self.points.place, points, wait=True, update_filter=added_in(self._number)
            ),
        )

    def _set(self, payload: Mapping[str, Any], chosen: models.Filter) -> None:
        self._change(
            "the index refused a change",
            lambda client: client.set_payload(
                self.points.place, dict(payload), points=chosen, wait=True
            ),
        )

    def _change(self, doing: str, request: Callable[[QdrantClient], object]) -> None:
        self.points.server.ask(doing, self._uploads.until_stopped(request))


def _copy(point: Any, changed: Mapping[str, Any]) -> Upload:
    """A stored point as one to store, with other fields."""
    payload = {name: value for name, value in point.payload.items() if name not in (ADDED, REMOVED)}
    payload |= changed
    return Upload(named(point), payload, point.vector, size(payload))


def _alone(point: Upload, size: int, error: Refused) -> Refused:
    document = point.payload["document_id"]
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


def _newness(point: Any, view: View) -> tuple[int, bool]:
    """As an entry's."""
    return _number(point), point.id == chunk_point(named(point), view.number)


def _number(point: Any) -> int:
    return int(point.payload[ADDED])
