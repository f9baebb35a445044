"""Questions to an opened generation, answered alike whatever store holds its points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

import numpy as np

from components.errors import Damaged, Missing
from components.fields import Fields, of_documents
from components.indexes.dialect import Own
from components.indexes.hits import best, documents
from components.indexes.manifest import Entry, Generation
from components.indexes.payload import (
    NAMING,
    STATES,
    VECTORS,
    fields_of,
    named,
    states_of,
    to_chunk,
)
from components.indexes.points import (
    DENSE,
    DOCUMENT_SPARSE,
    SCANNED,
    SPARSE,
    Held,
    held,
    stored_terms,
)
from components.indexes.vocabulary import FIRST, distinct, known_fields, payload_field
from components.values import NO_TERMS, Chunk, Filter, Hit, Matrix, Scalar, SparseVector, States

Given = ParamSpec("Given")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question by one vector."""

    vector: Matrix | SparseVector
    """The former is a row, (width,)."""
    using: str
    """Name of the vectors it is compared with."""
    wanted: Filter
    """What a hit must satisfy."""
    own: Mapping[str, Own]
    """Likewise, of our own fields."""
    documents: bool
    """Whether it is for whole documents."""


class Points(Protocol):
    """The points of one generation, as a store gives them."""

    @property
    def place(self) -> str:
        """Where they are stored: a folder, or a collection."""
        ...

    def answered(self, question: Callable[[], Answer]) -> Answer:
        """The answer to a question that is put to them; it may be put twice."""
        ...

    def scroll(
        self, wanted: Filter, fields: Sequence[str] = (), vectors: Sequence[str] = (), **own: Own
    ) -> Iterator[Any]:
        """All that match, with some fields of their payloads or, where none is named, with all but
        the states of tokens.
        """
        ...

    def of_chunks(
        self, ids: Sequence[str], fields: Sequence[str] = (), vectors: Sequence[str] = ()
    ) -> Iterable[Any]:
        """Those of chunks, in no order, with what `named` reads and some fields."""
        ...

    def count(self, vector: str = "", wanted: Filter | None = None, **own: Own) -> int:
        """How many match and, where a name is given, have a vector of that name."""
        ...

    def query(self, asked: Sequence[Asked], k: int) -> Iterable[Sequence[Any]]:
        """For each question scored points, enough to tell the k best."""
        ...

    def entries(self) -> Iterable[Entry]:
        """The manifest."""
        ...

    def damaged(self, message: str) -> Damaged:
        """The error of points that are not what they should be."""
        ...


PointsT = TypeVar("PointsT", bound=Points)


def _asking(
    ask: Callable[Concatenate[StoredReader[PointsT], Given], Answer],
) -> Callable[Concatenate[StoredReader[PointsT], Given], Answer]:
    @wraps(ask)
    def asked(self: StoredReader[PointsT], /, *given: Given.args, **named: Given.kwargs) -> Answer:
        return self.points.answered(partial(ask, self, *given, **named))

    return asked


