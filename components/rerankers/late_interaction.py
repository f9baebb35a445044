"""Late interaction: every token of the question finds its nearest token of a passage.

Source: ColBERT (Khattab and Zaharia, SIGIR 2020), equation 3: the sum of the maxima, here divided
by the question's tokens. Only the hits are read, with any encoder's model; passages that several
questions of a batch found are read once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from components.encoders.device import Precision
from components.encoders.model import Model, model
from components.errors import BadOption
from components.options import Count, Share, option, part
from components.rerankers.order import reordered
from components.stages import Encoder
from components.values import Hit, Integers, Matrix, Query, Ranked


@dataclass(frozen=True, kw_only=True)
class LateInteraction:
    """Scores hits by the mean, over the question's tokens, of the largest cosine to a token."""

    needs_vectors: ClassVar[bool] = False

    model: str = option("", help="as an encoder names it; empty: that of the index", or_folder=True)
    depth: Count = option(100, help="hits that are scored again")
    tokens: Count = option(256, help="of a passage that are read")
    interpolate: Share = option(
        0.0, help="share of the retriever's score in the final one, both scaled to 0..1"
    )
    precision: Precision = option("auto", help="auto: bf16 where the processor has it; fp32")
    rerank_budget_ms: Count | None = option(
        None, help="milliseconds per question: fewer hits are scored where it would take longer"
    )

    encoder: Encoder | None = part()

    def rerank(
        self, queries: Sequence[Query], ranked: Ranked, vectors: Sequence[Matrix]
    ) -> list[list[Hit]]:
        """See `Reranker`. Raises BadOption, and what `checkpoint` raises."""
        heads = [hits[: self.depth] if len(hits) > 1 else [] for hits in ranked.hits]
        wanted: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for at, head in enumerate(heads):
            for rank, hit in enumerate(head):
                wanted[hit.chunk.text].append((at, rank))
        scores = [np.zeros(len(head), np.float32) for head in heads]
        if wanted:
            self._fill(scores, [query.text for query in queries], wanted)
        return [
            reordered(hits, own, self.interpolate) if len(own) else list(hits)
            for hits, own in zip(ranked.hits, scores, strict=True)
        ]

    def _fill(
        self,
        scores: Sequence[Matrix],
        queries: Sequence[str],
        wanted: dict[str, list[tuple[int, int]]],
    ) -> None:
        asked = {at: rows for at, rows in _states(self._model, queries, None)}
        texts = list(wanted)
        for text, rows in _states(self._model, texts, self.tokens):
            for at, rank in wanted[texts[text]]:
                scores[at][rank] = _max_sim(asked[at], rows)

    @property
    def _model(self) -> Model:
        name: str = self.model or getattr(self.encoder, "model", "")
        if not name:
            raise BadOption("the index' encoder has no model with token states").at(
                where="reranker.model", hint="name a model that `millrace models` lists"
            )
        return model(name, self.precision)


def _max_sim(query: Matrix, passage: Matrix) -> float:
    """Of unit rows (tokens, width) each; 0 where either has none."""
    if not len(query) or not len(passage):
        return 0.0
    return float((query @ passage.T).max(axis=1).mean())


def _states(of: Model, texts: Sequence[str], tokens: int | None) -> Iterator[tuple[int, Matrix]]:
    """Each text's position and its tokens' unit states, (tokens, width), special tokens left out.

    Texts of like length are read together, the longest first.
    """
    prefix, suffix = of.tokenizer.prefix, of.tokenizer.suffix
    room = of.checkpoint.window - len(prefix) - len(suffix)
    room = room if tokens is None else min(room, tokens)
    ids = [np.array([*prefix, *of.tokenizer.ids(text)[:room], *suffix], np.int64) for text in texts]
    for batch in _batches(ids, of.batch_tokens):
        hidden = of.hidden([ids[at] for at in batch])
        rows = hidden.rows.float().cpu().numpy()
        for at, start in zip(batch, hidden.starts, strict=True):
            own = rows[start + len(prefix) : start + len(ids[at]) - len(suffix)]
            yield at, own / np.maximum(np.linalg.norm(own, axis=1, keepdims=True), 1e-12)


def _batches(ids: Sequence[Integers], budget: int) -> Iterator[list[int]]:
    batch: list[int] = []
    for at in sorted(range(len(ids)), key=lambda at: -len(ids[at])):
        if batch and len(ids[batch[0]]) * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(at)
    if batch:
        yield batch
