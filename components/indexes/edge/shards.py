"""The embedded engine: opening a shard, and its errors told as ours.

The engine raises bare exceptions, and panics that are no `Exception`; one process at a time may
open a shard, even to read.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from components.errors import Busy, IndexFault, MillraceError, StoreUnavailable
from components.indexes.dialect import Dialect, Own
from components.indexes.edge import proof
from components.indexes.edge.damage import damaged
from components.indexes.edge.files import check_space, told
from components.indexes.filterable import Filterable, indexes
from components.indexes.manifest import Quantization
from components.indexes.payload import VECTORS
from components.indexes.points import DENSE, DOCUMENT_SPARSE, SPARSE, VACUUM
from components.values import Filter
from infra.settings import settings

LOCK = "open.lock"
"""Beside the shard's folder; whoever opens the shard holds it."""
_CONFIG = "edge_config.json"
"""In the shard's folder: what the engine was told when it made it."""
_PAGE = 1000
"""Points read at once."""
PART_BYTES = 64 * 2**20
"""Places for dense vectors in a segment: to build its graph, some five times that is in memory."""


@contextmanager
def faults(doing: str, folder: Path) -> Iterator[None]:
    """Whatever the engine raises inside becomes an IndexFault, or StoreUnavailable where this
    process lacks what the engine takes.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, MillraceError):
        raise
    except BaseException as error:  # a panic of the engine is a BaseException
        raise _failed(doing, folder, error) from error


def _failed(doing: str, folder: Path, error: BaseException) -> MillraceError:
    said = f"{doing}: {str(error)[:500]}"
    lack = "memory" if isinstance(error, MemoryError) else proof.lacking()
    if lack:
        return StoreUnavailable(f"{said}; this process lacks {lack}").at(
            where=str(folder), hint="run it again when there is more: what was committed stays"
        )
    return IndexFault(said).at(where=str(folder))


def create(folder: Path, width: int, filterable: Filterable, quantization: Quantization) -> None:
    """An empty shard for vectors of `width`."""
    from qdrant_edge import (
        Distance,
        EdgeConfig,
        EdgeOptimizersConfig,
        EdgeSparseVectorParams,
        EdgeVectorParams,
        Memory,
        Modifier,
    )

    dense = EdgeVectorParams(
        size=width,
        distance=Distance.Cosine,
        quantization_config=_quantized(quantization),
        memory=Memory.Cold,  # or else every opening reads them all
    )
    config = EdgeConfig(
        vectors={DENSE: dense},
        sparse_vectors={
            name: EdgeSparseVectorParams(modifier=Modifier.Idf)
            for name in (SPARSE, DOCUMENT_SPARSE)
        },
        optimizers=EdgeOptimizersConfig(
            **VACUUM,
            # A manifest entry takes a vector's place, so half of a part may have none: two such
            # halves are not to be merged.
            max_segment_size=PART_BYTES // 2 // 1024,
        ),
    )
    folder.mkdir(parents=True)
    check_space(folder)
    with faults("the index could not be created", folder):
        shard = _shards().create(str(folder), config)
        index_fields(shard, filterable)
        shard.flush()
        shard.close()


def _shards() -> Any:
    """The engine's class of shards."""
    # Or else it maps a file of vectors twice, and counts it twice in the memory that it takes.
    os.environ.setdefault("QDRANT_NO_MULTI_MMAP", "1")
    from qdrant_edge import EdgeShard

    return EdgeShard


def _quantized(quantization: Quantization) -> Any:
    from qdrant_edge import BinaryQuantizationConfig, Memory, ScalarQuantizationConfig, ScalarType

    # Pinned: with `Cached` the engine takes seconds to open what it opens in 0.2 s otherwise.
    if quantization == "int8":
        return ScalarQuantizationConfig(ScalarType.Int8, quantile=0.99, memory=Memory.Pinned)
    if quantization == "binary":
        return BinaryQuantizationConfig(memory=Memory.Pinned)
    return None


def index_fields(shard: Any, filterable: Filterable) -> None:
    """Payload indexes, without which a filter or a delete reads every point."""
    from qdrant_edge import PayloadSchemaType, UpdateOperation

    for path, kind in indexes(filterable).items():
        type_of = getattr(PayloadSchemaType, kind.capitalize())
        shard.update(UpdateOperation.create_field_index(path, type_of))


