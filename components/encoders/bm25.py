"""BM25 as sparse vectors: the document's half of the formula; the index applies the other, IDF.

Term ids and weights are those of Qdrant's own text search, embedded or served, so that both stores
hold equal vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import ClassVar

from components.encoders.analyzer import LANGUAGES, counts, weights
from components.options import Share, Weight, option
from components.values import SparseVector


@dataclass(frozen=True, kw_only=True)
class Bm25:
    """Stemmed words without stop words, weighted by frequency and length.

    Words are compared in one form, however they are typed. Scripts without blanks between words
    are counted by pairs of characters.
    """

    revision: ClassVar[int] = 2

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
        return int(counts(text, self.language).values.sum(dtype=float))

    def encode_documents(self, texts: Sequence[str], average_length: float) -> list[SparseVector]:
        """See `SparseEncoder`."""
        average = max(average_length, 1.0)
        return [weights(text, self.language, k=self.k, b=self.b, average=average) for text in texts]

    def encode_queries(self, texts: Sequence[str]) -> list[SparseVector]:
        """See `SparseEncoder`. A term weighs as often as it stands in the text."""
        return [counts(text, self.language) for text in texts]