class StoredReader(Generic[PointsT]):
    """An opened generation, see `GenerationReader`. `place` is where it is stored, see
    `Generation.edition`.
    """

    def __init__(self, points: PointsT, generation: Generation, place: str) -> None:
        self.points = points
        self.generation = generation
        self.edition = generation.edition(place)

    @_asking
    def nearest(self, vectors: Matrix, k: int, filters: Sequence[Filter]) -> list[list[Hit]]:
        """See `Reader`."""
        return [best(points, k) for points in self._query(vectors, DENSE, k, filters)]

    @_asking
    def nearest_sparse(
        self, vectors: Sequence[SparseVector], k: int, filters: Sequence[Filter]
    ) -> list[list[Hit]]:
        """See `Reader`."""
        return [best(points, k) for points in self._query(vectors, SPARSE, k, filters)]

    @_asking
    def nearest_documents(
        self, vectors: Matrix, k: int, filters: Sequence[Filter]
    ) -> list[list[tuple[str, float]]]:
        """See `Reader`."""
        found = self._query(vectors, DENSE, k, filters, documents=True)
        return [documents(points, k) for points in found]

    @_asking
    def nearest_documents_sparse(
        self, vectors: Sequence[SparseVector], k: int, filters: Sequence[Filter]
    ) -> list[list[tuple[str, float]]]:
        """See `Reader`."""
        found = self._query(vectors, DOCUMENT_SPARSE, k, filters, documents=True)
        return [documents(points, k) for points in found]

    @_asking
    def document_terms(self, document_ids: Sequence[str]) -> list[SparseVector]:
        """See `Reader`."""
        held: dict[str, SparseVector] = {}
        if self.generation.whole:
            wanted: Filter = {"document_id": list(dict.fromkeys(document_ids))}
            for point in self.points.scroll(wanted, ["document_id"], [DOCUMENT_SPARSE], whole=True):
                terms = (point.vector or {}).get(DOCUMENT_SPARSE)
                held[point.payload["document_id"]] = stored_terms(terms)
        return [held.get(each, NO_TERMS) for each in document_ids]

    @_asking
    def vectors(self, chunk_ids: Sequence[str]) -> Matrix:
        """See `Reader`."""
        points = self.points.of_chunks(chunk_ids, vectors=[DENSE])
        held = {named(each): each.vector[DENSE] for each in points if DENSE in (each.vector or {})}
        missing = [each for each in chunk_ids if each not in held]
        if missing:
            raise Missing(f"{len(missing)} chunks have no vector, {missing[0]} is one").at(
                where=self.points.place
            )
        rows = [held[each] for each in chunk_ids]
        return np.asarray(rows, dtype=np.float32).reshape(len(rows), self.generation.width)

    @_asking
    def states(self, chunk_ids: Sequence[str]) -> list[States]:
        """See `Reader`."""
        points = self.points.of_chunks(chunk_ids, [STATES])
        held = ((named(each), each.payload or {}) for each in points)
        return states_of(chunk_ids, held, self.points.place)

    @_asking
    def neighbours(self, document_id: str, ordinals: Sequence[int]) -> list[Chunk]:
        """See `Reader`."""
        return self._chunks({"document_id": [document_id], "ordinal": list(ordinals)})

    @property
    def fields(self) -> Fields:
        """See `Vocabulary`."""
        told = self.generation.totals.fields if self.generation.finished_at else None
        return known_fields(told, self.edition, self.held_fields)

    @_asking
    def held_fields(self) -> dict[str, tuple[str, ...]]:
        """See `GenerationReader`."""
        chunks = self.points.scroll({}, NAMING, kind=["chunk"])
        return fields_of(each.payload or {} for each in chunks)

    @_asking
    def values(self, field: str, limit: int) -> list[Scalar]:
        """See `Vocabulary`."""
        first = self.points.scroll(FIRST, [payload_field(field)], kind=["chunk"])
        return distinct((each.payload or {} for each in first), field, limit)

    @_asking
    def chunks(self, *document_ids: str) -> list[Chunk]:
        """See `GenerationReader`."""
        return self._chunks({"document_id": list(document_ids)})

    @_asking
    def entries(self) -> dict[str, Entry]:
        """See `GenerationReader`."""
        return {entry.document_id: entry for entry in self.points.entries()}

    @_asking
    def count_chunks(self, document_id: str | None = None) -> int:
        """See `GenerationReader`."""
        wanted: Filter = {} if document_id is None else {"document_id": [document_id]}
        return self.points.count(wanted=wanted, kind=["chunk"])

    @_asking
    def scan(self) -> Iterator[Held]:
        """See `GenerationReader`. Sparse vectors are read, too: what is torn shows."""
        names = [DENSE, SPARSE, *([DOCUMENT_SPARSE] if self.generation.whole else [])]
        return map(held, self.points.scroll({}, SCANNED, names, kind=VECTORS))

    @_asking
    def count_sparse(self) -> int:
        """Chunks that have a sparse vector: one without any term has none."""
        return self.points.count(SPARSE, kind=["chunk"])

    def check_chunks(self, expected: int) -> None:
        """Raises Damaged where another number of chunks is stored."""
        if (stored := self.count_chunks()) != expected:
            raise self.points.damaged(f"{stored} chunks are stored where {expected} are recorded")

    @_asking
    def check_whole(self, expected: int) -> None:
        """Raises Damaged where another number of whole documents has vectors, if any should."""
        if self.generation.whole and (stored := self.points.count(whole=True)) != expected:
            raise self.points.damaged(
                f"{stored} whole documents have vectors where {expected} are recorded"
            )

    def _chunks(self, wanted: Filter) -> list[Chunk]:
        points = self.points.scroll(wanted, kind=["chunk"])
        found = [to_chunk(named(each), each.payload or {}) for each in points]
        return sorted(found, key=lambda chunk: chunk.ordinal)

    def _query(
        self,
        vectors: Matrix | Sequence[SparseVector],
        using: str,
        k: int,
        filters: Sequence[Filter],
        *,
        documents: bool = False,
    ) -> list[Sequence[Any]]:
        """For each vector points enough to tell the k best; none for one without any term."""
        if documents and not self.generation.whole:
            return [[] for _ in vectors]
        own: Mapping[str, Own] = {}
        if documents:
            own = {"whole": True}
        elif using == DENSE and self.generation.whole:  # they share the name of dense vectors
            own = {"kind": ["chunk"]}
        asked = [
            Asked(vector, using, of_documents(each) if documents else each, own, documents)
            for vector, each in zip(vectors, filters, strict=True)
            if _says(vector)
        ]
        found = iter(self.points.query(asked, k))
        return [next(found) if _says(vector) else [] for vector in vectors]


def _says(vector: Matrix | SparseVector) -> bool:
    return not isinstance(vector, SparseVector) or len(vector.indices) > 0
