"""The routes. Bodies are the client's own models, so both sides check them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from qdrant_client import QdrantClient
from qdrant_client.http import models

from tests.qdrant_http.strict import check


def application(api_key: str, strict: Mapping[str, Any], max_body: int) -> FastAPI:
    """An empty store behind HTTP. One request at a time: the handlers are coroutines without a
    pause, as the updates of a real shard have one order.
    """
    app = FastAPI()
    client = QdrantClient(":memory:")
    indexed = Indexed(models.StrictModeConfig(**strict))

    @app.middleware("http")
    async def check(request: Request, go_on: Callable[[Request], Awaitable[Any]]) -> Any:
        if api_key and request.headers.get("api-key") != api_key:
            return JSONResponse({"status": {"error": "Invalid API key"}}, status_code=401)
        size = int(request.headers.get("content-length", 0))
        if size > max_body:
            error = f"JSON payload ({size} bytes) is larger than allowed (limit: {max_body} bytes)."
            return JSONResponse({"status": {"error": error}}, status_code=400)
        return await go_on(request)

    @app.exception_handler(ValueError)
    async def refuse(request: Request, error: ValueError) -> JSONResponse:
        missing = "not found" in str(error) and "Index required" not in str(error)
        status = 404 if missing else 400
        return JSONResponse({"status": {"error": str(error)}}, status_code=status)

    _collections(app, client, indexed)
    _points(app, client, indexed)
    return app


class Indexed:
    """Fields with a payload index. As on a strict server, no other may stand in a condition of a
    change; searches may name others, which a user chooses, unless the server is strict with them.
    """

    def __init__(self, strict: models.StrictModeConfig) -> None:
        self.strict = strict
        self.kinds: dict[str, dict[str, str]] = {}
        """By collection and path."""

    def add(self, collection: str, field: str, kind: Any) -> None:
        self.kinds.setdefault(collection, {})[field] = kind.value

    def info(self, collection: str, found: models.CollectionInfo) -> models.CollectionInfo:
        found.config.strict_mode_config = models.StrictModeConfigOutput(**self.strict.model_dump())
        found.payload_schema = {
            field: models.PayloadIndexInfo(data_type=models.PayloadSchemaType(kind), points=0)
            for field, kind in self.kinds.get(collection, {}).items()
        }
        return found

    def check(self, collection: str, chosen: models.Filter | None) -> None:
        for field in _keys(chosen.model_dump() if chosen else None):
            if field not in self.kinds.get(collection, {}):
                raise ValueError(f'Bad request: Index required but not found for "{field}"')

    def allow(self, collection: str, body: Any) -> None:
        check(self.strict, self.kinds.get(collection, {}), body)


def _keys(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _keys(each)
    elif isinstance(part, dict):
        if isinstance(part.get("key"), str):
            yield part["key"]
        for each in part.values():
            yield from _keys(each)


def _answer(result: Any) -> JSONResponse:
    return JSONResponse({"result": _plain(result), "status": "ok", "time": 0.0})


def _plain(result: Any) -> Any:
    if isinstance(result, list):
        return [_plain(each) for each in result]
    return result.model_dump(mode="json") if hasattr(result, "model_dump") else result


def _chosen(body: models.SetPayload | models.DeletePayload) -> Any:
    return body.filter or body.points


def _collections(app: FastAPI, client: QdrantClient, indexed: Indexed) -> None:
    @app.get("/collections")
    async def listed() -> JSONResponse:
        return _answer(client.get_collections())

    @app.get("/collections/{name}/exists")
    async def exists(name: str) -> JSONResponse:
        return _answer({"exists": client.collection_exists(name)})

    @app.get("/collections/{name}")
    async def info(name: str) -> JSONResponse:
        return _answer(indexed.info(name, client.get_collection(name)))

    @app.put("/collections/{name}")
    async def create(name: str, body: models.CreateCollection) -> JSONResponse:
        if client.collection_exists(name):
            error = f"Wrong input: Collection `{name}` already exists!"
            return JSONResponse({"status": {"error": error}}, status_code=409)
        client.create_collection(
            name, vectors_config=body.vectors, sparse_vectors_config=body.sparse_vectors
        )
        return _answer(True)

    @app.delete("/collections/{name}")
    async def delete(name: str) -> JSONResponse:
        indexed.kinds.pop(name, None)
        return _answer(client.delete_collection(name))

    @app.put("/collections/{name}/index")
    async def index(name: str, body: models.CreateFieldIndex) -> JSONResponse:
        indexed.add(name, body.field_name, body.field_schema)
        return _answer(client.create_payload_index(name, body.field_name, body.field_schema))

    @app.get("/aliases")
    async def aliases() -> JSONResponse:
        return _answer(client.get_aliases())

    @app.post("/collections/aliases")
    async def change_aliases(body: models.ChangeAliasesOperation) -> JSONResponse:
        return _answer(client.update_collection_aliases(body.actions))


def _points(app: FastAPI, client: QdrantClient, indexed: Indexed) -> None:
    @app.put("/collections/{name}/points")
    async def upsert(name: str, body: models.PointsList) -> JSONResponse:
        indexed.allow(name, body)
        return _answer(
            client.upsert(
                name, body.points, update_filter=body.update_filter, update_mode=body.update_mode
            )
        )

    @app.post("/collections/{name}/points")
    async def retrieve(name: str, body: models.PointRequest) -> JSONResponse:
        fields = True if body.with_payload is None else body.with_payload
        return _answer(client.retrieve(name, body.ids, fields, body.with_vector or False))

    @app.post("/collections/{name}/points/delete")
    async def delete(name: str, body: models.FilterSelector | models.PointIdsList) -> JSONResponse:
        indexed.allow(name, body)
        if isinstance(body, models.FilterSelector):
            indexed.check(name, body.filter)
        return _answer(client.delete(name, body))

    @app.post("/collections/{name}/points/payload")
    async def set_payload(name: str, body: models.SetPayload) -> JSONResponse:
        indexed.allow(name, body)
        indexed.check(name, body.filter)
        return _answer(client.set_payload(name, body.payload, points=_chosen(body)))

    @app.post("/collections/{name}/points/payload/delete")
    async def delete_payload(name: str, body: models.DeletePayload) -> JSONResponse:
        indexed.allow(name, body)
        indexed.check(name, body.filter)
        return _answer(client.delete_payload(name, body.keys, points=_chosen(body)))

    @app.post("/collections/{name}/points/scroll")
    async def scroll(name: str, body: models.ScrollRequest) -> JSONResponse:
        indexed.allow(name, body)
        indexed.check(name, body.filter)
        points, following = client.scroll(
            name,
            body.filter,
            limit=body.limit or 10,
            offset=body.offset,
            with_payload=True if body.with_payload is None else body.with_payload,
        )
        return _answer({"points": _plain(points), "next_page_offset": following})

    @app.post("/collections/{name}/points/count")
    async def count(name: str, body: models.CountRequest) -> JSONResponse:
        indexed.allow(name, body)
        indexed.check(name, body.filter)
        return _answer(client.count(name, body.filter))

    @app.post("/collections/{name}/points/query/batch")
    async def query(name: str, body: models.QueryRequestBatch) -> JSONResponse:
        indexed.allow(name, body)
        return _answer(client.query_batch_points(name, body.searches))
