"""No sparse vectors: the index holds the dense ones alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.values import NO_TERMS, SparseVector


@dataclass(frozen=True, kw_only=True)
class NoSparse:
    """Gives every text an empty vector, which no index stores."""

    @property
    def facts(self) -> Mapping[str, object]:
        return {}

    def length(self, text: str) -> int:
        """Always 0."""
        return 0

    def encode_documents(self, texts: Sequence[str], average_length: float) -> list[SparseVector]:
        """See `SparseEncoder`."""
        return [NO_TERMS for _ in texts]

    def encode_queries(self, texts: Sequence[str]) -> list[SparseVector]:
        """See `SparseEncoder`."""
        return [NO_TERMS for _ in texts]
