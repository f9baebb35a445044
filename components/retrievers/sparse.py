"""Shared words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from components.options import Count, option, part
from components.stages import Reader, SparseEncoder
from components.values import Query, Ranked


@dataclass(frozen=True, kw_only=True)
class Sparse:
    """Chunks that share the question's words, rare ones counting more (BM25)."""

    needs_sparse: ClassVar[bool] = True

    depth: Count = option(100, help="hits handed to a reranker")

    sparse: SparseEncoder = part()
    reader: Reader = part()

    def retrieve(self, queries: Sequence[Query], k: int) -> Ranked:
        """See `Retriever`."""
        vectors = self.sparse.encode_queries([query.text for query in queries])
        filters = [query.filter for query in queries]
        return Ranked(self.reader.nearest_sparse(vectors, k, filters))
