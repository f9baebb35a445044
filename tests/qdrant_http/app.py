"""The routes: who may ask, what the body must be, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qdrant_client.http import models
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.qdrant_http import bodies, points, schema, strict
from tests.qdrant_http.answers import Fault, result
from tests.qdrant_http.collections import Collections, faults
from tests.qdrant_http.options import Options

_POINTS = "/collections/{name}"


@dataclass(frozen=True)
class _Act:
    """What is done for a route. With `points` it takes the collection of that name, else all
    collections, the name and the body.
    """

    do: Callable[..., Any]
    kind: Any = None
    """Of the body, None for none."""
    points: bool = False
    reads: bool = False


ROUTES = {
    "GET /collections": _Act(lambda all, name, body: all.names(), reads=True),
    "GET /collections/{name}": _Act(lambda all, name, body: all.get(name).info(), reads=True),
    "GET /collections/{name}/exists": _Act(lambda all, name, body: all.exists(name), reads=True),
    "PUT /collections/{name}": _Act(Collections.create, models.CreateCollection),
    "DELETE /collections/{name}": _Act(lambda all, name, body: all.delete(name)),
    "GET /aliases": _Act(lambda all, name, body: all.aliases(), reads=True),
    "POST /collections/aliases": _Act(
        lambda all, name, body: all.change_aliases(body), models.ChangeAliasesOperation
    ),
    f"PUT {_POINTS}/index": _Act(points.index, models.CreateFieldIndex, points=True),
    f"PUT {_POINTS}/points": _Act(points.upsert, models.PointsList, points=True),
    f"POST {_POINTS}/points/delete": _Act(
        points.delete, models.PointIdsList | models.FilterSelector, points=True
    ),
    f"POST {_POINTS}/points/payload": _Act(points.set_payload, models.SetPayload, points=True),
    f"POST {_POINTS}/points/payload/delete": _Act(
        points.delete_payload, models.DeletePayload, points=True
    ),
    f"POST {_POINTS}/points": _Act(points.retrieve, models.PointRequest, True, True),
    f"POST {_POINTS}/points/scroll": _Act(points.scroll, models.ScrollRequest, True, True),
    f"POST {_POINTS}/points/count": _Act(points.count, models.CountRequest, True, True),
    f"POST {_POINTS}/points/query/batch": _Act(points.query, models.QueryRequestBatch, True, True),
}
"""What the adapter asks."""
_OPERATORS = {"PATCH /collections/{name}": _Act(Collections.update, models.UpdateCollection)}
"""What whoever runs the server asks."""


def application(options: Options) -> Starlette:
    """An empty server. One request at a time: once a body is there, nothing pauses until it is
    answered, as the updates of a real shard have one order.
    """
    held = Collections(options)
    notes = schema.Notes(options.notes) if options.notes else None

    def route(place: str, act: _Act) -> Route:
        method, _, path = place.partition(" ")

        async def answer(request: Request) -> Response:
            content = await request.body()
            if notes:
                notes.add(method, path, request.query_params, content)
            try:
                return _refused(request, options, act) or _done(request, content, options, act)
            except Fault as fault:
                return fault.response

        return Route(path, answer, methods=[method])

    def _done(request: Request, content: bytes, options: Options, act: _Act) -> Response:
        bodies.check_query(request.query_params)
        name = request.path_params.get("name")
        body = bodies.read(act.kind, content, options) if act.kind else None
        with faults():
            if not act.points:
                return result(act.do(held, name, body))
            collection = held.get(str(name))
            strict.check(collection, body, request.query_params.get("timeout"))
            found = act.do(collection, body)
        if act.reads:
            return result(found)
        waited = request.query_params.get("wait") == "true"
        return result({"operation_id": 0, "status": "completed" if waited else "acknowledged"})

    return Starlette(
        routes=[*_public(options), *(route(*each) for each in (ROUTES | _OPERATORS).items())]
    )


def _refused(request: Request, options: Options, act: _Act) -> Response | None:
    if not options.api_key:
        return None
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    key = request.headers.get("api-key") or bearer
    if not key:
        said = "Must provide an API key or an Authorization bearer token"
        return PlainTextResponse(said, 401)
    if key == options.api_key or (act.reads and key == options.read_only_key):
        return None
    if key == options.read_only_key:
        raise Fault(403, "Forbidden: Global manage access is required")
    return PlainTextResponse("Invalid API key or JWT", 401)


def _public(options: Options) -> list[Route]:
    """What is served without a key."""

    async def root(request: Request) -> Response:
        said = {"version": options.version} if options.version else {}
        return JSONResponse({"title": "qdrant - vector search engine", **said})

    async def ready(request: Request) -> Response:
        return PlainTextResponse("all shards are ready")

    return [Route("/", root), Route("/readyz", ready)]
