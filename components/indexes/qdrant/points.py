"""The points of one generation on a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid5

from components.errors import BadOption, Damaged, Refused
from components.indexes.dialect import Own
from components.indexes.hits import TIES, more
from components.indexes.manifest import Entry
from components.indexes.payload import (
    CHUNK,
    NAMESPACE,
    STATES,
    VECTORS,
    possible_ids,
    to_entry,
)
from components.indexes.points import DENSE
from components.indexes.qdrant.conditions import (
    ADDED,
    REMOVED,
    View,
    dialect,
    listed,
    of_chunks,
    visible,
)
from components.indexes.qdrant.contents import Contents
from components.indexes.qdrant.control import Record
from components.indexes.qdrant.halving import halved
from components.indexes.qdrant.limits import Limits, parts
from components.indexes.qdrant.server import Server
from components.indexes.quantization import Approximation
from components.indexes.reader import Asked
from components.values import Filter, SparseVector

if TYPE_CHECKING:
    from qdrant_client import models

Answer = TypeVar("Answer")
_LARGE_PAGE = 100
"""Of chunks with the states of their tokens, or of documents with their terms: those of a long one
take hundreds of kilobytes.
"""


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


class CollectionPoints:
    """See `Points`. Seen is what is marked with the record's number, or was before it."""

    def __init__(self, server: Server, record: Record, search: Approximation | None) -> None:
        self.server = server
        self.place = record.collection
        self.number = record.number
        self.given_up = record.given_up
        self._contents = Contents(server, record.collection)
        self._search = search
        self.prepare: Callable[[], None] | None = None
        """Called before a question is put to them."""

    @property
    def limits(self) -> Limits:
        """As they were told last."""
        return self._contents.limits

    @property
    def view(self) -> View:
        """What is seen."""
        return self.view_of(self.number)

    def view_of(self, number: int, but: Sequence[int] = ()) -> View:
        """What is seen under a number; what bears one of `but` is, although it was given up."""
        given_up = [each for each in self.given_up if each < number and each not in but]
        return View(number, list(parts(given_up, self.limits.values)))

    def answered(self, question: Callable[[], Answer]) -> Answer:
        """See `Points`. Put again where the server has come to allow something else since it was
        looked at.
        """
        if self.prepare:
            self.prepare()
        known = self.limits
        try:
            return question()
        except (BadOption, Refused):
            self._contents = Contents(self.server, self.place)
            if self.limits == known:
                raise
            return question()

    def scroll(
        self, wanted: Filter, fields: Sequence[str] = (), vectors: Sequence[str] = (), **own: Own
    ) -> Iterator[models.Record]:
        """See `Points`."""
        shown, page = list(fields) or _but_states(), _LARGE_PAGE if vectors else 0
        for part in self.limits.parted(wanted):
            yield from self.read(visible(self.view, part, **own), shown, list(vectors), page)

    def of_chunks(
        self, ids: Sequence[str], fields: Sequence[str] = (), vectors: Sequence[str] = ()
    ) -> Iterator[models.Record]:
        """See `Points`."""
        page = _LARGE_PAGE if STATES in fields else 0
        for part in parts(possible_ids(ids), min(self.limits.values, page or self.limits.values)):
            chosen = visible(self.view, kind=["chunk"])
            chosen.should = [of_chunks(part)]
            yield from self.read(chosen, [CHUNK, *fields], list(vectors), page)

    def count(self, vector: str = "", wanted: Filter | None = None, **own: Own) -> int:
        """See `Points`."""
        from qdrant_client.models import HasVectorCondition

        chosen = visible(self.view, wanted, **own)
        if vector:
            chosen.must = [*listed(chosen.must), HasVectorCondition(has_vector=vector)]
        return self._contents.count(chosen)

    def entries(self) -> Iterator[Entry]:
        """See `Points`."""
        return (held.entry for held in self.held_entries(self.view, {}).values())

    def damaged(self, message: str) -> Damaged:
        """See `Points`."""
        return Damaged(message).at(where=self.place, hint="run the refresh again")

    def read(
        self, chosen: models.Filter, fields: Any, vectors: Any = False, page: int = 0
    ) -> Iterator[models.Record]:
        """What a filter chooses, `page` points in a request, or as many as may be."""
        return self._contents.scroll(chosen, fields, vectors or False, page)

    def vector_points(self, document_ids: Sequence[str]) -> Iterator[models.Record]:
        """All that is stored of documents' chunks and of the whole of them."""
        chosen = visible(self.view, {"document_id": document_ids}, kind=VECTORS)
        return self.read(chosen, True, True, _LARGE_PAGE)

    def held_entries(self, view: View, wanted: Filter) -> dict[str, Held]:
        """By document id."""
        found: dict[str, Held] = {}
        chosen = visible(view, wanted, kind=["document"])
        for point in self.read(chosen, _but_states()):
            payload = dict(point.payload or {})
            number = payload.pop(ADDED)
            payload.pop(REMOVED, None)
            held = Held(to_entry(payload), number, str(point.id))
            name = held.entry.document_id
            # Between a new entry and the removal of the old one both are seen.
            if name not in found or held.newness(view) > found[name].newness(view):
                found[name] = held
        return found

    def query(self, asked: Sequence[Asked], k: int) -> list[list[models.ScoredPoint]]:
        """See `Points`."""
        for each in asked:
            self.limits.check(each.wanted)
        fitting = [
            [replace(each, wanted=part) for part in self.limits.fitting(each.wanted)]
            for each in asked
        ]
        found = iter(self._found(list(chain.from_iterable(fitting)), k, k + TIES))
        return [_each_once([next(found) for _ in own]) for own in fitting]

    def _found(self, asked: Sequence[Asked], k: int, limit: int) -> list[list[models.ScoredPoint]]:
        found: list[list[models.ScoredPoint]] = []
        for each, points in zip(asked, self._points(asked, limit), strict=True):
            if len(points) == self.limits.all_hits < k:
                raise BadOption(f"the server gives no more than {len(points)} hits, not {k}").at(
                    where=self.place, hint="ask for fewer, or have max_query_limit raised"
                )
            again = more(points, k, limit)
            found += self._found([each], k, again) if again else [points]
        return found

    def _points(self, asked: Sequence[Asked], limit: int) -> list[list[models.ScoredPoint]]:
        """The points found for each query. Where one request may not have so many, the next one is
        for those that the ones before have not found: of equal points, pages by offset lose some.
        """
        most = min(limit, self.limits.all_hits)
        found: list[list[models.ScoredPoint]] = [[] for _ in asked]
        unfinished = list(range(len(asked)))
        while unfinished:
            requests = [
                self._request(asked[at], min(most - len(found[at]), self.limits.hits), found[at])
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
        for part in parts(requests, self.limits.queries):
            for answers in halved(part, self._answered):
                yield from (each.points for each in answers)

    def _answered(self, requests: Sequence[models.QueryRequest]) -> list[models.QueryResponse]:
        return self.server.ask(
            "the index could not be searched",
            lambda client: client.query_batch_points(self.place, requests),
        )

    def _request(
        self, asked: Asked, limit: int, known: Sequence[models.ScoredPoint]
    ) -> models.QueryRequest:
        from qdrant_client.models import HasIdCondition, QueryRequest

        vector: Any = asked.vector
        terms = isinstance(vector, SparseVector)
        chosen = visible(self.view, asked.wanted, **asked.own)
        ids = [point.id for point in known]
        others = [HasIdCondition(has_id=list(part)) for part in parts(ids, self.limits.values)]
        chosen.must_not = [*listed(chosen.must_not), *others]
        return QueryRequest(
            query=dialect().terms(vector) if terms else vector.tolist(),
            using=asked.using,
            filter=chosen,
            params=self._params(asked),
            limit=limit,
            with_payload=["document_id"] if asked.documents else _but_states(),
        )

    def _params(self, asked: Asked) -> models.SearchParams | None:
        """How rare a term is, is counted over what the generation sees, whatever a question's own
        filter is. A server before 1.19 ignores it, and counts every point of a shard.
        """
        from qdrant_client.models import IdfCorpusParams, SearchParams

        if asked.using == DENSE:
            allowed = self._search and self.limits.within(self._search)
            params: models.SearchParams | None = dialect().params(allowed)
            return params
        view = self.view
        seen = visible(view, whole=True) if asked.documents else visible(view, kind=["chunk"])
        return SearchParams(idf=IdfCorpusParams(corpus=seen))


def _each_once(found: Sequence[list[models.ScoredPoint]]) -> list[models.ScoredPoint]:
    """What several searches found: a field that holds several values may satisfy two of them."""
    return list({point.id: point for point in chain.from_iterable(found)}.values())


def _but_states() -> models.PayloadSelectorExclude:
    from qdrant_client.models import PayloadSelectorExclude

    return PayloadSelectorExclude(exclude=[STATES])
