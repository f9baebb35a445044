"""BM25 as sparse vectors: the document's half of the formula; the index applies the other, IDF.

Term ids and weights are those of Qdrant's own text search, embedded or served, so that both stores
hold equal vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import ClassVar

import numpy as np

from components.encoders.analyzer import NONE, counts, weights
from components.encoders.language import LANGUAGES, language_of
from components.options import Share, Weight, option, part
from components.values import SparseVector

AUTO = "auto"
"""Each document's own language."""
_K3 = 8.0
"""How soon repeating a term in a question stops to matter."""


@dataclass(frozen=True, kw_only=True)
class Bm25:
    """Stemmed words without stop words, weighted by frequency and length.

    Words are compared in one form, however they are typed. Scripts without blanks between words
    are counted by pairs of characters.
    """

    revision: ClassVar[int] = 3

    k: Weight = option(1.2, help="how soon repeating a term stops to matter")
    b: Share = option(0.75, help="how much long texts are held back")
    language: str = option(
        "english",
        help="of the stemmer and the stop words; auto: each document's own; none: neither",
    )

    languages: tuple[str, ...] = part(default=())
    """Of the documents that are asked, where the language is each document's own."""

    def __post_init__(self) -> None:
        known = (*LANGUAGES, NONE, AUTO)
        if self.language not in known:
            raise ValueError(f"no language {self.language!r}; known: {', '.join(known)}")

    @property
    def facts(self) -> Mapping[str, object]:
        needed = ("qdrant-edge-py", "py3langid") if self.language == AUTO else ("qdrant-edge-py",)
        return {name: version(name) for name in needed}

    def language_of(self, text: str) -> str:
        """The language that a document is read in; empty where all are read in one."""
        return language_of(text) if self.language == AUTO else ""

    def reading(self, language: str) -> Bm25:
        """For documents in one language."""
        return replace(self, language=language)

    def length(self, text: str) -> int:
        """Terms in the text, repeats counted, stop words not."""
        return int(counts(text, self._read(text)).values.sum(dtype=float))

    def encode_documents(self, texts: Sequence[str], average_length: float) -> list[SparseVector]:
        """See `SparseEncoder`."""
        average = max(average_length, 1.0)
        return [weights(t, self._read(t), k=self.k, b=self.b, average=average) for t in texts]

    def encode_queries(self, texts: Sequence[str]) -> list[SparseVector]:
        """See `SparseEncoder`. A term that stands n times in the text weighs (k3 + 1) n / (k3 + n),
        as in Okapi (Robertson et al. 1995): 1, 1.8, 2.45, … Where documents are read in several
        languages, so is a question, without the stop words of any.
        """
        return [self._asked(text) for text in texts]

    def _asked(self, text: str) -> SparseVector:
        read = (self.language == AUTO and self.languages) or (self._read(text),)
        found = _most([counts(text, each, read) for each in read])
        return SparseVector(found.indices, (_K3 + 1) * found.values / (_K3 + found.values))

    def _read(self, text: str) -> str:
        """Where the documents' languages are known, in one of those: a short text alone is easily
        taken for another.
        """
        own = self.language_of(text) or self.language
        return own if not self.languages or own in self.languages else self.languages[0]


def _most(read: Sequence[SparseVector]) -> SparseVector:
    """Each term with the largest of its weights."""
    if len(read) == 1:
        return read[0]
    indices, at = np.unique(np.concatenate([each.indices for each in read]), return_inverse=True)
    values = np.zeros(len(indices), dtype=np.float32)
    np.maximum.at(values, at, np.concatenate([each.values for each in read]))
    return SparseVector(indices, values)
