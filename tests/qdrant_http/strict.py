"""What strict mode refuses of a request. Raises ValueError, which is told as a server's 400."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qdrant_client.http import models

_CHANGES = (models.FilterSelector, models.SetPayload, models.DeletePayload)


def check(limits: models.StrictModeConfig, indexes: Mapping[str, str], body: Any) -> None:
    """`indexes`: the kind of each field's, by its path."""
    if not limits.enabled:
        return
    for name, most, value in _sizes(limits, body):
        if most is not None and value is not None and value > most:
            raise ValueError(f'Bad request: Limit exceeded {value} > {most} for "{name}"')
    if limits.search_allow_exact is False and any(_exact(body)):
        raise ValueError("Bad request: Exact search disabled!. Help: Set exact=false.")
    change = isinstance(body, _CHANGES)
    free = limits.unindexed_filtering_update if change else limits.unindexed_filtering_retrieve
    for part in getattr(body, "searches", [body]):
        conditions = list(_conditions(getattr(part, "filter", None)))
        if len(conditions) > (limits.filter_max_conditions or len(conditions)):
            raise ValueError("Bad request: Filter condition limit reached")
        for each in conditions:
            values = getattr(getattr(each, "match", None), "any", None) or getattr(
                each, "has_id", []
            )
            if len(values) > (limits.condition_max_size or len(values)):
                raise ValueError("Bad request: Condition size limit reached")
            kinds = _kinds(each)
            if free is False and kinds and indexes.get(each.key) not in kinds:
                raise ValueError(f'Bad request: Index required but not found for "{each.key}"')


def _sizes(limits: models.StrictModeConfig, body: Any) -> Iterator[tuple[str, Any, Any]]:
    yield "limit", limits.max_query_limit, getattr(body, "limit", None)
    yield "points", limits.upsert_max_batchsize, _length(body, models.PointsList, "points")
    yield (
        "searches",
        limits.search_max_batchsize,
        _length(body, models.QueryRequestBatch, "searches"),
    )
    for each in getattr(body, "searches", ()):
        yield "limit", limits.max_query_limit, each.limit
        bits = each.params.quantization if each.params else None
        yield "oversampling", limits.search_max_oversampling, bits and bits.oversampling


def _length(body: Any, kind: Any, name: str) -> int:
    return len(getattr(body, name)) if isinstance(body, kind) else 0


def _exact(body: Any) -> Iterator[bool]:
    if isinstance(body, models.CountRequest):
        yield body.exact is not False
    for each in getattr(body, "searches", ()):
        yield bool(each.params and each.params.exact)


def _conditions(chosen: Any) -> Iterator[Any]:
    for part in ("must", "should", "must_not"):
        found = getattr(chosen, part, None) or []
        for each in found if isinstance(found, list) else [found]:
            if isinstance(each, models.Filter):
                yield from _conditions(each)
            else:
                yield each


def _kinds(condition: Any) -> list[str]:
    """Of an index that serves it."""
    if getattr(condition, "range", None):
        return ["integer", "float"]
    match = getattr(condition, "match", None)
    values = getattr(match, "any", None) or [getattr(match, "value", None)]
    if match is None or values[0] is None:
        return []
    if isinstance(values[0], str):
        return ["keyword", "uuid"]
    return ["bool"] if isinstance(values[0], bool) else ["integer"]