@contextmanager
def turn(lock: Path) -> Iterator[None]:
    """One process at a time: waits, then raises Busy. The system frees it on a kill."""
    held = FileLock(lock, timeout=settings().reader_wait)
    try:
        held.acquire()
    except Timeout:
        raise in_use(lock) from None
    except OSError as error:
        raise told(error, "cannot be locked", lock) from error
    try:
        yield
    finally:
        held.release()


def in_use(lock: Path) -> Busy:
    """What is told to those who have waited for long enough."""
    return Busy(f"the index was in use for {settings().reader_wait:g} s").at(
        where=str(lock.parent), hint="try again; for many readers use a server"
    )


@contextmanager
def opened(folder: Path) -> Iterator[Any]:
    """The shard in a folder. Waits for its turn; raises Busy, DiskFull, Damaged, Refused,
    StoreUnavailable.
    """
    with turn(folder.parent / LOCK), loaded(folder) as shard:
        yield shard


@contextmanager
def loaded(folder: Path) -> Iterator[Any]:
    """The shard in a folder that nobody else opens. Raises as `opened`."""
    check_space(folder.parent)
    if proof.held(folder):
        raise Busy("another process has the index open").at(where=str(folder), hint="try again")
    try:
        shard = load(folder)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the engine is a BaseException
        raise proof.explained(folder, error) from error
    try:
        yield shard
    finally:
        with faults("the index could not be closed", folder):
            shard.close()


def load(folder: Path) -> Any:
    """The shard in a folder. Raises whatever the engine raises."""
    return _shards().load(str(folder))


def read_through(shard: Any, folder: Path) -> None:
    """Read what every point of a shard holds, once; the engine checks it. A dense vector is nothing
    but numbers: it can be read whatever they are, so it is only looked whether there is one.

    Raises Damaged where something is not there, and whatever the engine raises.
    """
    terms, read = _terms(folder), Counter[str]()
    # A payload is read whole, whatever is wanted of it.
    for page in pages(shard, fields=["kind"], vectors=terms):
        if any("kind" not in (each.payload or {}) for each in page):
            raise damaged("a record has lost what was stored with it", folder.parent)
        read.update(name for each in page for name in each.vector or ())
    lost = count(shard, kind=VECTORS) - count(shard, DENSE, kind=VECTORS)
    if lost:
        raise damaged(f"{lost} chunks have lost their dense vectors", folder.parent)
    # The engine counts by flags of its own, and reads nothing where their places are lost.
    for name in terms:
        if lost := count(shard, name) - read[name]:
            raise damaged(f"{lost} sparse vectors ({name}) cannot be read", folder.parent)


def _terms(folder: Path) -> list[str]:
    """Names of a shard's sparse vectors: one of an older version has fewer. By what it was made
    with, because one that is torn has none to count.
    """
    found = json.loads((folder / _CONFIG).read_bytes())["sparse_vectors"]
    return [name for name in (SPARSE, DOCUMENT_SPARSE) if name in found]


def pages(
    shard: Any, chosen: Any = None, fields: Any = True, vectors: Any = False, size: int = _PAGE
) -> Iterator[list[Any]]:
    """All records that a filter chooses, in order of id. Raises whatever the engine raises."""
    from qdrant_edge import ScrollRequest

    offset = None
    while True:
        request = ScrollRequest(
            limit=size, offset=offset, filter=chosen, with_payload=fields, with_vector=vectors
        )
        records, offset = shard.scroll(request)
        yield records
        if offset is None:
            return


def count(shard: Any, vector: str = "", wanted: Filter | None = None, **own: Own) -> int:
    """Points that match and, where a name is given, have a vector of that name. Raises whatever the
    engine raises.
    """
    from qdrant_edge import CountRequest, Filter, HasVectorCondition

    must = dialect().conditions(wanted, **own)
    if vector:
        must.append(HasVectorCondition(vector))
    return int(shard.count(CountRequest(filter=Filter(must=must), exact=True)))


def chosen(wanted: Filter | None = None, /, **own: Own) -> Any:
    """A filter as the engine takes it, None for all points; see `Dialect.conditions`."""
    from qdrant_edge import Filter

    must = dialect().conditions(wanted, **own)
    return Filter(must=must) if must else None


@cache
def dialect() -> Dialect:
    """How the engine calls things."""
    import qdrant_edge as edge

    # The engine takes Python's True for the number 1, numpy's for true.
    return Dialect(edge, edge.RangeFloat, np.bool_, edge.HasIdCondition(set()))
