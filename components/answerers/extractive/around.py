"""The pages around hits: a table is rarely in the one chunk that was found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from components.stages import Neighbours
from components.values import Chunk, Hit

_REACH = 40
"""Chunks before and after a hit that may be of its page."""


def widened(hits: Sequence[Hit], neighbours: Neighbours | None, characters: int) -> list[Hit]:
    """The hits, and behind them other chunks of their pages, the best hit's first: together so many
    characters at most. Where a text has no pages, the chunks nearest to a hit.
    """
    found = list(hits)
    if neighbours is None or not characters or not hits:
        return found
    places: dict[str, set[int]] = defaultdict(set)
    for hit in hits:
        at = hit.chunk.ordinal
        places[hit.chunk.document_id] |= {*range(max(0, at - _REACH), at + _REACH + 1)}
    given = neighbours({id: sorted(at) for id, at in places.items()})
    seen = {id for hit in hits for id in (hit.chunk.id, *hit.chunk_ids)}
    left = characters
    for hit in hits:
        for chunk in _near(hit.chunk, given):
            if chunk.id in seen:
                continue
            left -= len(chunk.text)
            if left < 0:
                return found
            seen.add(chunk.id)
            found.append(Hit(chunk=chunk, score=hit.score, chunk_ids=(chunk.id,)))
    return found


def _near(chunk: Chunk, given: Sequence[Chunk]) -> list[Chunk]:
    """Those of its pages, the nearest first."""
    return sorted(
        (each for each in given if _shares(each, chunk)),
        key=lambda each: abs(each.ordinal - chunk.ordinal),
    )


def _shares(one: Chunk, other: Chunk) -> bool:
    """Whether they have a page in common, or there are no pages."""
    if (one.document_id, one.version) != (other.document_id, other.version):
        return False
    if one.page is None or other.page is None:
        return True
    last, others = one.last_page or one.page, other.last_page or other.page
    return one.page <= others and other.page <= last
