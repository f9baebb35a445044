"""What two releases of a corpus find for the same queries, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from components.corpus.release import as_released
from components.corpus.search import Searcher
from components.indexes.manifest import Release
from components.spec import Pipeline
from components.values import Hit, Query
from evals.shift import DEPTH, Shift, shift

_BATCH = 32
_HITS = 50
"""Asked for: the first ten documents may have many hits each."""
_TEXT = 200
"""Characters of a hit that are shown."""
Found = Mapping[str, Sequence[Hit]]
"""By query: the best hit of each of the first units, best first."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Of one release to another."""

    queries: Sequence[Query]
    before: Found
    after: Found
    shift: Shift
    unit: str
    """`document`, or `chunk` where there are fewer than ten documents."""

    def changed(self, most: int) -> list[dict[str, Any]]:
        """The queries whose first ten change most, side by side, as JSON."""
        texts = {each.id: each.text for each in self.queries}
        moved = [each for each in self.shift.queries if each.rank_similarity < 1]
        return [
            {
                "id": each.query,
                "query": texts[each.query],
                "jaccard": each.jaccard,
                "rank_similarity": each.rank_similarity,
                "before": [_shown(hit) for hit in self.before[each.query]],
                "after": [_shown(hit) for hit in self.after[each.query]],
            }
            for each in moved[:most]
        ]


def compared(
    pipeline: Pipeline, before: Release, after: Release, queries: Sequence[Query]
) -> Difference:
    """Ask both releases, each by its own stages. Raises UserError, Busy, Moved, IndexFault."""
    held = [each.generation.totals.documents for each in (before, after)]
    unit = "document" if min(held) >= DEPTH else "chunk"
    found = [_first(pipeline, each, queries, unit) for each in (before, after)]
    runs = [{id: [_unit(hit, unit) for hit in hits] for id, hits in own.items()} for own in found]
    return Difference(
        queries=queries, before=found[0], after=found[1], shift=shift(*runs), unit=unit
    )


def _first(pipeline: Pipeline, release: Release, queries: Sequence[Query], unit: str) -> Found:
    found: dict[str, Sequence[Hit]] = {}
    with Searcher(as_released(pipeline, release), release=release) as searcher:
        for start in range(0, len(queries), _BATCH):
            batch = queries[start : start + _BATCH]
            asked = searcher.search(batch, _HITS if unit == "document" else DEPTH)
            for query, hits in zip(batch, asked.hits, strict=True):
                found[query.id] = list(islice(_once(hits, unit), DEPTH))
    return found


def _once(hits: Sequence[Hit], unit: str) -> Iterator[Hit]:
    seen: set[str] = set()
    for hit in hits:
        name = _unit(hit, unit)
        if name not in seen:
            seen.add(name)
            yield hit


def _unit(hit: Hit, unit: str) -> str:
    return hit.chunk.document_id if unit == "document" else hit.chunk.id


def _shown(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    text = " ".join(chunk.text.split())[:_TEXT]
    return {"document": chunk.document_id, "page": chunk.page, "score": hit.score, "text": text}
