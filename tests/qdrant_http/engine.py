"""From the client's models to the engine, and back to JSON. Raises Fault for what a server cannot
take, and for what none of our requests has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import Enum
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as edge
from pydantic import BaseModel
from qdrant_client.http import models

from tests.qdrant_http.answers import Fault, format_error, out_of_range

NOTHING = "no-vectors"
"""Name of the sparse vectors of a collection that has none: the engine wants some."""
_NAMES = {
    "DatetimeRange": "RangeDateTime",
    "IdfCorpusParams": "IdfParams",
    "Range": "RangeFloat",
    "SparseVectorParams": "EdgeSparseVectorParams",
    "VectorParams": "EdgeVectorParams",
}
"""Of what is called otherwise in the engine."""
_OPTIMIZERS = (
    "deleted_threshold",
    "vacuum_min_vector_number",
    "default_segment_number",
    "max_segment_size",
    "indexing_threshold",
    "prevent_unoptimized",
)


def translated(own: Any) -> Any:
    """Anything that has the same fields in the engine."""
    match own:
        case bool():
            return np.bool_(own)  # to be matched, the engine takes Python's True for the number 1
        case Enum(value=str(value)):
            kind = getattr(edge, type(own).__name__)
            return getattr(kind, "".join(part.capitalize() for part in value.split("_")))
        case date():
            return own.isoformat()
        case list():
            return [translated(each) for each in own]
        case models.Filter() | models.FieldCondition() | models.HasIdCondition():
            return _condition(own)
        case models.IsEmptyCondition() | models.IsNullCondition() | models.HasVectorCondition():
            return _condition(own)
        case BaseModel():
            return _translated(own)
    return own


def _condition(own: Any) -> Any:
    match own:
        case models.HasIdCondition(has_id=ids):
            return edge.HasIdCondition(set(map(point_id, ids)))
        case models.HasVectorCondition(has_vector=vector):
            return edge.HasVectorCondition(vector)
        case models.IsEmptyCondition(is_empty=field):
            return edge.IsEmptyCondition(path(field.key))
        case models.IsNullCondition(is_null=field):
            return edge.IsNullCondition(path(field.key))
        case models.Filter():
            if not own.model_fields_set:  # all of its fields may be missing, so it takes anything
                raise format_error("data did not match any variant of untagged enum Condition")
            return filter_of(own)
        case models.FieldCondition() if own.match is None and own.range is None:
            raise out_of_range("At least one field condition must be specified")
    return _translated(own)


def _translated(own: BaseModel) -> Any:
    name = type(own).__name__
    kind = getattr(edge, _NAMES.get(name, name), None)
    if kind is None:
        raise Fault(400, f"the stand-in has no {name}")
    fields = {field: translated(value) for field, value in own if value is not None}
    try:
        return kind(**fields)
    except (TypeError, ValueError) as error:
        raise format_error(error) from None


def filter_of(chosen: models.Filter | None) -> edge.Filter | None:
    if chosen is None:
        return None
    parts = {name: listed(part) for name, part in chosen if part is not None}
    return edge.Filter(**{name: translated(part) for name, part in parts.items()})


def listed(conditions: Any) -> list[Any]:
    """A server takes one condition in place of a list."""
    return conditions if isinstance(conditions, list) else [conditions] if conditions else []


def path(key: str) -> str:
    """A path in a payload as the engine writes it: one text for each field."""
    try:
        return edge.FieldCondition(key, is_null=True).key
    except ValueError as error:
        raise format_error(error) from None


def point_id(own: int | str | UUID) -> int | UUID:
    if isinstance(own, int):
        if 0 <= own < 2**64:
            return own
    else:
        try:
            return UUID(str(own))
        except ValueError:
            pass
    valid = "valid values are either an unsigned integer or a UUID"
    raise format_error(f"value {own} is not a valid point ID, {valid}")


def config(body: models.CreateCollection, optimizers: Mapping[str, Any]) -> edge.EdgeConfig:
    named = body.vectors if isinstance(body.vectors, dict) else {"": body.vectors}
    dense = {name: translated(each) for name, each in named.items() if each}
    sparse = {name: translated(each) for name, each in (body.sparse_vectors or {}).items()}
    if not dense and not sparse:
        sparse[NOTHING] = edge.EdgeSparseVectorParams()
    kinds: Any = body.quantization_config
    smaller = getattr(kinds, "scalar", None) or getattr(kinds, "binary", None)
    chosen = {name: optimizers.get(name) for name in _OPTIMIZERS}
    return edge.EdgeConfig(
        vectors=dense,
        sparse_vectors=sparse,
        quantization_config=translated(smaller),
        optimizers=edge.EdgeOptimizersConfig(**chosen),
        wal_enabled=False,  # nobody comes back to it
        max_search_threads=1,  # one request at a time: a pool of threads is not needed
    )


def upsert(body: models.PointsList) -> edge.UpdateOperation:
    points = [
        edge.Point(point_id(each.id), _vectors(each.vector), each.payload) for each in body.points
    ]
    condition, mode = filter_of(body.update_filter), translated(body.update_mode)
    return edge.UpdateOperation.upsert_points(points, condition, mode)


def _vectors(own: Any) -> Any:
    if isinstance(own, dict):
        return {name: _vectors(each) for name, each in own.items()}
    return own if isinstance(own, list) else translated(own)


def query(own: models.QueryRequest) -> edge.QueryRequest:
    asked = own.query.nearest if isinstance(own.query, models.NearestQuery) else own.query
    return edge.QueryRequest(
        query=None if asked is None else edge.Query.Nearest(_vectors(asked), using=own.using),
        filter=filter_of(own.filter),
        params=translated(own.params),
        limit=own.limit or 10,
        with_payload=fields(own.with_payload, default=False),
        with_vector=own.with_vector or False,
    )


def fields(wanted: Any, *, default: bool) -> Any:
    """Which fields of a payload are read."""
    match wanted:
        case None:
            return default
        case models.PayloadSelectorInclude():
            return edge.PayloadSelector.Include(list(map(path, wanted.include)))
        case models.PayloadSelectorExclude():
            return edge.PayloadSelector.Exclude(list(map(path, wanted.exclude)))
        case list():
            return list(map(path, wanted))
    return wanted


def points(found: Iterable[Any]) -> list[dict[str, Any]]:
    """Records and hits."""
    return [dict(_told(each)) for each in found]


def _told(point: Any) -> Iterator[tuple[str, Any]]:
    yield "id", plain_id(point.id)
    yield "payload", point.payload
    yield "vector", _plain_vectors(point.vector)
    if isinstance(point, edge.ScoredPoint):
        yield "score", point.score
        yield "version", point.version


def plain_id(own: Any) -> Any:
    return str(own) if isinstance(own, UUID) else own


def _plain_vectors(own: Any) -> Any:
    if isinstance(own, edge.SparseVector):
        return {"indices": list(own.indices), "values": list(own.values)}
    if isinstance(own, dict):
        return {name: _plain_vectors(each) for name, each in own.items()}
    return own
