"""Nearest vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.options import Count, option, part
from components.stages import Encoder, Reader
from components.values import Query, Ranked


@dataclass(frozen=True, kw_only=True)
class Dense:
    """Chunks whose vectors are nearest to the question's, by cosine."""

    depth: Count = option(100, help="hits handed to a reranker")

    encoder: Encoder = part()
    reader: Reader = part()

    def retrieve(self, queries: Sequence[Query], k: int) -> Ranked:
        """See `Retriever`."""
        vectors = self.encoder.encode_queries([query.text for query in queries])
        filters = [query.filter for query in queries]
        return Ranked(self.reader.nearest(vectors, k, filters), vectors)
