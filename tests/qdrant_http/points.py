"""What is done to the points of a collection. Each takes the collection and a request's body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qdrant_client.http import models
from qdrant_edge import (
    CountRequest,
    Filter,
    PayloadSchemaType,
    QueryBatchRequest,
    ScrollRequest,
    UpdateOperation,
)

from tests.qdrant_http import answers, engine
from tests.qdrant_http.collections import Collection


def index(collection: Collection, body: models.CreateFieldIndex) -> None:
    if body.field_schema is None:
        raise answers.Fault(400, "Bad request: Can't auto-detect field type, please specify it")
    wanted: Any = body.field_schema
    kind = str(getattr(wanted, "type", wanted).value)
    field = engine.path(body.field_name)
    if collection.indexes().get(field) != kind:
        schema = getattr(PayloadSchemaType, kind.capitalize())
        collection.shard.update(UpdateOperation.create_field_index(field, schema))


def upsert(collection: Collection, body: models.PointsList) -> None:
    collection.writes.spend(len(body.points))
    if not body.points:
        raise answers.wrong_input("Empty update request")
    collection.shard.update(engine.upsert(body))


def delete(collection: Collection, body: models.FilterSelector | models.PointIdsList) -> None:
    ids = body.points if isinstance(body, models.PointIdsList) else None
    chosen = body.filter if isinstance(body, models.FilterSelector) else None
    by_id, by_filter = UpdateOperation.delete_points, UpdateOperation.delete_points_by_filter
    _change(collection, ids, chosen, by_id, by_filter)


def set_payload(collection: Collection, body: models.SetPayload) -> None:
    by_id, by_filter = UpdateOperation.set_payload, UpdateOperation.set_payload_by_filter
    _change(collection, body.points, body.filter, by_id, by_filter, body.payload, body.key)


def delete_payload(collection: Collection, body: models.DeletePayload) -> None:
    by_id, by_filter = UpdateOperation.delete_payload, UpdateOperation.delete_payload_by_filter
    keys = list(map(engine.path, body.keys))
    _change(collection, body.points, body.filter, by_id, by_filter, keys)


def _change(
    collection: Collection,
    ids: Any,
    chosen: models.Filter | None,
    by_id: Callable[..., UpdateOperation],
    by_filter: Callable[..., UpdateOperation],
    *arguments: Any,
) -> None:
    """Of points by their ids, which count before a filter."""
    if ids is not None:
        collection.writes.spend(max(len(ids), 1))
        operation = by_id(list(map(engine.point_id, ids)), *arguments)
    elif chosen is not None:
        own = engine.filter_of(chosen)
        collection.writes.spend(max(_count(collection, own), 1))
        operation = by_filter(own, *arguments)
    else:
        raise answers.format_error("Either list of point ids or filter must be provided")
    collection.shard.update(operation)


def retrieve(collection: Collection, body: models.PointRequest) -> list[dict[str, Any]]:
    collection.reads.spend(max(len(body.ids), 1))
    ids: list[Any] = list(map(engine.point_id, body.ids))
    fields = engine.fields(body.with_payload, default=False)
    return engine.points(collection.shard.retrieve(ids, fields, body.with_vector or False))


def scroll(collection: Collection, body: models.ScrollRequest) -> dict[str, Any]:
    collection.reads.spend(1)
    asked = ScrollRequest(
        offset=None if body.offset is None else engine.point_id(body.offset),
        limit=body.limit or 10,
        filter=engine.filter_of(body.filter),
        with_payload=engine.fields(body.with_payload, default=True),
        with_vector=body.with_vector or False,
    )
    found, following = collection.shard.scroll(asked)
    return {"points": engine.points(found), "next_page_offset": engine.plain_id(following)}


def count(collection: Collection, body: models.CountRequest) -> dict[str, int]:
    collection.reads.spend(1)
    return {"count": _count(collection, engine.filter_of(body.filter))}


def _count(collection: Collection, chosen: Filter | None) -> int:
    return collection.shard.count(CountRequest(filter=chosen, exact=True))


def query(collection: Collection, body: models.QueryRequestBatch) -> list[dict[str, Any]]:
    collection.reads.spend(max(len(body.searches), 1))
    asked = QueryBatchRequest(list(map(engine.query, body.searches)))
    return [{"points": engine.points(found)} for found in collection.shard.query_batch(asked)]
