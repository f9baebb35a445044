"""The engine's log of writes, and a copy of a shard that begins with a new one.

The log of a shard is copied with it and goes on growing, up to 32 MiB, whatever the shard holds:
that of a small corpus would be many times as large as all else. It cannot just be left out, because
points remember the number of the write that made them, and the engine drops writes with a smaller
one without a word.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.indexes.edge import shards
from components.indexes.edge.files import allocated
from components.indexes.filterable import Filterable
from components.indexes.manifest import Quantization

_LARGE = 0.7
"""Bytes of a log, for each of what it is the log of. A first build's has some 0.4."""
_PAGE = 256


def is_large(shard: Path) -> bool:
    """Whether the log of a closed shard takes much of its room."""
    log = allocated(shard / "wal")
    return log > _LARGE * (allocated(shard) - log)


def rewrite(
    source: Any, shard: Path, width: int, filterable: Filterable, quantization: Quantization
) -> None:
    """Every point of an opened shard in a new one. `width`: of its vectors."""
    shards.create(shard, width, filterable, quantization)
    with (
        shards.opened(shard) as target,
        shards.faults("the index could not be written anew", shard),
    ):
        _copy(source, target)
        target.flush()


def _copy(source: Any, target: Any) -> None:
    from qdrant_edge import Point, UpdateOperation

    for page in shards.pages(source, vectors=True, size=_PAGE):
        points = [Point(each.id, each.vector or {}, each.payload or {}) for each in page]
        if points:
            target.update(UpdateOperation.upsert_points(points))
