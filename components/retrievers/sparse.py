"""Shared words."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from components.options import Count, FieldName, part
from components.retrievers.narrowed import DEPTH, MATCH, narrowed
from components.stages import Reader, SparseEncoder
from components.values import Filter, Hit, Query, Ranked

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Sparse:
    """Chunks that share the question's words, rare ones counting more (BM25)."""

    needs_sparse: ClassVar[bool] = True

    depth: Count = DEPTH
    match: tuple[FieldName, ...] = MATCH

    sparse: SparseEncoder = part()
    reader: Reader = part()

    def retrieve(self, queries: Sequence[Query], k: int) -> Ranked:
        """See `Retriever`."""
        vectors = self.sparse.encode_queries([query.text for query in queries])
        for query, vector in zip(queries, vectors, strict=True):
            if not len(vector.indices):
                _log.warning("nothing is found by words: %.80r has none but stop words", query.text)

        def find(at: Sequence[int], filters: Sequence[Filter]) -> list[list[Hit]]:
            return self.reader.nearest_sparse([vectors[each] for each in at], k, filters)

        return Ranked(narrowed(queries, k, self.match, self.reader, find))
