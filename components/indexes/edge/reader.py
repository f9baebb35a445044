"""Questions to an opened shard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.errors import Missing
from components.fields import Fields, of_documents
from components.indexes.distinct import FIRST, distinct, payload_field
from components.indexes.edge import engine
from components.indexes.edge.engine import faults
from components.indexes.hits import TIES, best, documents, more
from components.indexes.known_fields import known_fields
from components.indexes.manifest import Entry
from components.indexes.payload import (
    NAMING,
    STATES,
    WHOLE,
    by_type,
    field_path,
    fields_of,
    possible_ids,
    states_of,
    to_chunk,
    to_entry,
)
from components.indexes.points import DENSE, DOCUMENT_SPARSE, SPARSE, stored_terms
from components.indexes.quantization import Search
from components.values import NO_TERMS, Chunk, Filter, Hit, Matrix, Scalar, SparseVector, States

_PAGE = 1000
KIND = "\0kind"
"""Our own field in a filter: a name that no user's field can have by accident."""
_WHOLE = "\0whole"
"""Likewise."""
_INTERNAL = {KIND: "kind", _WHOLE: WHOLE}


class EdgeReader:
    """An opened generation, see `GenerationReader`."""

    def __init__(
        self,
        shard: Any,
        folder: Path,
        width: int,
        search: Search | None = None,
        edition: str = "",
        told: Mapping[str, int] | None = None,
        *,
        whole: bool = False,
    ) -> None:
        self.edition = edition
        self._told = told
        self._shard = shard
        self._folder = folder
        self._width = width
        self._search = search
        self._whole = whole
        """Whether vectors of whole documents are kept."""

    def nearest(self, vectors: Matrix, k: int, filters: Sequence[Filter]) -> list[list[Hit]]:
        """See `Reader`."""
        only: Filter = {KIND: ["chunk"]} if self._whole else {}
        return [
            best(self._query(row, DENSE, k, {**each, **only}), k)
            for row, each in zip(vectors, filters, strict=True)
        ]

    def nearest_sparse(
        self, vectors: Sequence[SparseVector], k: int, filters: Sequence[Filter]
    ) -> list[list[Hit]]:
        """See `Reader`."""
        return [
            best(self._query(engine_terms(terms), SPARSE, k, each), k) if len(terms.indices) else []
            for terms, each in zip(vectors, filters, strict=True)
        ]

    def nearest_documents(
        self, vectors: Matrix, k: int, filters: Sequence[Filter]
    ) -> list[list[tuple[str, float]]]:
        """See `Reader`."""
        pairs = zip(vectors, filters, strict=True)
        return [self._documents(row, DENSE, k, each) for row, each in pairs]

    def nearest_documents_sparse(
        self, vectors: Sequence[SparseVector], k: int, filters: Sequence[Filter]
    ) -> list[list[tuple[str, float]]]:
        """See `Reader`."""
        return [
            self._documents(engine_terms(terms), DOCUMENT_SPARSE, k, each)
            if len(terms.indices)
            else []
            for terms, each in zip(vectors, filters, strict=True)
        ]

    def document_terms(self, document_ids: Sequence[str]) -> list[SparseVector]:
        """See `Reader`."""
        if not self._whole:
            return [NO_TERMS for _ in document_ids]
        wanted: Filter = {"document_id": list(dict.fromkeys(document_ids)), _WHOLE: [True]}
        records = self.scroll(wanted, ["document_id"], [DOCUMENT_SPARSE])
        held = {
            each.payload["document_id"]: stored_terms((each.vector or {}).get(DOCUMENT_SPARSE))
            for each in records
        }
        return [held.get(each, NO_TERMS) for each in document_ids]

    def vectors(self, chunk_ids: Sequence[str]) -> Matrix:
        """See `Reader`."""
        with faults("vectors could not be read", self._folder):
            records = self._shard.retrieve(possible_ids(chunk_ids), False, [DENSE])
        vectors = ((str(record.id), record.vector or {}) for record in records)
        held = {id: own[DENSE] for id, own in vectors if DENSE in own}
        missing = [each for each in chunk_ids if each not in held]
        if missing:
            raise Missing(f"{len(missing)} chunks have no vector, {missing[0]} is one").at(
                where=str(self._folder)
            )
        rows = [held[each] for each in chunk_ids]
        return np.asarray(rows, dtype=np.float32).reshape(len(rows), self._width)

    def states(self, chunk_ids: Sequence[str]) -> list[States]:
        """See `Reader`."""
        with faults("states of tokens could not be read", self._folder):
            records = self._shard.retrieve(possible_ids(chunk_ids), [STATES], False)
        held = ((str(record.id), record.payload or {}) for record in records)
        return states_of(chunk_ids, held, str(self._folder))

    def neighbours(self, document_id: str, ordinals: Sequence[int]) -> list[Chunk]:
        """See `Reader`."""
        wanted: Filter = {
            KIND: ["chunk"],
            "document_id": [document_id],
            "ordinal": list(ordinals),
        }
        return sorted(self._chunks(wanted), key=lambda chunk: chunk.ordinal)

    @property
    def fields(self) -> Fields:
        """See `Vocabulary`."""
        return known_fields(self._told, self.edition, self.held_fields)

    def values(self, field: str, limit: int) -> list[Scalar]:
        """See `Vocabulary`."""
        wanted: Filter = {KIND: ["chunk"], **FIRST}
        first = self.scroll(wanted, [payload_field(field)])
        return distinct((record.payload for record in first), field, limit)

    def held_fields(self) -> dict[str, tuple[str, ...]]:
        """See `GenerationReader`."""
        chunks = self.scroll({KIND: ["chunk"]}, list(NAMING))
        return fields_of(record.payload for record in chunks)

    def chunks(self, *document_ids: str) -> list[Chunk]:
        """See `GenerationReader`."""
        wanted: Filter = {KIND: ["chunk"], "document_id": list(document_ids)}
        return sorted(self._chunks(wanted), key=lambda chunk: chunk.ordinal)

    def entries(self) -> dict[str, Entry]:
        """See `GenerationReader`."""
        found = (to_entry(record.payload) for record in self.scroll({KIND: ["document"]}))
        return {entry.document_id: entry for entry in found}

    def count_chunks(self, document_id: str | None = None) -> int:
        """See `GenerationReader`."""
        from qdrant_edge import CountRequest

        wanted: Filter = {KIND: ["chunk"]}
        if document_id is not None:
            wanted = {**wanted, "document_id": [document_id]}
        with faults("chunks could not be counted", self._folder):
            return int(self._shard.count(CountRequest(filter=engine_filter(wanted), exact=True)))

    def count_sparse(self) -> int:
        """Chunks that have a sparse vector: one without any term has none."""
        with faults("chunks could not be counted", self._folder):
            return engine.count(self._shard, ["chunk"], SPARSE)

    def count_whole(self) -> int:
        """Whole documents that have vectors."""
        from qdrant_edge import CountRequest

        chosen = engine_filter({_WHOLE: [True]})
        with faults("documents could not be counted", self._folder):
            return int(self._shard.count(CountRequest(filter=chosen, exact=True)))

    def read_through(self) -> None:
        """Read all that is stored, once. Raises IndexFault where something cannot be read, Damaged
        where it is not there.
        """
        with faults("the index could not be read", self._folder):
            engine.read_through(self._shard, self._folder)

    def scroll(self, wanted: Filter, payload: Any = None, vectors: Any = False) -> Iterator[Any]:
        """Every record that matches, in order of id, with some fields of its payload or with all
        but the states of tokens, and vectors of some names.
        """
        from qdrant_edge import ScrollRequest

        payload = payload or _but_states()

        offset = None
        while True:
            request = ScrollRequest(
                limit=_PAGE,
                offset=offset,
                filter=engine_filter(wanted),
                with_payload=payload,
                with_vector=vectors,
            )
            with faults("the index could not be read", self._folder):
                records, offset = self._shard.scroll(request)
            yield from records
            if offset is None:
                return

    def _chunks(self, wanted: Filter) -> list[Chunk]:
        return [to_chunk(str(record.id), record.payload) for record in self.scroll(wanted)]

    def _documents(self, vector: Any, name: str, k: int, wanted: Filter) -> list[tuple[str, float]]:
        if not self._whole:
            return []
        chosen = {**of_documents(wanted), _WHOLE: [True]}
        return documents(self._query(vector, name, k, chosen, ["document_id"]), k)

    def _query(
        self, vector: Any, name: str, k: int, wanted: Filter, payload: Any = None
    ) -> list[Any]:
        """Points enough to tell the k best."""
        from qdrant_edge import Query, QueryRequest

        limit, points = k + TIES, []
        while limit:
            request = QueryRequest(
                limit=limit,
                query=Query.Nearest(vector, using=name),
                filter=engine_filter(wanted) if wanted else None,
                params=_params(self._search) if name == DENSE else None,
                with_payload=payload or _but_states(),
            )
            with faults("the index could not be searched", self._folder):
                points = self._shard.query(request)
            limit = more(points, k, limit)
        return points


