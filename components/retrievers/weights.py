"""How much each kind of evidence counts, question by question.

Of most questions the best chunk has the words that the best document has, and chunks lead. Of some,
such as a summary that asks for the report which it is of, it has few of them: then the document
leads. The numbers are fitted over open data sets, see `weights.toml`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from components.retrievers.evidence import KINDS
from components.values import Matrix

_WORDS, _MEANING, _DOCUMENT_WORDS, _DOCUMENT_MEANING = range(len(KINDS))


@dataclass(frozen=True)
class Weights:
    """Of a question: all at least 0, so more evidence of any kind is never worse."""

    chunk: Matrix
    """Of each kind where a chunk leads; they add up to 1."""
    document: Matrix
    """Where a document leads."""
    middle: float
    """The `spread` at which both count alike."""
    width: float
    """How far from there one leads: 0.73 of the weight at one width from the middle."""
    share: float
    """Of a late interaction in the final score, where a chunk leads."""

    def leads(self, spread: float) -> float:
        """How much the chunk leads, 0 to 1."""
        return float(1.0 / (1.0 + np.exp(-(spread - self.middle) / self.width)))

    def of(self, spread: float, *, whole: bool) -> Matrix:
        """Of each kind; without `whole` documents, the chunk's own have the weight of both."""
        lead = self.leads(spread) if whole else 1.0
        found = lead * self.chunk + (1.0 - lead) * self.document
        return found if whole else of_chunks_alone(found)

    def reranked(self, spread: float) -> float:
        """How much of the final score a late interaction may have."""
        return self.share * self.leads(spread)


def of_chunks_alone(weights: Matrix) -> Matrix:
    """The weights of documents given to the chunks' own."""
    alone = np.zeros_like(weights)
    alone[_WORDS] = weights[_WORDS] + weights[_DOCUMENT_WORDS]
    alone[_MEANING] = weights[_MEANING] + weights[_DOCUMENT_MEANING]
    return alone


def fixed(words: float, meaning: float, document: float) -> Matrix:
    """Weights of each kind: `document` is the share of the document in both others. Raises
    ValueError where all are 0.
    """
    if not words + meaning:
        raise ValueError("dense_weight and sparse_weight are both 0")
    words, meaning = words / (words + meaning), meaning / (words + meaning)
    own = 1.0 - document
    return np.array(
        [words * own, meaning * own, words * document, meaning * document], dtype=np.float32
    )


@cache
def fitted() -> Weights:
    """Those of `weights.toml`."""
    return read(text())


def text() -> str:
    """Of `weights.toml`."""
    return files("components.retrievers").joinpath("weights.toml").read_text(encoding="utf-8")


def read(held: str) -> Weights:
    """From the text of such a file."""
    found = tomllib.loads(held)
    return Weights(
        chunk=_row(found["chunk"]),
        document=_row(found["document"]),
        middle=found["turn"]["middle"],
        width=found["turn"]["width"],
        share=found["reranking"]["share"],
    )


def _row(named: dict[str, float]) -> Matrix:
    row = np.array([named[kind] for kind in KINDS], dtype=np.float32)
    return np.asarray(row / row.sum(), dtype=np.float32)
