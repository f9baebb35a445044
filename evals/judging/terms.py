"""A text's words by their stems, without stop words."""

from __future__ import annotations

from functools import cache, lru_cache

from components.encoders.bm25 import Bm25


@lru_cache(maxsize=1024)
def terms(text: str) -> frozenset[int]:
    """Ids of the stems."""
    encodable = text.encode(errors="replace").decode()
    return frozenset(map(int, _english().encode_queries([encodable])[0].indices))


@cache
def _english() -> Bm25:
    return Bm25()
