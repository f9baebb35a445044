"""Hits widened by their neighbours and merged into passages: chunking at query time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from components.options import Count, Whole, option, part
from components.retrievers.dense import Dense
from components.stages import Encoder, Reader
from components.values import Chunk, Filter, Hit, Query, Ranked, Span


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """Finds small spans (sentences) and returns the passages around them, with exact offsets.

    A passage scores as its best sentence. Overlapping and touching passages of one document are
    one; it never spans text that no chunk holds.
    """

    depth: Count = option(50, help="sentences found before they are widened")
    before: Whole = option(1, help="neighbours taken in before a hit")
    after: Whole = option(1, help="neighbours taken in after a hit")

    encoder: Encoder = part()
    reader: Reader = part()

    def retrieve(self, queries: Sequence[Query], k: int) -> Ranked:
        """See `Retriever`."""
        depth = max(self.depth, k)
        ranked = Dense(encoder=self.encoder, reader=self.reader).retrieve(queries, depth)
        passages = [
            self._passages(hits, query.filter)[:k]
            for hits, query in zip(ranked.hits, queries, strict=True)
        ]
        return Ranked(passages, ranked.query_vectors)

    def _passages(self, hits: Sequence[Hit], wanted: Filter) -> list[Hit]:
        by_document: dict[str, dict[int, Hit]] = defaultdict(dict)
        for hit in hits:
            by_document[hit.chunk.document_id][hit.chunk.ordinal] = hit
        passages: list[Hit] = []
        for document_id, found in by_document.items():
            chunks = self.reader.neighbours(document_id, sorted(self._around(found)))
            own = (chunk for chunk in chunks if _allowed(chunk, found, wanted))
            passages += [merge(run, found) for run in runs(own) if _has_hit(run, found)]
        return sorted(passages, key=lambda hit: (-hit.score, hit.chunk.id))

    def _around(self, found: Iterable[int]) -> set[int]:
        return {
            ordinal
            for hit in found
            for ordinal in range(max(0, hit - self.before), hit + self.after + 1)
        }


def runs(chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
    """Consecutive chunks whose spans touch or overlap."""
    run: list[Chunk] = []
    for chunk in chunks:
        if run and (
            chunk.ordinal != run[-1].ordinal + 1
            or chunk.version != run[-1].version
            or chunk.span.start > run[-1].span.end
        ):
            yield run
            run = []
        run.append(chunk)
    if run:
        yield run


def merge(run: Sequence[Chunk], found: dict[int, Hit]) -> Hit:
    """The passage of a run. Its id is its best member's, its text exactly the document's."""
    best = min(
        (found[chunk.ordinal] for chunk in run if chunk.ordinal in found),
        key=lambda hit: (-hit.score, hit.chunk.id),
    )
    first, last = run[0], run[-1]
    text = first.text
    end = first.span.end
    for chunk in run[1:]:
        text += chunk.text[max(0, end - chunk.span.start) :]
        end = max(end, chunk.span.end)
    passage = replace(
        best.chunk,
        span=Span(first.span.start, end),
        text=text,
        page=first.page,
        last_page=last.last_page,
    )
    return replace(best, chunk=passage, chunk_ids=tuple(chunk.id for chunk in run))


def _has_hit(run: Sequence[Chunk], found: dict[int, Hit]) -> bool:
    return any(chunk.ordinal in found for chunk in run)


def _allowed(chunk: Chunk, found: dict[int, Hit], wanted: Filter) -> bool:
    """A filter on pages holds for neighbours too; other fields are the whole document's."""
    return chunk.ordinal in found or "page" not in wanted or chunk.page in wanted["page"]
