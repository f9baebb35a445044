"""Vector pseudo-relevance feedback: the question moved toward its best hits.

Rocchio's formula on stored vectors: no training, no forward pass, any encoder. It is the untrained
relative of listwise embedding rerankers (E²Rank, arXiv 2510.22733), where the prompt with the top
documents plays the part of the moved question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from components.encoders.kernel import unit
from components.options import Count, Share, Weight, option
from components.rerankers.order import reordered, scaled
from components.values import Hit, Matrix, Query, Ranked


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """Scores hits by cosine to `query + weight x mean of the first hits`."""

    needs_vectors: ClassVar[bool] = True

    depth: Count = option(100, help="hits that are scored again")
    documents: Count = option(5, help="first hits that the question is moved toward")
    weight: Weight = option(0.3, help="how far it is moved")
    interpolate: Share = option(
        0.5, help="share of the retriever's score, scaled to 0..1, in the final one"
    )

    def rerank(
        self, queries: Sequence[Query], ranked: Ranked, vectors: Sequence[Matrix]
    ) -> list[list[Hit]]:
        """See `Reranker`. Hits beyond `depth` keep their order below the others."""
        if ranked.query_vectors is None:
            raise ValueError("feedback needs the query vectors")
        return [
            self._one(query, hits, rows)
            for query, hits, rows in zip(ranked.query_vectors, ranked.hits, vectors, strict=True)
        ]

    def _one(self, query: Matrix, hits: list[Hit], rows: Matrix) -> list[Hit]:
        if len(hits) < 2:
            return hits
        rows = rows[: self.depth]
        moved = unit((query + self.weight * rows[: self.documents].mean(axis=0))[None, :])[0]
        return reordered(hits, scaled(rows @ moved), self.interpolate)
