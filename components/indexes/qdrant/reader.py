"""Questions to one generation on a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from itertools import chain
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar
from uuid import uuid5

import numpy as np

from components.errors import BadOption, Missing, Refused
from components.fields import Fields, of_documents
from components.indexes.distinct import FIRST, distinct, payload_field
from components.indexes.hits import TIES, best, documents, more
from components.indexes.known_fields import known_fields
from components.indexes.manifest import Entry
from components.indexes.payload import (
    CHUNK,
    NAMESPACE,
    NAMING,
    STATES,
    fields_of,
    named,
    possible_ids,
    states_of,
    to_chunk,
    to_entry,
)
from components.indexes.points import DENSE, DOCUMENT_SPARSE, SPARSE, stored_terms
from components.indexes.qdrant.conditions import (
    ADDED,
    REMOVED,
    View,
    listed,
    of_chunks,
    visible,
)
from components.indexes.qdrant.halving import halved
from components.indexes.qdrant.limits import Limits, limits_of, parts
from components.indexes.qdrant.scroll import count, scroll
from components.indexes.qdrant.server import Server
from components.indexes.quantization import Search
from components.values import NO_TERMS, Chunk, Filter, Hit, Matrix, Scalar, SparseVector, States

if TYPE_CHECKING:
    from qdrant_client import models

P = ParamSpec("P")
Answer = TypeVar("Answer")
_LARGE_PAGE = 100
"""Of chunks with the states of their tokens, or of documents with their terms: those of a long one
take hundreds of kilobytes.
"""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question."""

    vector: Any
    using: str
    """Name of the vectors it is compared with."""
    wanted: Filter
    """What a hit must satisfy."""
    documents: bool = False
    """Whether it is for whole documents."""


@dataclass(frozen=True)
class Held:
    """An entry as it is stored."""

    entry: Entry
    number: int
    """Of the generation that it is of."""
    point: str

    def newness(self, view: View) -> tuple[int, bool]:
        """Of one document's the highest counts: one that was gone on with is older than one that
        was written under the same number.
        """
        return self.number, self.point == entry_id(self.entry.document_id, view.number)


def entry_id(document_id: str, number: int) -> str:
    """One point for each number that an entry was written under: readers of older generations see
    the older.
    """
    return str(uuid5(NAMESPACE, f"document\0{document_id}\0{number}"))


def _fitting(
    ask: Callable[Concatenate[QdrantReader, P], Answer],
) -> Callable[Concatenate[QdrantReader, P], Answer]:
    """Asked again where the server has come to allow something else since it was looked at."""

    @wraps(ask)
    def fitted(self: QdrantReader, /, *given: P.args, **named: P.kwargs) -> Answer:
        self._prepare()
        known = self._limits
        try:
            return ask(self, *given, **named)
        except (BadOption, Refused):
            self._limits = limits_of(self._server, self._collection)
            if self._limits == known:
                raise
            return ask(self, *given, **named)

    return fitted


