"""What a request says: by the types of the client's models, from which unknown fields are left out,
as a server does. Then their values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from qdrant_client.http import models

from tests.qdrant_http.answers import Fault, format_error, out_of_range
from tests.qdrant_http.options import Options

_FILTER = frozenset({"must", "should", "must_not", "min_should"})
_FILTERS = ("filter", "update_filter", "corpus")
"""Where a filter stands: the one thing in which no field may be unknown."""
_SIZES = range(1, 65537)


def read(kind: Any, content: bytes, options: Options) -> Any:
    """A body as one of the client's models, as far as a server of that version knows it. Raises
    Fault.
    """
    if len(content) > options.max_body:
        limit = f"(limit: {options.max_body} bytes)"
        raise Fault(400, f"JSON payload ({len(content)} bytes) is larger than allowed {limit}.")
    try:
        _check_filters(from_json(content, allow_inf_nan=False))
        body = _adapter(kind).validate_json(content, strict=True, extra="ignore")
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        raise format_error(f"{wrong['msg']} at {'.'.join(map(str, wrong['loc']))}") from None
    except ValueError as error:
        raise format_error(error) from None
    for text in _wrong(body):
        raise out_of_range(text)
    return _known(body, options)


def _known(body: Any, options: Options) -> Any:
    if isinstance(body, models.PointsList):
        body.update_mode = body.update_mode if options.knows(1, 17) else None
        body.update_filter = body.update_filter if options.knows(1, 15, 4) else None
    if isinstance(body, models.QueryRequestBatch) and not options.knows(1, 19):
        for each in body.searches:
            if each.params:
                each.params.idf = None
    return body


def check_query(query: Mapping[str, str]) -> None:
    """The parameters in an address. Raises Fault."""
    known = {"wait": ("true", "false"), "ordering": ("weak", "medium", "strong")}
    for name, allowed in known.items():
        if query.get(name, allowed[0]) not in allowed:
            raise Fault(400, f"Deserialize error in query parameters: {name} {query[name]!r}")
    timeout = query.get("timeout", "1")
    if not timeout.isdecimal():
        raise Fault(400, f"Deserialize error in query parameters: timeout {timeout!r}")
    if timeout == "0":
        raise out_of_range("timeout: value 0 invalid, must be 1 or larger", "query parameters")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _check_filters(part: Any) -> None:
    if isinstance(part, list):
        for each in part:
            _check_filters(each)
    elif isinstance(part, dict):
        for name, each in part.items():
            if name in _FILTERS and isinstance(each, dict):
                _check_filter(each)
            elif name not in ("payload", "vector"):
                _check_filters(each)


def _check_filter(own: Mapping[str, Any]) -> None:
    if unknown := set(own) - _FILTER:
        raise ValueError(f"unknown field `{min(unknown)}`, expected one of {sorted(_FILTER)}")
    for conditions in own.values():
        for each in conditions if isinstance(conditions, list) else [conditions]:
            if isinstance(each, dict) and not _FILTER.isdisjoint(each):
                _check_filter(each)


def _wrong(body: Any) -> Iterator[str]:
    """What is out of range in a body."""
    match body:
        case models.CreateCollection():
            yield from _wrong_layout(body)
        case models.PointsList():
            for point in body.points:
                yield from _wrong_vectors(point.vector)
        case models.ScrollRequest():
            yield from _too_small("limit", body.limit)
        case models.QueryRequestBatch():
            for search in body.searches:
                yield from _too_small("limit", search.limit)
                if search.params and (quantization := search.params.quantization):
                    yield from _too_small("oversampling", quantization.oversampling)
                yield from _wrong_vectors({"query": search.query})


def _wrong_layout(body: models.CreateCollection) -> Iterator[str]:
    vectors = body.vectors if isinstance(body.vectors, dict) else {"": body.vectors}
    for each in vectors.values():
        if each and each.size not in _SIZES:
            yield f"vectors.size: value {each.size} invalid, must be from 1 to 65536"
    yield from _too_small("shard_number", body.shard_number)
    yield from _too_small("replication_factor", body.replication_factor)


def _too_small(name: str, value: float | None) -> Iterator[str]:
    if value is not None and value < 1:
        yield f"{name}: value {value} invalid, must be 1 or larger"


def _wrong_vectors(vectors: Any) -> Iterator[str]:
    for each in vectors.values() if isinstance(vectors, dict) else [vectors]:
        if each == []:
            yield "vector: must not be empty"
        if isinstance(each, models.SparseVector):
            if len(each.values) != len(each.indices):
                yield "values: must be the same length as indices"
            if len(set(each.indices)) != len(each.indices):
                yield "indices: must be unique"
