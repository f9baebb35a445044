"""Late interaction: every token of the question finds its nearest token of a passage.

Source: ColBERT (Khattab and Zaharia, SIGIR 2020), equation 3: the sum of the maxima, here divided
by the question's tokens. Where the index keeps states of its chunks' tokens (`token_states` of the
encoder) the question is all that is read. Elsewhere the hits are, with any encoder's model; a
passage that several questions find is read once, as long as it is remembered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from components.encoders.device import PRECISION, Precision
from components.encoders.states import likeness
from components.errors import BadOption
from components.options import Count, Share, option, part
from components.rerankers.order import DEPTH, all_reordered, heads
from components.rerankers.own_model import model_name, reads_with
from components.rerankers.paced import BUDGET
from components.rerankers.token_states import TokenStates, asked_states, token_states
from components.stages import Encoder
from components.values import Hit, Matrix, Query, Ranked, States

_PASSAGE = 20.0
"""What a passage costs that need not be read, in characters of one that must; and what the fetch of
a stored one costs, in characters of it.
"""
_HALF = 0.5
_CHARACTERS, _TOKENS = 5, 256
"""Of a token, and of what is read of a hit as a rule."""


@dataclass(frozen=True, kw_only=True)
class LateInteraction:
    """Scores hits by the mean, over the question's tokens, of the largest cosine to a token; of an
    index that keeps states, of the largest product with the signs of one, also where hits are read.
    """

    revision: ClassVar[int] = 3
    needs_vectors: ClassVar[bool] = False

    model: str = option("", help="as an encoder names it; empty: that of the index", or_folder=True)
    depth: Count = DEPTH
    states: Literal["auto", "stored", "read"] = option(
        "auto",
        help="of the hits' tokens. stored: those that encoder.token_states has put into the index; "
        "read: the hits are read again; auto: stored where they are of the same model",
    )
    tokens: Count | None = option(
        None,
        help="of a hit that are read; none: 256, and all of them where the index keeps states",
    )
    interpolate: Share | None = option(
        None,
        help="share of the retriever's score in the final one, both scaled to 0..1; none: what the "
        "retriever says of each question, or half",
    )
    precision: Precision = option("auto", help=PRECISION)
    rerank_budget_ms: Count | None = BUDGET

    encoder: Encoder | None = part()

    def rerank(
        self, queries: Sequence[Query], ranked: Ranked, vectors: Sequence[Matrix]
    ) -> list[list[Hit]]:
        """See `Reranker`. Raises BadOption, and what `checkpoint` raises."""
        scored = heads(ranked, self.depth)
        if ranked.states is not None:
            scores = self._by_stored(queries, scored, ranked.states)
        elif self.states == "stored":
            raise self._not_there()
        else:
            scores = self._by_reading(queries, scored)
        return all_reordered(ranked, scores, self._kept(ranked))

    def _kept(self, ranked: Ranked) -> float | list[float]:
        """The retriever's share."""
        if self.interpolate is not None:
            return self.interpolate
        return _HALF if ranked.shares is None else [1.0 - share for share in ranked.shares]

    @property
    def needs_states(self) -> bool:
        """Whether the index' states are used. Raises BadOption where only they may be, and it has
        none of this model.
        """
        if self.states == "read":
            return False
        there = bool(self._every)
        if self.states == "stored" and not there:
            raise self._not_there()
        return there

    def forget(self) -> None:
        """Questions and passages whose states are remembered."""
        for each in (self._questions, self._passages):
            each.forget()

    def efforts(self, hits: Sequence[Hit]) -> list[float]:
        """How long each takes, relative to the others: see `Paced`."""
        if self.needs_states:
            return [_PASSAGE + len(hit.chunk.text) for hit in hits]
        known = self._passages
        longest = _CHARACTERS * (self._most or max(len(hit.chunk.text) for hit in hits))
        sizes = (min(len(hit.chunk.text), longest) for hit in hits)
        return [
            _PASSAGE + (0 if known.knows(hit.chunk.text) else size)
            for hit, size in zip(hits, sizes, strict=True)
        ]

    def _by_stored(
        self,
        queries: Sequence[Query],
        scored: Sequence[Sequence[Hit]],
        states: Sequence[Sequence[States]],
    ) -> list[Matrix]:
        texts = [query.text for query, head in zip(queries, scored, strict=True) if head]
        asked = dict(self._questions.read(texts))
        return [
            likeness(asked[query.text], own[: len(head)]) if head else np.zeros(0, np.float32)
            for query, head, own in zip(queries, scored, states, strict=True)
        ]

    def _by_reading(
        self, queries: Sequence[Query], scored: Sequence[Sequence[Hit]]
    ) -> list[Matrix]:
        wanted: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for at, head in enumerate(scored):
            for rank, hit in enumerate(head):
                wanted[hit.chunk.text].append((at, rank))
        scores = [np.zeros(len(head), np.float32) for head in scored]
        if wanted:
            self._fill(scores, [query.text for query in queries], wanted)
        return scores

    def _fill(
        self,
        scores: Sequence[Matrix],
        queries: Sequence[str],
        wanted: dict[str, list[tuple[int, int]]],
    ) -> None:
        asked = dict(self._questions.read(queries))
        score = _of_signs if self._every else _max_sim
        for text, rows in self._passages.read(list(wanted)):
            for at, rank in wanted[text]:
                scores[at][rank] = score(asked[queries[at]], rows)

    @property
    def _questions(self) -> TokenStates:
        task = getattr(self.encoder, "task", "") if self._same else ""
        return asked_states(self._name, self.precision, self._layers, task)

    @property
    def _passages(self) -> TokenStates:
        return token_states(self._name, self.precision, self._most, self._layers, self._every)

    @property
    def _most(self) -> int | None:
        """How many tokens of a hit are read; None: all."""
        return self.tokens or (None if self._every else _TOKENS)

    @property
    def _layers(self) -> int | None:
        return getattr(self.encoder, "layers", None) if self._same else None

    @property
    def _every(self) -> int:
        """How many tokens are one state in the index; 0 where it has none of this model."""
        if self.encoder is None or not self._same:
            return 0
        found = self.encoder.facts.get("token_states", 0)
        return found if isinstance(found, int) else 0

    @property
    def _same(self) -> bool:
        """Whether the index' encoder reads with the same model."""
        if not self.model:
            return self.encoder is not None
        return reads_with(self.encoder, self.model)

    def _not_there(self) -> BadOption:
        return BadOption("the index has no states of tokens of this model").at(
            where="reranker.states", hint="set encoder.token_states=1 and refresh, or states: auto"
        )

    @property
    def _name(self) -> str:
        return model_name(self.model, self.encoder)


def _of_signs(query: Matrix, passage: States) -> float:
    return float(likeness(query, [passage])[0])


def _max_sim(query: Matrix, passage: Matrix) -> float:
    """Of unit rows (tokens, width) each; 0 where either has none."""
    if not len(query) or not len(passage):
        return 0.0
    return float((query @ passage.T).max(axis=1).mean())
