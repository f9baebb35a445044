"""Nearest vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.options import Count, FieldName, part
from components.retrievers.narrowed import DEPTH, MATCH, narrowed
from components.stages import Encoder, Reader
from components.values import Filter, Hit, Query, Ranked


@dataclass(frozen=True, kw_only=True)
class Dense:
    """Chunks whose vectors are nearest to the question's, by cosine."""

    depth: Count = DEPTH
    match: tuple[FieldName, ...] = MATCH

    encoder: Encoder = part()
    reader: Reader = part()

    def retrieve(self, queries: Sequence[Query], k: int) -> Ranked:
        """See `Retriever`."""
        vectors = self.encoder.encode_queries([query.text for query in queries])

        def find(at: Sequence[int], filters: Sequence[Filter]) -> list[list[Hit]]:
            return self.reader.nearest(vectors[list(at)], k, filters)

        return Ranked(narrowed(queries, k, self.match, self.reader, find), vectors)