class QdrantReader:
    """An opened generation, see `GenerationReader`."""

    def __init__(
        self,
        server: Server,
        collection: str,
        number: int,
        given_up: Sequence[int],
        width: int,
        search: Search | None,
        edition: str,
        told: Mapping[str, int] | None,
        whole: bool,
    ) -> None:
        self.edition = edition
        self._told = told
        self._server = server
        self._collection = collection
        self._number = number
        self._given_up = given_up
        self._width = width
        self._search = search
        self._whole = whole
        """Whether vectors of whole documents are kept."""

    @cached_property
    def _limits(self) -> Limits:
        return limits_of(self._server, self._collection)

    @property
    def _view(self) -> View:
        return self._view_of(self._number)

    def _view_of(self, number: int, but: Sequence[int] = ()) -> View:
        """What is seen under a number; what bears one of `but` is, although it was given up."""
        given_up = [each for each in self._given_up if each < number and each not in but]
        return View(number, list(parts(given_up, self._limits.values)))

    @_fitting
    def nearest(self, vectors: Matrix, k: int, filters: Sequence[Filter]) -> list[list[Hit]]:
        """See `Reader`."""
        pairs = zip(vectors, filters, strict=True)
        found = self._query([_Asked(row.tolist(), DENSE, wanted) for row, wanted in pairs], k)
        return [best(points, k) for points in found]

    @_fitting
    def nearest_sparse(
        self, vectors: Sequence[SparseVector], k: int, filters: Sequence[Filter]
    ) -> list[list[Hit]]:
        """See `Reader`."""
        asked = [
            _Asked(terms_of(vector), SPARSE, wanted)
            for vector, wanted in zip(vectors, filters, strict=True)
            if len(vector.indices)
        ]
        found = iter(self._query(asked, k))
        return [best(next(found), k) if len(vector.indices) else [] for vector in vectors]

    @_fitting
    def nearest_documents(
        self, vectors: Matrix, k: int, filters: Sequence[Filter]
    ) -> list[list[tuple[str, float]]]:
        """See `Reader`."""
        if not self._whole:
            return [[] for _ in vectors]
        asked = [
            _Asked(row.tolist(), DENSE, of_documents(wanted), documents=True)
            for row, wanted in zip(vectors, filters, strict=True)
        ]
        return [documents(points, k) for points in self._query(asked, k)]

    @_fitting
    def nearest_documents_sparse(
        self, vectors: Sequence[SparseVector], k: int, filters: Sequence[Filter]
    ) -> list[list[tuple[str, float]]]:
        """See `Reader`."""
        if not self._whole:
            return [[] for _ in vectors]
        asked = [
            _Asked(terms_of(vector), DOCUMENT_SPARSE, of_documents(wanted), documents=True)
            for vector, wanted in zip(vectors, filters, strict=True)
            if len(vector.indices)
        ]
        found = iter(self._query(asked, k))
        return [documents(next(found), k) if len(vector.indices) else [] for vector in vectors]

    @_fitting
    def document_terms(self, document_ids: Sequence[str]) -> list[SparseVector]:
        """See `Reader`."""
        held: dict[str, SparseVector] = {}
        for part in parts(list(dict.fromkeys(document_ids)), self._limits.values):
            chosen = visible(self._view, {"document_id": list(part)}, whole=True)
            for point in self._scroll(chosen, ["document_id"], [DOCUMENT_SPARSE], _LARGE_PAGE):
                vectors: Any = point.vector or {}
                name = (point.payload or {})["document_id"]
                held[name] = stored_terms(vectors.get(DOCUMENT_SPARSE))
        return [held.get(each, NO_TERMS) for each in document_ids]

    @_fitting
    def vectors(self, chunk_ids: Sequence[str]) -> Matrix:
        """See `Reader`."""
        held: dict[str, Any] = {}
        for point in self._of_chunks(chunk_ids, [CHUNK], [DENSE]):
            rows_of: Any = point.vector
            held[named(point)] = rows_of[DENSE]
        missing = [each for each in chunk_ids if each not in held]
        if missing:
            raise Missing(f"{len(missing)} chunks have no vector, {missing[0]} is one").at(
                where=self._collection
            )
        rows = [held[each] for each in chunk_ids]
        return np.asarray(rows, dtype=np.float32).reshape(len(rows), self._width)

    @_fitting
    def states(self, chunk_ids: Sequence[str]) -> list[States]:
        """See `Reader`."""
        points = self._of_chunks(chunk_ids, [CHUNK, STATES], page=_LARGE_PAGE)
        held = ((named(point), point.payload or {}) for point in points)
        return states_of(chunk_ids, held, self._collection)

    @_fitting
    def neighbours(self, document_id: str, ordinals: Sequence[int]) -> list[Chunk]:
        """See `Reader`."""
        found = [
            self._chunks({"document_id": [document_id], "ordinal": list(part)})
            for part in parts(ordinals, self._limits.values)
        ]
        return sorted(chain.from_iterable(found), key=lambda chunk: chunk.ordinal)

    @property
    def fields(self) -> Fields:
        """See `Vocabulary`."""
        return known_fields(self._told, self.edition, self.held_fields)

    @_fitting
    def held_fields(self) -> dict[str, tuple[str, ...]]:
        """See `GenerationReader`."""
        points = self._scroll(visible(self._view, kind=["chunk"]), list(NAMING))
        return fields_of(point.payload or {} for point in points)

    @_fitting
    def values(self, field: str, limit: int) -> list[Scalar]:
        """See `Vocabulary`."""
        chosen = visible(self._view, FIRST, kind=["chunk"])
        first = self._scroll(chosen, [payload_field(field)])
        return distinct((point.payload or {} for point in first), field, limit)

    @_fitting
    def chunks(self, *document_ids: str) -> list[Chunk]:
        """See `GenerationReader`."""
        found = [
            self._chunks({"document_id": list(part)})
            for part in parts(document_ids, self._limits.values)
        ]
        return list(chain.from_iterable(found))

    @_fitting
    def entries(self) -> dict[str, Entry]:
        """See `GenerationReader`."""
        return {name: held.entry for name, held in self._entries(self._view, {}).items()}

    @_fitting
    def count_chunks(self, document_id: str | None = None) -> int:
        """See `GenerationReader`."""
        wanted: Filter = {} if document_id is None else {"document_id": [document_id]}
        chosen = visible(self._view, wanted, kind=["chunk"])
        return count(self._server, self._collection, self._limits, chosen)

    def count_sparse(self) -> int:
        """Chunks that have a sparse vector: one without any term has none."""
        from qdrant_client.models import HasVectorCondition

        chosen = visible(self._view, kind=["chunk"])
        chosen.must = [*listed(chosen.must), HasVectorCondition(has_vector=SPARSE)]
        return count(self._server, self._collection, self._limits, chosen)

    def count_whole(self) -> int:
        """Whole documents that have vectors."""
        chosen = visible(self._view, whole=True)
        return count(self._server, self._collection, self._limits, chosen)

    def _prepare(self) -> None:
        """Called before anything is asked."""

    def _entries(self, view: View, wanted: Filter) -> dict[str, Held]:
        """By document id."""
        found: dict[str, Held] = {}
        for point in self._scroll(visible(view, wanted, kind=["document"])):
            payload = dict(point.payload or {})
            number = payload.pop(ADDED)
            payload.pop(REMOVED, None)
            held = Held(to_entry(payload), number, str(point.id))
            name = held.entry.document_id
            # Between a new entry and the removal of the old one both are seen.
            if name not in found or held.newness(view) > found[name].newness(view):
                found[name] = held
        return found

    def _chunks(self, wanted: Filter) -> list[Chunk]:
        points = self._scroll(visible(self._view, wanted, kind=["chunk"]))
        found = [to_chunk(named(point), point.payload or {}) for point in points]
        return sorted(found, key=lambda chunk: chunk.ordinal)

    def _scroll(
        self, chosen: models.Filter, fields: Any = None, vectors: Any = False, page: int = 0
    ) -> Iterator[models.Record]:
        """Points with some fields of their payloads, or with all but the states of tokens; `page`
        of them in a request, or as many as may be.
        """
        fields = fields or _but_states()
        return scroll(self._server, self._collection, self._limits, chosen, fields, vectors, page)

    def _of_chunks(
        self, ids: Sequence[str], fields: Any, vectors: Any = False, page: int = 0
    ) -> Iterator[models.Record]:
        """The generation's points of some chunks, in no order."""
        for part in parts(possible_ids(ids), min(self._limits.values, page or self._limits.values)):
            chosen = visible(self._view, kind=["chunk"])
            chosen.should = [of_chunks(part)]
            yield from self._scroll(chosen, fields, vectors, page)

    def _query(self, asked: Sequence[_Asked], k: int) -> list[list[models.ScoredPoint]]:
        """For each, points enough to tell the k best."""
        for each in asked:
            self._limits.check(each.wanted)
        fitting = [
            [replace(each, wanted=part) for part in self._limits.fitting(each.wanted)]
            for each in asked
        ]
        found = iter(self._found(list(chain.from_iterable(fitting)), k, k + TIES))
        return [_each_once([next(found) for _ in own]) for own in fitting]

    def _found(self, asked: Sequence[_Asked], k: int, limit: int) -> list[list[models.ScoredPoint]]:
        found: list[list[models.ScoredPoint]] = []
        for each, points in zip(asked, self._points(asked, limit), strict=True):
            if len(points) == self._limits.all_hits < k:
                raise BadOption(f"the server gives no more than {len(points)} hits, not {k}").at(
                    where=self._collection, hint="ask for fewer, or have max_query_limit raised"
                )
            again = more(points, k, limit)
            found += self._found([each], k, again) if again else [points]
        return found

    def _points(self, asked: Sequence[_Asked], limit: int) -> list[list[models.ScoredPoint]]:
        """The points found for each query. Where one request may not have so many, the next one is
        for those that the ones before have not found: of equal points, pages by offset lose some.
        """
        most = min(limit, self._limits.all_hits)
        found: list[list[models.ScoredPoint]] = [[] for _ in asked]
        unfinished = list(range(len(asked)))
        while unfinished:
            requests = [
                self._request(asked[at], min(most - len(found[at]), self._limits.hits), found[at])
                for at in unfinished
            ]
            going = []
            for at, request, points in zip(
                unfinished, requests, self._answers(requests), strict=True
            ):
                found[at] += points
                if len(points) == request.limit and len(found[at]) < most:
                    going.append(at)
            unfinished = going
        return found

    def _answers(
        self, requests: Sequence[models.QueryRequest]
    ) -> Iterator[list[models.ScoredPoint]]:
        for part in parts(requests, self._limits.queries):
            for answers in halved(part, self._answered):
                yield from (each.points for each in answers)

    def _answered(self, requests: Sequence[models.QueryRequest]) -> list[models.QueryResponse]:
        return self._server.ask(
            "the index could not be searched",
            lambda client: client.query_batch_points(self._collection, requests),
        )

    def _request(
        self, asked: _Asked, limit: int, known: Sequence[models.ScoredPoint]
    ) -> models.QueryRequest:
        from qdrant_client.models import HasIdCondition, QueryRequest

        chosen = self._seen(asked)
        ids = [point.id for point in known]
        others = [HasIdCondition(has_id=list(part)) for part in parts(ids, self._limits.values)]
        chosen.must_not = [*listed(chosen.must_not), *others]
        return QueryRequest(
            query=asked.vector,
            using=asked.using,
            filter=chosen,
            params=self._params(asked),
            limit=limit,
            with_payload=["document_id"] if asked.documents else _but_states(),
        )

    def _seen(self, asked: _Asked) -> models.Filter:
        """What it is asked of: whole documents share the dense vectors' name with chunks."""
        if asked.documents:
            return visible(self._view, asked.wanted, whole=True)
        if asked.using == DENSE and self._whole:
            return visible(self._view, asked.wanted, kind=["chunk"])
        return visible(self._view, asked.wanted)

    def _params(self, asked: _Asked) -> models.SearchParams | None:
        """How rare a term is, is counted over what the generation sees, whatever a question's own
        filter is. A server before 1.19 ignores it, and counts every point of a shard.
        """
        from qdrant_client.models import IdfCorpusParams, SearchParams

        if asked.using == DENSE:
            return _params(self._search, self._limits)
        view = self._view
        seen = visible(view, whole=True) if asked.documents else visible(view, kind=["chunk"])
        return SearchParams(idf=IdfCorpusParams(corpus=seen))


def _each_once(found: Sequence[list[models.ScoredPoint]]) -> list[models.ScoredPoint]:
    """What several searches found: a field that holds several values may satisfy two of them."""
    return list({point.id: point for point in chain.from_iterable(found)}.values())


def terms_of(vector: SparseVector) -> models.SparseVector:
    """Weighted terms as a server takes them."""
    from qdrant_client.models import SparseVector as Terms

    return Terms(indices=vector.indices.tolist(), values=vector.values.tolist())


def _but_states() -> models.PayloadSelectorExclude:
    from qdrant_client.models import PayloadSelectorExclude

    return PayloadSelectorExclude(exclude=[STATES])


def _params(search: Search | None, limits: Limits) -> models.SearchParams | None:
    from qdrant_client.models import QuantizationSearchParams, SearchParams

    if search is None:
        return None
    if search.exact and limits.exact:
        return SearchParams(exact=True)
    return SearchParams(
        quantization=QuantizationSearchParams(
            rescore=search.rescore, oversampling=min(search.oversampling, limits.oversampling)
        )
    )
