"""What strict mode refuses of a request, if it is on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from qdrant_client.http import models

from tests.qdrant_http.answers import not_allowed
from tests.qdrant_http.collections import Collection
from tests.qdrant_http.engine import listed, path

_CHANGES = (models.FilterSelector, models.SetPayload, models.DeletePayload)


def check(collection: Collection, body: Any, timeout: str | None) -> None:
    """Raises Fault."""
    limits = collection.limits
    if limits is None:
        return
    sizes = [*_sizes(limits, collection, body), ("timeout", limits.max_timeout, int(timeout or 0))]
    for name, limit, value in sizes:
        if limit is not None and value is not None and value > limit:
            help = f'Reduce the "{name}" parameter to or below {limit}.'
            raise not_allowed(f'Limit exceeded {value} > {limit} for "{name}"', help)
    if limits.search_allow_exact is False and any(_exact(body)):
        raise not_allowed("Exact search disabled!", "Set exact=false.")
    stored, most = collection.shard.info().points_count, limits.max_points_count
    if isinstance(body, models.PointsList) and most is not None and stored >= most:
        said = f"Max points count limit of {most} reached!"
        raise not_allowed(said, "Reduce the number of points, or raise the limit.")
    change = isinstance(body, _CHANGES)
    unindexed = limits.unindexed_filtering_update if change else limits.unindexed_filtering_retrieve
    for chosen in _filters(body):
        conditions = list(_conditions(chosen))
        _check_filter(limits, conditions)
        if unindexed is False:
            _check_indexed(collection.indexes(), conditions)


def _sizes(
    limits: models.StrictModeConfig, collection: Collection, body: Any
) -> Iterator[tuple[str, float | None, float | None]]:
    match body:
        case models.ScrollRequest():
            yield "limit", limits.max_query_limit, body.limit
        case models.QueryRequestBatch():
            yield "searches", limits.search_max_batchsize, len(body.searches)
            for each in body.searches:
                yield "limit", limits.max_query_limit, each.limit
                if each.params and (quantization := each.params.quantization):
                    most = limits.search_max_oversampling
                    yield "oversampling", most, quantization.oversampling
        case models.PointsList():
            yield "points", limits.upsert_max_batchsize, len(body.points)
        case models.CreateFieldIndex():
            # Without a look at whether it is there already.
            yield "payload indexes", limits.max_payload_index_count, len(collection.indexes()) + 1


def _exact(body: Any) -> Iterator[bool]:
    match body:
        case models.CountRequest():
            yield body.exact is not False
        case models.QueryRequestBatch():
            yield from (bool(each.params and each.params.exact) for each in body.searches)


def _filters(body: Any) -> Iterator[models.Filter]:
    for part in body.searches if isinstance(body, models.QueryRequestBatch) else [body]:
        # Not `update_filter`, at which a server does not look.
        if isinstance(chosen := getattr(part, "filter", None), models.Filter):
            yield chosen
        idf = getattr(getattr(part, "params", None), "idf", None)
        if isinstance(corpus := getattr(idf, "corpus", None), models.Filter):
            yield corpus


def _conditions(chosen: models.Filter) -> Iterator[Any]:
    for part in (chosen.must, chosen.should, chosen.must_not):
        for each in listed(part):
            if isinstance(each, models.Filter):
                yield from _conditions(each)
            else:
                yield each


def _check_filter(limits: models.StrictModeConfig, conditions: list[Any]) -> None:
    most, longest = limits.filter_max_conditions, limits.condition_max_size
    if most is not None and len(conditions) > most:
        said = f"Filter condition limit reached ({len(conditions)} > {most})"
        raise not_allowed(said, "Reduce the number of conditions of your filter.")
    lengths = [len(_listed_values(each)) for each in conditions]
    if longest is not None and max(lengths, default=0) > longest:
        said = f"Condition size limit reached ({max(lengths)} > {longest})"
        raise not_allowed(said, "Reduce the number of values of your condition.")


def _listed_values(condition: Any) -> list[Any]:
    match condition:
        case models.HasIdCondition(has_id=ids):
            return list(ids)
        case models.FieldCondition(match=models.MatchAny(any=values)):
            return list(values)
    return []


def _check_indexed(indexes: Mapping[str, str], conditions: list[Any]) -> None:
    for each in conditions:
        if isinstance(each, models.FieldCondition):
            types = _types(each)
            if types and indexes.get(path(each.key)) not in types:
                said = (
                    f'Index required but not found for "{each.key}" of one of the following types'
                )
                help = "Create an index for this key or use a different filter."
                raise not_allowed(f"{said}: [{', '.join(types)}]", help)


def _types(condition: models.FieldCondition) -> list[str]:
    """Of an index that helps; one of another type does not."""
    if isinstance(condition.range, models.DatetimeRange):
        return ["datetime"]
    if condition.range:
        return ["integer", "float"]
    match condition.match:
        case models.MatchValue(value=value):
            return _types_of([value])
        case models.MatchAny(any=values):
            return _types_of(list(values))
    return []


def _types_of(values: list[Any]) -> list[str]:
    if not values:
        return []  # finds nothing, in every index
    if isinstance(values[0], str):
        return ["keyword", "uuid"] if all(map(_is_uuid, values)) else ["keyword"]
    return ["bool"] if isinstance(values[0], bool) else ["integer"]


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
