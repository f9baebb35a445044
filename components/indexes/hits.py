"""A store's points as hits, in an order that is the same from call to call and store to store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from components.indexes.payload import named, to_chunk
from components.values import Hit

TIES = 16
"""Asked for beyond k: which of equal points a store leaves out changes from call to call."""
_MOST = 4096
"""Points asked for at most because of ties."""


def best(points: Sequence[Any], k: int) -> list[Hit]:
    """The k best of scored points, equal scores in order of chunk id."""
    ordered = sorted(points, key=lambda point: (-score(point), named(point)))
    return [
        Hit(
            chunk=to_chunk(named(point), point.payload or {}),
            score=score(point),
            chunk_ids=(named(point),),
        )
        for point in ordered[:k]
    ]


def documents(points: Sequence[Any], k: int) -> list[tuple[str, float]]:
    """Ids and scores of the k best of points of whole documents, equal scores in order of id."""
    found = sorted((-score(point), str((point.payload or {})["document_id"])) for point in points)
    return [(document_id, -negative) for negative, document_id in found[:k]]


def more(points: Sequence[Any], k: int, asked: int) -> int:
    """How many points to ask for instead, where equals of the k-th may have been left out; or 0."""
    if len(points) < asked or asked >= _MOST:
        return 0
    scores = sorted(map(score, points), reverse=True)
    return min(4 * asked, _MOST) if scores[k - 1] == scores[-1] else 0


def score(point: Any) -> float:
    """To six digits: the rest is rounding, and differs between equal vectors at other places."""
    return float(f"{point.score:.6g}")
