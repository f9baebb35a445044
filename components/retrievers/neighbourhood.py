"""Hits widened by their neighbours and merged into passages: chunking at query time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from components.options import Count, FieldName, Whole, option, part
from components.retrievers.dense import Dense
from components.retrievers.narrowed import MATCH
from components.retrievers.passages import Passage, runs, within
from components.stages import Encoder, Reader
from components.values import Chunk, Filter, Hit, Query, Ranked


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """Finds small spans (sentences) and returns the passages around them, with exact offsets.

    A passage scores as its best sentence. Overlapping and touching passages of one document are
    one; it never spans text that no chunk holds. `before: 2, after: 0` is the "front-k" of models
    trained for landmarks, which mark the end of what answers.

    With a budget the best passages are returned until it is used: the last one is cut at whole
    sentences around its best one, and a sentence is returned even where the budget is too small
    for the first. A reranker sees no more than that.
    """

    depth: Count = option(50, help="sentences found before they are widened")
    before: Whole = option(1, help="neighbours taken in before a hit")
    after: Whole = option(1, help="neighbours taken in after a hit")
    budget: Count | None = option(
        None, help="tokens of the encoder that a query's passages have together; none: no limit"
    )
    match: tuple[FieldName, ...] = MATCH

    encoder: Encoder = part()
    reader: Reader = part()

    def retrieve(self, queries: Sequence[Query], k: int) -> Ranked:
        """See `Retriever`."""
        depth = max(self.depth, k)
        dense = Dense(match=self.match, encoder=self.encoder, reader=self.reader)
        ranked = dense.retrieve(queries, depth)
        passages = [
            self._passages(hits, query.filter, k)
            for hits, query in zip(ranked.hits, queries, strict=True)
        ]
        return Ranked(passages, ranked.query_vectors)

    def _passages(self, hits: Sequence[Hit], wanted: Filter, k: int) -> list[Hit]:
        by_document: dict[str, dict[int, Hit]] = defaultdict(dict)
        for hit in hits:
            by_document[hit.chunk.document_id][hit.chunk.ordinal] = hit
        passages: list[Passage] = []
        for document_id, found in by_document.items():
            chunks = self.reader.neighbours(document_id, sorted(self._around(found)))
            own = (chunk for chunk in chunks if _allowed(chunk, found, wanted))
            passages += [Passage(run, found) for run in runs(own) if _has_hit(run, found)]
        passages.sort(key=lambda each: (-each.best.score, each.best.chunk.id))
        kept = within(passages[:k], self.budget, self.encoder.tokenizer)
        return [passage.hit for passage in kept]

    def _around(self, found: Iterable[int]) -> set[int]:
        return {
            ordinal
            for hit in found
            for ordinal in range(max(0, hit - self.before), hit + self.after + 1)
        }


def _has_hit(run: Sequence[Chunk], found: dict[int, Hit]) -> bool:
    return any(chunk.ordinal in found for chunk in run)


def _allowed(chunk: Chunk, found: dict[int, Hit], wanted: Filter) -> bool:
    """A filter on pages holds for neighbours too; other fields are the whole document's."""
    return chunk.ordinal in found or "page" not in wanted or chunk.page in wanted["page"]
