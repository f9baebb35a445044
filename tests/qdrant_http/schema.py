"""Whether requests are what Qdrant's OpenAPI description says, where it lies beside the repository.

A server notes one request of each shape; the process that started it looks at those that none of
its servers has had before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic_core import from_json

DESCRIPTION = Path(__file__).parents[3] / "shared" / "reference" / "qdrant-openapi.json"
_FREE = ("payload", "vector", "query")
"""Fields of which the kind of value is enough: their parts are a user's, or numbers."""
_seen: set[str] = set()


class Notes:
    """What a server was asked, one request of each shape, in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._shapes: set[str] = set()

    def add(self, method: str, path: str, query: Mapping[str, str], content: bytes) -> None:
        try:
            body = from_json(content or b"null")
        except ValueError:  # is refused
            return
        shape = json.dumps([method, path, sorted(query.items()), _shape(body)])
        if shape not in self._shapes:
            self._shapes.add(shape)
            with self._file.open("a") as notes:
                notes.write(json.dumps([shape, method, path, dict(query), body]) + "\n")


def check(notes: Path) -> None:
    """Raises AssertionError for a request that is not valid."""
    if not notes.exists():
        return
    for line in notes.read_text().splitlines():
        shape, method, path, query, body = json.loads(line)
        if shape not in _seen:
            _seen.add(shape)
            told = [*_wrong_query(method, path, query), *_wrong_body(method, path, body)]
            assert not told, f"{method} {path} is not valid: {told}"


def _shape(body: Any) -> Any:
    """Names and kinds of values, without the values."""
    if isinstance(body, dict):
        return {n: type(v).__name__ if n in _FREE else _shape(v) for n, v in sorted(body.items())}
    if isinstance(body, list):
        parts = [_shape(each) for each in body] if body and isinstance(body[0], dict) else body[:1]
        return sorted({json.dumps(each) for each in parts})
    return type(body).__name__


def _wrong_query(method: str, path: str, query: Mapping[str, str]) -> list[str]:
    known = {
        each["name"]: each["schema"]
        for each in _operation(method, path).get("parameters", ())
        if each["in"] == "query"
    }
    wrong = [f"unknown parameter {name}" for name in query.keys() - known.keys()]
    for name in query.keys() & known.keys():
        value = query[name]
        plain = json.loads(value) if value in ("true", "false") or value.isdecimal() else value
        wrong += [each.message for each in _validator(json.dumps(known[name])).iter_errors(plain)]
    return wrong


def _wrong_body(method: str, path: str, body: Any) -> list[str]:
    wanted = _operation(method, path).get("requestBody")
    if wanted is None:
        return [] if body is None else ["a body is not expected"]
    schema = wanted["content"]["application/json"]["schema"]
    return [each.message[:500] for each in _validator(json.dumps(schema)).iter_errors(body)]


def _operation(method: str, path: str) -> Mapping[str, Any]:
    own: Mapping[str, Any] = _description()["paths"][path.replace("{name}", "{collection_name}")]
    return own[method.lower()]  # type: ignore[no-any-return]


@cache
def _validator(schema: str) -> Any:
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    components = _description()["components"]
    return Draft202012Validator({**_closed(json.loads(schema)), "components": components})


@cache
def _description() -> dict[str, Any]:
    description = json.loads(DESCRIPTION.read_text())
    return {"paths": description["paths"], "components": _closed(description["components"])}


def _closed(schema: Any) -> Any:
    """As JSON Schema: null is a type, and no field is allowed that is not named."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    own = {name: _closed(each) for name, each in schema.items() if name != "nullable"}
    if own.get("type") == "object" and "properties" in own:
        own.setdefault("additionalProperties", False)
    if schema.get("nullable") is True:
        return {"anyOf": [own, {"type": "null"}]} if own else {"type": "null"}
    return own
