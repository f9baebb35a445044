"""The pages around hits: a table is rarely in the one chunk that was found."""

from __future__ import annotations

from collections.abc import Sequence

from components.stages import Neighbours
from components.values import Chunk, Hit

_REACH = 40
"""Chunks before and after a hit that may be of its page."""


def widened(hits: Sequence[Hit], neighbours: Neighbours | None, characters: int) -> list[Hit]:
    """The hits, and behind them the other chunks of their pages, best hit first: together so many
    characters at most. Where a text has no pages, the chunks nearest to the hit.
    """
    if neighbours is None:
        return list(hits)
    left = characters
    seen = {hit.chunk.id for hit in hits}
    found = list(hits)
    for hit in hits:
        for chunk in _near(hit.chunk, neighbours):
            if chunk.id in seen:
                continue
            if len(chunk.text) > left:
                return found
            left -= len(chunk.text)
            seen.add(chunk.id)
            found.append(Hit(chunk=chunk, score=hit.score, chunk_ids=(chunk.id,)))
    return found


def _near(chunk: Chunk, neighbours: Neighbours) -> list[Chunk]:
    """Chunks of its pages, the nearest first."""
    around = range(max(0, chunk.ordinal - _REACH), chunk.ordinal + _REACH + 1)
    found = [each for each in neighbours(chunk.document_id, around) if _on(each, chunk)]
    return sorted(found, key=lambda each: abs(each.ordinal - chunk.ordinal))


def _on(one: Chunk, other: Chunk) -> bool:
    if one.version != other.version or one.id == other.id:
        return False
    if other.page is None or one.page is None:
        return True
    return one.page <= (other.last_page or other.page) and (one.last_page or one.page) >= other.page
