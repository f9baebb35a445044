"""No reranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from components.values import Hit, Matrix, Query, Ranked


@dataclass(frozen=True, kw_only=True)
class Keep:
    """Keeps the retriever's order."""

    needs_vectors: ClassVar[bool] = False
    depth: ClassVar[int] = 0

    def rerank(
        self, queries: Sequence[Query], ranked: Ranked, vectors: Sequence[Matrix]
    ) -> list[list[Hit]]:
        """See `Reranker`."""
        return ranked.hits