def engine_terms(terms: SparseVector) -> Any:
    """Weighted terms as the engine takes them."""
    from qdrant_edge import SparseVector as EngineSparse

    return EngineSparse(terms.indices.tolist(), terms.values.tolist())


def _but_states() -> Any:
    from qdrant_edge import PayloadSelector

    return PayloadSelector.Exclude([STATES])


def _params(search: Search | None) -> Any:
    from qdrant_edge import QuantizationSearchParams, SearchParams

    if search is None:
        return None
    if search.exact:
        return SearchParams(exact=True)
    return SearchParams(
        quantization=QuantizationSearchParams(
            rescore=search.rescore, oversampling=search.oversampling
        )
    )


def engine_filter(wanted: Filter) -> Any:
    """Every field must hold one of its accepted values."""
    from qdrant_edge import Filter as EngineFilter

    must = [_condition(_path(name), values) for name, values in wanted.items()]
    return EngineFilter(must=must)


def _path(name: str) -> str:
    return _INTERNAL.get(name) or field_path(name)


def _condition(path: str, values: Sequence[Scalar]) -> Any:
    """Numbers and words are matched by type, so a field may hold either."""
    from qdrant_edge import FieldCondition, HasIdCondition, MatchAny, MatchValue, RangeFloat
    from qdrant_edge import Filter as EngineFilter

    words, numbers, flags, exact = by_type(values)
    either: list[Any] = [
        FieldCondition(path, match=MatchAny(each)) for each in (words, numbers) if each
    ]
    # The engine takes Python's True for the number 1, numpy's for true.
    either += [FieldCondition(path, match=MatchValue(np.bool_(flag))) for flag in flags]  # type: ignore[arg-type]
    either += [FieldCondition(path, range=RangeFloat(gte=value, lte=value)) for value in exact]
    if not either:
        return HasIdCondition(set())  # no accepted value, so nothing matches
    return either[0] if len(either) == 1 else EngineFilter(should=either)
