"""From the client's models to the engine, and back to JSON. Raises Fault for what a server cannot
take, and for what none of our requests has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as edge
from qdrant_client.http import models

from tests.qdrant_http.answers import Fault, format_error, out_of_range

NOTHING = "no-vectors"
"""Name of the sparse vectors of a collection that has none: the engine wants some."""
_OPTIMIZERS = (
    "deleted_threshold",
    "vacuum_min_vector_number",
    "default_segment_number",
    "max_segment_size",
    "indexing_threshold",
    "prevent_unoptimized",
)
_MODES = {
    models.UpdateMode.UPSERT: edge.UpdateMode.Upsert,
    models.UpdateMode.INSERT_ONLY: edge.UpdateMode.InsertOnly,
    models.UpdateMode.UPDATE_ONLY: edge.UpdateMode.UpdateOnly,
}


def config(body: models.CreateCollection, optimizers: Mapping[str, Any]) -> edge.EdgeConfig:
    named = body.vectors if isinstance(body.vectors, dict) else {"": body.vectors}
    dense = {name: _dense(each) for name, each in named.items() if each}
    sparse = {
        name: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf if each.modifier else None)
        for name, each in (body.sparse_vectors or {}).items()
    }
    if not dense and not sparse:
        sparse[NOTHING] = edge.EdgeSparseVectorParams()
    return edge.EdgeConfig(
        vectors=dense,
        sparse_vectors=sparse,
        quantization_config=_quantization(body.quantization_config),
        optimizers=edge.EdgeOptimizersConfig(
            **{name: optimizers.get(name) for name in _OPTIMIZERS}
        ),
        wal_enabled=False,  # nobody comes back to it
        max_search_threads=1,  # one request at a time: a pool of threads is not needed
    )


def _dense(params: models.VectorParams) -> edge.EdgeVectorParams:
    return edge.EdgeVectorParams(
        size=params.size, distance=getattr(edge.Distance, params.distance.value)
    )


def _quantization(wanted: Any) -> Any:
    match wanted:
        case None:
            return None
        case models.ScalarQuantization(scalar=own):
            return edge.ScalarQuantizationConfig(edge.ScalarType.Int8, own.quantile, own.always_ram)
        case models.BinaryQuantization(binary=own):
            return edge.BinaryQuantizationConfig(own.always_ram)
    raise Fault(400, "the stand-in has no such quantization")


def upsert(body: models.PointsList) -> edge.UpdateOperation:
    points = [
        edge.Point(point_id(each.id), _vectors(each.vector), each.payload) for each in body.points
    ]
    condition = None if body.update_filter is None else filter_of(body.update_filter)
    mode = None if body.update_mode is None else _MODES[body.update_mode]
    return edge.UpdateOperation.upsert_points(points, condition, mode)


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


def _vectors(vectors: Any) -> Any:
    if not isinstance(vectors, dict):
        return vectors
    return {name: _vector(each) for name, each in vectors.items()}


def _vector(own: Any) -> Any:
    if isinstance(own, models.SparseVector):
        return edge.SparseVector(own.indices, own.values)
    if isinstance(own, list):
        return own
    raise Fault(400, "the stand-in has no such vector")


def filter_of(chosen: models.Filter) -> edge.Filter:
    return edge.Filter(
        must=_conditions(chosen.must),
        should=_conditions(chosen.should),
        must_not=_conditions(chosen.must_not),
    )


def _conditions(own: Any) -> list[Any] | None:
    return None if own is None else [_condition(each) for each in listed(own)]


def listed(conditions: Any) -> list[Any]:
    """A server takes one condition in place of a list."""
    return conditions if isinstance(conditions, list) else [conditions] if conditions else []


def _condition(own: Any) -> Any:
    match own:
        case models.Filter() if own.model_fields_set:
            return filter_of(own)
        case models.Filter():  # what is no condition: all of a filter's fields may be missing
            raise format_error("data did not match any variant of untagged enum Condition")
        case models.FieldCondition():
            return _field(own)
        case models.HasIdCondition():
            return edge.HasIdCondition(set(map(point_id, own.has_id)))
        case models.IsEmptyCondition():
            return edge.IsEmptyCondition(path(own.is_empty.key))
        case models.IsNullCondition():
            return edge.IsNullCondition(path(own.is_null.key))
    raise Fault(400, "the stand-in has no such condition")


def _field(own: models.FieldCondition) -> edge.FieldCondition:
    match, range = _match(own.match), _range(own.range)
    if match is None and range is None and own.is_empty is None and own.is_null is None:
        raise out_of_range("At least one field condition must be specified")
    return edge.FieldCondition(
        path(own.key), match=match, range=range, is_empty=own.is_empty, is_null=own.is_null
    )


def _match(own: Any) -> Any:
    match own:
        case None:
            return None
        case models.MatchValue(value=value):
            # The engine takes Python's True for the number 1, numpy's for true.
            return edge.MatchValue(np.bool_(value) if isinstance(value, bool) else value)  # type: ignore[arg-type]
        case models.MatchAny():
            return edge.MatchAny(own.any)
    raise Fault(400, "the stand-in has no such match")


def _range(own: Any) -> Any:
    if own is None:
        return None
    bounds = {name: getattr(own, name) for name in ("gte", "gt", "lte", "lt")}
    if isinstance(own, models.DatetimeRange):
        return edge.RangeDateTime(**{n: at and at.isoformat() for n, at in bounds.items()})
    return edge.RangeFloat(**bounds)


def path(key: str) -> str:
    """A path in a payload as the engine writes it: one text for each field. Raises Fault."""
    try:
        return edge.FieldCondition(key, is_null=True).key
    except ValueError as error:
        raise format_error(error) from None


def query(own: models.QueryRequest) -> edge.QueryRequest:
    asked = own.query.nearest if isinstance(own.query, models.NearestQuery) else own.query
    return edge.QueryRequest(
        query=None if asked is None else edge.Query.Nearest(_vector(asked), using=own.using),
        filter=None if own.filter is None else filter_of(own.filter),
        params=None if own.params is None else _params(own.params),
        limit=own.limit or 10,
        with_payload=fields(own.with_payload, default=False),
        with_vector=own.with_vector or False,
    )


def _params(own: models.SearchParams) -> edge.SearchParams:
    quantization = idf = None
    if wanted := own.quantization:
        quantization = edge.QuantizationSearchParams(
            wanted.ignore or False, wanted.rescore, wanted.oversampling
        )
    if corpus := getattr(own.idf, "corpus", None):
        idf = edge.IdfParams(filter_of(corpus))
    return edge.SearchParams(own.hnsw_ef, own.exact or False, quantization, idf=idf)


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
    return [{name: value for name, value in _told(each)} for each in found]


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
