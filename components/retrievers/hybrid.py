"""Dense and sparse hits fused by rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from components.options import Count, FieldName, Weight, option, part
from components.retrievers.narrowed import MATCH, narrowed
from components.stages import Encoder, Reader, SparseEncoder
from components.values import Filter, Hit, Query, Ranked


@dataclass(frozen=True, kw_only=True)
class Hybrid:
    """Reciprocal rank fusion: a hit scores weight / (k + rank) in each list, ranks from 1.

    Fused here and not in the engine, whose order among equal scores changes from call to call.
    """

    needs_sparse: ClassVar[bool] = True

    depth: Count = option(100, help="hits taken from each list")
    k: Weight = option(60.0, help="how little the first ranks stand out")
    dense_weight: Weight = option(1.0, help="weight of the dense list")
    sparse_weight: Weight = option(1.0, help="weight of the sparse list")
    match: tuple[FieldName, ...] = option((), help=MATCH)

    encoder: Encoder = part()
    sparse: SparseEncoder = part()
    reader: Reader = part()

    def retrieve(self, queries: Sequence[Query], k: int) -> Ranked:
        """See `Retriever`."""
        depth = max(self.depth, k)
        texts = [query.text for query in queries]
        dense = self.encoder.encode_queries(texts)
        sparse = self.sparse.encode_queries(texts)

        def find(at: Sequence[int], filters: Sequence[Filter]) -> list[list[Hit]]:
            near = self.reader.nearest(dense[list(at)], depth, filters)
            alike = self.reader.nearest_sparse([sparse[each] for each in at], depth, filters)
            return [self._fused(lists)[:k] for lists in zip(near, alike, strict=True)]

        return Ranked(narrowed(queries, k, self.match, self.reader, find), dense)

    def _fused(self, lists: Sequence[Sequence[Hit]]) -> list[Hit]:
        return fuse(lists, (self.dense_weight, self.sparse_weight), self.k)


def fuse(lists: Sequence[Sequence[Hit]], weights: Sequence[float], k: float) -> list[Hit]:
    """One list, best first, equal scores in order of chunk id (Cormack et al., SIGIR 2009)."""
    scores: dict[str, float] = {}
    hits: dict[str, Hit] = {}
    for ranked, weight in zip(lists, weights, strict=True):
        if not weight:
            continue
        for rank, hit in enumerate(ranked, start=1):
            hits.setdefault(hit.chunk.id, hit)
            scores[hit.chunk.id] = scores.get(hit.chunk.id, 0.0) + weight / (k + rank)
    order = sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))
    return [replace(hits[chunk_id], score=scores[chunk_id]) for chunk_id in order]
