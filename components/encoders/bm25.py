"""BM25 as sparse vectors: the document's half of the formula; the index applies the other, IDF.

Term ids and weights are those of Qdrant's own text search, embedded or served, so that both stores
hold equal vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np

from components.options import Share, Weight, option
from components.values import SparseVector

LANGUAGES = (
    "arabic",
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "greek",
    "hungarian",
    "italian",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "spanish",
    "swedish",
    "turkish",
)
"""Of stemmers."""
_FLAT = 100_000.0
"""A `k` so large that a weight tells how often its term stands in a text."""


@dataclass(frozen=True, kw_only=True)
class Bm25:
    """Stemmed words without stop words, weighted by frequency and length."""

    revision: ClassVar[int] = 1

    k: Weight = option(1.2, help="how soon repeating a term stops to matter")
    b: Share = option(0.75, help="how much long texts are held back")
    language: str = option("english", help="of the stemmer and the stop words")

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ValueError(f"no language {self.language!r}; known: {', '.join(LANGUAGES)}")

    @property
    def facts(self) -> Mapping[str, object]:
        return {"qdrant-edge-py": version("qdrant-edge-py")}

    def length(self, text: str) -> int:
        """Terms in the text, repeats counted, stop words not."""
        return int(self._counted(text).values.sum(dtype=np.float64))

    def encode_documents(self, texts: Sequence[str], average_length: float) -> list[SparseVector]:
        """See `SparseEncoder`."""
        engine = _engine(self.language, k=self.k, b=self.b, avg_len=max(average_length, 1.0))
        return [_vector(engine.embed_document(text)) for text in texts]

    def encode_queries(self, texts: Sequence[str]) -> list[SparseVector]:
        """See `SparseEncoder`. A term weighs as often as it stands in the text."""
        return [self._counted(text) for text in texts]

    def _counted(self, text: str) -> SparseVector:
        """How often each term stands in the text."""
        found = _vector(_counter(self.language).embed_document(text))
        weights = found.values.astype(np.float64)
        # Inverts tf * (k + 1) / (tf + k), which is what remains of the formula without lengths.
        counts = np.rint(weights * _FLAT / (_FLAT + 1 - weights))
        return SparseVector(found.indices, counts.astype(np.float32))


@cache
def _counter(language: str) -> Any:
    """Kept beside the component, because an engine cannot be pickled."""
    return _engine(language, k=_FLAT, b=0.0)


def _engine(language: str, **parameters: Any) -> Any:
    from qdrant_edge import Bm25 as Engine
    from qdrant_edge import Bm25Config

    return Engine(Bm25Config(language=language, **parameters))


def _vector(found: Any) -> SparseVector:
    """Sorted, and one weight per id even where two terms share a hash."""
    indices, at = np.unique(np.asarray(found.indices, dtype=np.int64), return_index=True)
    return SparseVector(indices, np.asarray(found.values, dtype=np.float32)[at])
