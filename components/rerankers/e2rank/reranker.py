"""Listwise reranking by an embedding: E²Rank (arXiv 2510.22733).

The question and the first hits, as one listwise prompt, are read once by an embedding model; the
vector of the prompt's last token then scores every hit by cosine. Where the index was made by the
same model its vectors are used, and one forward pass per question is all there is to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import ClassVar, Literal

import numpy as np

from components.encoders.device import PRECISION, Precision
from components.endpoint import address
from components.errors import BadOption, ModelFault
from components.options import Count, Share, option, part
from components.rerankers.e2rank.embedders import Embedder
from components.rerankers.e2rank.prompt import PROMPT, ListwisePrompt, first_words
from components.rerankers.e2rank.prompted import Prompted
from components.rerankers.e2rank.sliding import slide
from components.rerankers.order import DEPTH, INTERPOLATE, all_reordered, cosines, cut, heads
from components.rerankers.paced import BUDGET
from components.stages import Encoder
from components.values import Hit, Matrix, Query, Ranked


@dataclass(frozen=True, kw_only=True)
class E2Rank:
    """Scores hits by cosine to the listwise prompt of the question and the first hits.

    With sliding windows a score is a hit's place, from 1 down to 0.
    """

    revision: ClassVar[int] = 1

    model: str = option(
        "", help="an E²Rank model, as an encoder names it; empty: the index' own", or_folder=True
    )
    vectors: Literal["auto", "stored", "encode"] = option(
        "auto",
        help="of the hits. stored: those of the index, which the same model must have made; "
        "encode: made from the texts; auto: stored where the model is the same",
    )
    depth: Count = DEPTH
    documents: Count = option(20, help="first hits that stand in the prompt")
    words: Count = option(1024, help="words of each that are read")
    tokens: Count = option(
        8192, help="tokens of a prompt at most: fewer hits stand in a longer one"
    )
    prompt: str = option(PROMPT, help="with the places {documents} and {query}")
    interpolate: Share = INTERPOLATE
    window: Count | None = option(
        None, help="hits read at once, windows sliding from the last to the first; none: one window"
    )
    step: Count = option(10, help="hits that a window slides by")
    precision: Precision = option("auto", help=PRECISION)
    endpoint: str = option(
        "", help="an OpenAI-compatible address that ends in /v1 and serves `model`, e.g. vLLM's"
    )
    key: str = option(
        "MILLRACE_ENDPOINT_KEY", help="environment variable with the key, where there is one"
    )
    rerank_budget_ms: Count | None = BUDGET

    encoder: Encoder | None = part()

    def __post_init__(self) -> None:
        ListwisePrompt(self.prompt, self.words)
        if self.window is not None and self.step > self.window:
            raise ValueError(f"a step of {self.step} skips hits in windows of {self.window}")
        if self.endpoint:
            address.check(self.endpoint, self.key)

    @property
    def needs_vectors(self) -> bool:
        """Whether the index' vectors are used. Raises BadOption where they are asked for and are
        another model's.
        """
        return self._uses_stored(self._prompted)

    def _uses_stored(self, prompted: Prompted) -> bool:
        if self.vectors == "encode":
            return False
        same = prompted.made_the_index
        if self.vectors == "stored" and not same:
            raise BadOption("the index was made by another model").at(
                where="reranker.vectors", hint="auto encodes the hits in such a case"
            )
        return same

    def rerank(
        self, queries: Sequence[Query], ranked: Ranked, vectors: Sequence[Matrix]
    ) -> list[list[Hit]]:
        """See `Reranker`. Raises BadOption, ModelFault, EndpointUnavailable."""
        scored = heads(ranked, self.depth)
        prompted = self._prompted
        reader = prompted.embedder
        if self._uses_stored(prompted):
            rows = [own[: len(head)] for own, head in zip(vectors, scored, strict=True)]
        else:
            rows = self._encoded(scored, reader)
        score = partial(self._score, reader, queries, scored, rows)
        if self.window is None:
            places = [list(range(len(head))) for head in scored]
            scores = score([at for at, _ in enumerate(scored)], places)
        else:
            orders = slide([len(head) for head in scored], self.window, self.step, score)
            scores = [_by_place(order) for order in orders]
        return all_reordered(ranked, scores, self.interpolate)

    def _encoded(self, scored: Sequence[list[Hit]], reader: Embedder) -> list[Matrix]:
        """The hits' vectors, (hits, width) for each query, each distinct text read once."""
        texts = [self._words(hit) for hit in chain.from_iterable(scored)]
        distinct = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        made = reader.documents(list(distinct))
        return cut(made[[distinct[text] for text in texts]], scored)

    def _score(
        self,
        reader: Embedder,
        queries: Sequence[Query],
        scored: Sequence[list[Hit]],
        rows: Sequence[Matrix],
        asked: Sequence[int],
        places: Sequence[list[int]],
    ) -> list[Matrix]:
        """Of the hits at these places, for each query that is asked."""
        texts = [
            self._text(reader, queries[at].text, [scored[at][i] for i in own[: self.documents]])
            for at, own in zip(asked, places, strict=True)
            if own
        ]
        moved = iter(reader.prompts(texts))
        return [
            _cosines(rows[at][own], next(moved)) if own else np.zeros(0, np.float32)
            for at, own in zip(asked, places, strict=True)
        ]

    def _text(self, reader: Embedder, query: str, hits: Sequence[Hit]) -> str:
        prompt = ListwisePrompt(self.prompt, self.words)
        texts = [hit.chunk.text for hit in hits]
        return prompt.within(query, texts, min(self.tokens, reader.longest), reader.length)

    def _words(self, hit: Hit) -> str:
        return first_words(hit.chunk.text, self.words)

    @property
    def _prompted(self) -> Prompted:
        return Prompted(self.model, self.precision, self.endpoint, self.key, self.encoder)


def _cosines(rows: Matrix, vector: Matrix) -> Matrix:
    if rows.shape[1] != len(vector):
        raise ModelFault(
            f"the hits' vectors have {rows.shape[1]} numbers, the prompt's has {len(vector)}"
        ).at(where="reranker.model", hint="vectors: encode does without the index' vectors")
    return cosines(rows, vector)


def _by_place(order: Sequence[int]) -> Matrix:
    """A score per hit, from 1 for the first down to above 0 for the last."""
    scores = np.zeros(len(order), np.float32)
    scores[list(order)] = 1 - np.arange(len(order), dtype=np.float32) / max(1, len(order))
    return scores
