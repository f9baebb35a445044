"""Vector pseudo-relevance feedback: the question moved toward its best hits.

Rocchio's formula on stored vectors: no training, no forward pass, any encoder. It is the untrained
relative of listwise embedding rerankers (E²Rank, arXiv 2510.22733), where the prompt with the top
documents plays the part of the moved question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from components.encoders.kernel import unit
from components.options import Count, Positive, Share, Weight, option
from components.rerankers.order import DEPTH, cosines, reordered
from components.rerankers.paced import BUDGET
from components.values import Hit, Matrix, Query, Ranked

Cosine = Annotated[float, Field(strict=True, ge=-1.0, le=1.0)]


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """Scores hits by cosine to `query + weight x weighted mean of the first hits`.

    A first hit counts by the softmax of its cosine to the question. Where the first hits are
    unlike each other there is no one place to move to, and the question's hits stay as they are.
    """

    revision: ClassVar[int] = 2
    needs_vectors: ClassVar[bool] = True

    depth: Count = DEPTH
    documents: Count = option(3, help="first hits that the question is moved toward")
    weight: Weight = option(0.5, help="how far it is moved")
    temperature: Positive = option(
        0.02, help="of the softmax over the first hits' cosines; large: all count alike"
    )
    agreement: Cosine = option(
        0.6, help="least mean cosine between the first hits for the question to be moved"
    )
    interpolate: Share = option(
        0.8, help="share of the retriever's score, scaled to 0..1, in the final one"
    )
    rerank_budget_ms: Count | None = BUDGET

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
        first = rows[: self.documents]
        if _agreement(first) < self.agreement:
            return hits
        shares = _softmax(cosines(first, query) / self.temperature)
        moved = unit((query + self.weight * (shares @ first))[None, :])[0]
        return reordered(hits, cosines(rows, moved), self.interpolate)


def _softmax(values: Matrix) -> Matrix:
    powers = np.exp(values - values.max())
    return np.asarray(powers / powers.sum(), dtype=np.float32)


def _agreement(rows: Matrix) -> float:
    """Mean cosine between two of the unit rows; 1 for a single one."""
    count = len(rows)
    if count < 2:
        return 1.0
    total = float(np.square(rows.sum(axis=0)).sum())
    return (total - count) / (count * (count - 1))
