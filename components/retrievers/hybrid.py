"""Words and meaning in one order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from components.options import Count, FieldName, Share, Weight, option, part
from components.retrievers import weights
from components.retrievers.evidence import (
    Asked,
    Evidence,
    Lists,
    chunks,
    evidence,
    spreads,
    with_documents,
)
from components.retrievers.narrowed import MATCH, narrowed
from components.retrievers.weights import fitted, fixed, of_chunks_alone
from components.stages import Encoder, Reader, SparseEncoder
from components.values import Filter, Hit, Matrix, Query, Ranked

Fusion = Literal["auto", "convex", "rrf"]
_K = 60.0
_OF = {
    "k": ("rrf",),
    "dense_weight": ("rrf", "convex"),
    "sparse_weight": ("rrf", "convex"),
    "document_weight": ("convex",),
}
"""Which fusions read an option."""


@dataclass(frozen=True, kw_only=True)
class Hybrid:
    """Hits by words and by meaning, of chunks and, where the index has vectors of them, of whole
    documents.

    `auto` weighs the evidence question by question, by weights that were fitted over open data
    sets. `convex` adds it up by weights of your own. `rrf` looks at the ranks of chunks alone: a
    hit scores weight / (k + rank) in each list, ranks from 1.

    Fused here and not in the engine, whose order among equal scores changes from call to call.
    """

    revision: ClassVar[int] = 4
    needs_sparse: ClassVar[bool] = True

    depth: Count = option(50, help="hits taken from each list")
    fusion: Fusion | None = option(
        None,
        help="auto: weighed question by question; convex: by the weights below; rrf: by ranks; "
        "none: auto, or rrf where a weight or k is set",
    )
    k: Weight | None = option(None, help="of rrf: how little the first ranks stand out; none: 60")
    dense_weight: Weight | None = option(None, help="of rrf and convex: of meaning; none: 1")
    sparse_weight: Weight | None = option(None, help="of rrf and convex: of words; none: 1")
    document_weight: Share | None = option(
        None, help="of convex: the whole document's share in both; none: 0.4"
    )
    match: tuple[FieldName, ...] = MATCH

    encoder: Encoder = part()
    sparse: SparseEncoder = part()
    reader: Reader = part()

    def __post_init__(self) -> None:
        for name, fusions in _OF.items():
            if getattr(self, name) is not None and self._fusion not in fusions:
                told = " or ".join(fusions)
                raise ValueError(f"{name} is read by fusion: {told}, not by {self._fusion}")
        if self._fusion == "convex":
            self._fixed()

    @staticmethod
    def fitted_numbers() -> str:
        """What answers depend on besides the options: the text of `weights.toml`."""
        return weights.text()

    def retrieve(self, queries: Sequence[Query], k: int) -> Ranked:
        """See `Retriever`."""
        depth = max(self.depth, k)
        texts = [query.text for query in queries]
        dense = self.encoder.encode_queries(texts)
        sparse = self.sparse.encode_queries(texts)
        shares: dict[int, float] = {}

        def find(at: Sequence[int], filters: Sequence[Filter]) -> list[list[Hit]]:
            asked = Asked(dense, sparse, filters).some(at, filters)
            if self._fusion == "rrf":
                return [self._by_ranks(own)[:k] for own in chunks(self.reader, asked, depth)]
            found = with_documents(self.reader, asked, depth, self.depth)
            if self._fusion == "convex":
                return [self._by_weights(evidence(own, self.depth))[:k] for own in found]
            told = spreads(self.reader, self.sparse, asked.sparse, found)
            made = [
                _by_fit(replace(evidence(own, self.depth), spread=spread))[:k]
                for own, spread in zip(found, told, strict=True)
            ]
            for each, hits, spread in zip(at, made, told, strict=True):
                if hits:  # the search that found the first ones is what the question is like
                    shares.setdefault(each, fitted().reranked(spread))
            return made

        hits = narrowed(queries, k, self.match, self.reader, find)
        own = [shares.get(at, 0.0) for at in range(len(queries))]
        return Ranked(hits, dense, shares=own if self._fusion == "auto" else None)

    @property
    def _fusion(self) -> Fusion:
        if self.fusion:
            return self.fusion
        weighed = any(getattr(self, name) is not None for name in _OF)
        return "rrf" if weighed else "auto"

    def _by_ranks(self, lists: Lists) -> list[Hit]:
        own = _given(self.dense_weight, 1.0), _given(self.sparse_weight, 1.0)
        return fuse((lists.by_meaning, lists.by_words), own, _given(self.k, _K))

    def _by_weights(self, of: Evidence) -> list[Hit]:
        own = self._fixed()
        return ordered(of, own if of.whole else of_chunks_alone(own))

    def _fixed(self) -> Matrix:
        return fixed(
            _given(self.sparse_weight, 1.0),
            _given(self.dense_weight, 1.0),
            _given(self.document_weight, 0.4),
        )


def _by_fit(of: Evidence) -> list[Hit]:
    return ordered(of, fitted().of(of.spread, whole=of.whole))


def ordered(of: Evidence, weights: Matrix) -> list[Hit]:
    """The hits by the sum of their evidence, best first, equal ones in order of chunk id."""
    # Not a product of matrices: many a BLAS adds up the last rows in another order.
    scores = (of.kinds * weights).sum(axis=1, dtype=np.float64).tolist()
    first = [replace(hit, score=score) for score, hit in zip(scores, of.hits, strict=True)]
    first.sort(key=lambda hit: (-hit.score, hit.chunk.id))
    return first + _behind(first, of.deeper)


def _behind(first: Sequence[Hit], deeper: Sequence[Sequence[Hit]]) -> list[Hit]:
    """What lies deeper than what counts, below it, in order of the better of its ranks: that stays
    what it is in longer lists, so whoever asks for more sees the same first.
    """
    known = {hit.chunk.id for hit in first}
    ranks: dict[str, int] = {}
    hits: dict[str, Hit] = {}
    for ranked in deeper:
        for rank, hit in enumerate(ranked, start=1):
            if (name := hit.chunk.id) not in known:
                hits.setdefault(name, hit)
                ranks[name] = min(rank, ranks.get(name, rank))
    lowest = first[-1].score if first else 0.0
    return [
        replace(hits[name], score=lowest - (1.0 / _K - 1.0 / (_K + rank)))
        for rank, name in sorted((rank, name) for name, rank in ranks.items())
    ]


def fuse(lists: Sequence[Sequence[Hit]], weights: Sequence[float], k: float) -> list[Hit]:
    """One list, best first, equal scores in order of chunk id (Cormack et al., SIGIR 2009)."""
    scores: dict[str, float] = {}
    hits: dict[str, Hit] = {}
    for ranked, weight in zip(lists, weights, strict=True):
        if not weight:
            continue
        for rank, hit in enumerate(ranked, start=1):
            hits.setdefault(hit.chunk.id, hit)
            scores[hit.chunk.id] = scores.get(hit.chunk.id, 0.0) + weight / (k + rank)
    order = sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))
    return [replace(hits[chunk_id], score=scores[chunk_id]) for chunk_id in order]


def _given(value: float | None, default: float) -> float:
    return default if value is None else value
