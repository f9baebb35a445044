"""Questions to one generation on a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from components.errors import Missing
from components.indexes.distinct import FIRST, distinct, payload_field
from components.indexes.hits import TIES, best, more
from components.indexes.manifest import Entry
from components.indexes.payload import (
    CHUNK,
    STATES,
    named,
    possible_ids,
    states_of,
    to_chunk,
    to_entry,
)
from components.indexes.qdrant.conditions import ADDED, REMOVED, of_chunks, visible
from components.indexes.qdrant.server import Server
from components.indexes.quantization import Search
from components.values import Chunk, Filter, Hit, Matrix, Scalar, SparseVector, States

if TYPE_CHECKING:
    from qdrant_client import models

DENSE = "dense"
SPARSE = "sparse"
_PAGE = 1000
_STATES_PAGE = 100
"""Of chunks with the states of their tokens: a long chunk's take hundreds of kilobytes."""
_Asked = tuple[Any, str, Filter]
"""A vector, the name of the vectors it is compared with, and what a hit must satisfy."""
_BATCH = 64
"""Queries in a request."""


class QdrantReader:
    """An opened generation, see `GenerationReader`."""

    def __init__(
        self,
        server: Server,
        collection: str,
        number: int,
        width: int,
        search: Search | None,
        edition: str,
    ) -> None:
        self.edition = edition
        self._server = server
        self._collection = collection
        self._number = number
        self._width = width
        self._search = search

    def nearest(self, vectors: Matrix, k: int, filters: Sequence[Filter]) -> list[list[Hit]]:
        """See `Reader`."""
        pairs = zip(vectors, filters, strict=True)
        return self._query([(row.tolist(), DENSE, wanted) for row, wanted in pairs], k)

    def nearest_sparse(
        self, vectors: Sequence[SparseVector], k: int, filters: Sequence[Filter]
    ) -> list[list[Hit]]:
        """See `Reader`."""
        from qdrant_client.models import SparseVector as Terms

        asked = [
            (Terms(indices=vector.indices.tolist(), values=vector.values.tolist()), SPARSE, wanted)
            for vector, wanted in zip(vectors, filters, strict=True)
            if len(vector.indices)
        ]
        answers = iter(self._query(asked, k))
        return [next(answers) if len(vector.indices) else [] for vector in vectors]

    def vectors(self, chunk_ids: Sequence[str]) -> Matrix:
        """See `Reader`."""
        held: dict[str, Any] = {}
        for point in self._of_chunks(chunk_ids, _PAGE, [CHUNK], [DENSE]):
            rows_of: Any = point.vector
            held[named(point)] = rows_of[DENSE]
        missing = [each for each in chunk_ids if each not in held]
        if missing:
            raise Missing(f"{len(missing)} chunks have no vector, {missing[0]} is one").at(
                where=self._collection
            )
        rows = [held[each] for each in chunk_ids]
        return np.asarray(rows, dtype=np.float32).reshape(len(rows), self._width)

    def states(self, chunk_ids: Sequence[str]) -> list[States]:
        """See `Reader`."""
        points = self._of_chunks(chunk_ids, _STATES_PAGE, [CHUNK, STATES])
        held = ((named(point), point.payload or {}) for point in points)
        return states_of(chunk_ids, held, self._collection)

    def neighbours(self, document_id: str, ordinals: Sequence[int]) -> list[Chunk]:
        """See `Reader`."""
        wanted: Filter = {"document_id": [document_id], "ordinal": list(ordinals)}
        return self._chunks(wanted)

    def values(self, field: str, limit: int) -> list[Scalar]:
        """See `Vocabulary`."""
        chosen = visible(self._number, FIRST, kind=["chunk"])
        first = self._scroll(chosen, [payload_field(field)])
        return distinct((point.payload or {} for point in first), field, limit)

    def chunks(self, document_id: str) -> list[Chunk]:
        """See `GenerationReader`."""
        return self._chunks({"document_id": [document_id]})

    def entries(self) -> dict[str, Entry]:
        """See `GenerationReader`."""
        found: dict[str, tuple[int, Entry]] = {}
        for payload in self.payloads("document"):
            number = payload.pop(ADDED)
            payload.pop(REMOVED, None)
            entry = to_entry(payload)
            # Between a new entry and the removal of the old one both are seen.
            if number >= found.get(entry.document_id, (0, entry))[0]:
                found[entry.document_id] = number, entry
        return {document_id: entry for document_id, (_, entry) in found.items()}

    def count_chunks(self, document_id: str | None = None) -> int:
        """See `GenerationReader`."""
        wanted: Filter = {} if document_id is None else {"document_id": [document_id]}
        chosen = visible(self._number, wanted, kind=["chunk"])
        answer = self._server.ask(
            "chunks could not be counted",
            lambda client: client.count(self._collection, count_filter=chosen, exact=True),
        )
        return answer.count

    def payloads(self, kind: str, fields: Any = None) -> Iterator[dict[str, Any]]:
        """Payloads of all points of a kind, in order of id."""
        for point in self._scroll(visible(self._number, kind=[kind]), fields):
            yield dict(point.payload or {})

    def _chunks(self, wanted: Filter) -> list[Chunk]:
        points = self._scroll(visible(self._number, wanted, kind=["chunk"]))
        found = [to_chunk(named(point), point.payload or {}) for point in points]
        return sorted(found, key=lambda chunk: chunk.ordinal)

    def _scroll(
        self, chosen: models.Filter, fields: Any = None, vectors: Any = False, page: int = _PAGE
    ) -> Iterator[models.Record]:
        """Points with some fields of their payloads, or with all but the states of tokens."""
        fields = fields or _but_states()
        offset: Any = None
        while True:
            points, offset = self._server.ask(
                "the index could not be read",
                lambda client, offset=offset: client.scroll(  # type: ignore[misc]
                    self._collection,
                    chosen,
                    limit=page,
                    offset=offset,
                    with_payload=fields,
                    with_vectors=vectors,
                ),
            )
            yield from points
            if offset is None:
                return

    def _of_chunks(
        self, ids: Sequence[str], page: int, fields: Any, vectors: Any = False
    ) -> Iterator[models.Record]:
        """The generation's points of some chunks, in no order."""
        asked = possible_ids(ids)
        for start in range(0, len(asked), page):
            chosen = visible(self._number, kind=["chunk"])
            chosen.should = [of_chunks(asked[start : start + page])]
            yield from self._scroll(chosen, fields, vectors, page)

    def _query(self, asked: Sequence[_Asked], k: int) -> list[list[Hit]]:
        found: list[list[Hit]] = []
        for start in range(0, len(asked), _BATCH):
            found += self._batch(asked[start : start + _BATCH], k, k + TIES)
        return found

    def _batch(self, asked: Sequence[_Asked], k: int, limit: int) -> list[list[Hit]]:
        requests = [self._request(*each, limit) for each in asked]
        answers = self._server.ask(
            "the index could not be searched",
            lambda client: client.query_batch_points(self._collection, requests),
        )
        found = []
        for each, answer in zip(asked, answers, strict=True):
            again = more(answer.points, k, limit)
            found += self._batch([each], k, again) if again else [best(answer.points, k)]
        return found

    def _request(self, query: Any, name: str, wanted: Filter, limit: int) -> models.QueryRequest:
        from qdrant_client.models import QueryRequest

        return QueryRequest(
            query=query,
            using=name,
            filter=visible(self._number, wanted),
            params=_params(self._search) if name == DENSE else self._frequencies(),
            limit=limit,
            with_payload=_but_states(),
        )

    def _frequencies(self) -> models.SearchParams:
        """How rare a term is, is counted over what the generation sees, whatever a question's own
        filter is. A server before 1.19 ignores it, and counts every point of a shard.
        """
        from qdrant_client.models import IdfCorpusParams, SearchParams

        seen = visible(self._number, kind=["chunk"])
        return SearchParams(idf=IdfCorpusParams(corpus=seen))


def _but_states() -> models.PayloadSelectorExclude:
    from qdrant_client.models import PayloadSelectorExclude

    return PayloadSelectorExclude(exclude=[STATES])


def _params(search: Search | None) -> models.SearchParams | None:
    from qdrant_client.models import QuantizationSearchParams, SearchParams

    if search is None:
        return None
    if search.exact:
        return SearchParams(exact=True)
    return SearchParams(
        quantization=QuantizationSearchParams(
            rescore=search.rescore, oversampling=search.oversampling
        )
    )
