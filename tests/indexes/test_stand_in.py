"""The stand-in answers as a Qdrant server does, where the adapter can meet it; some of it is also
asked of the real server that MILLRACE_QDRANT_URL names.
"""

from __future__ import annotations

import multiprocessing
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.qdrant_http import running, schema, start
from tests.qdrant_http.app import ROUTES
from tests.qdrant_http.options import Options

REAL = os.environ.get("MILLRACE_QDRANT_URL", "")
WORDS = {"must": [{"key": "word", "match": {"value": "x"}}]}
UNKNOWN = "11111111-1111-1111-1111-111111111111"


class Client:
    """Asks with JSON; answers are a status and what is said. `own` is a collection's name."""

    def __init__(self, address: str, key: str | None = None, own: str = "own") -> None:
        self.address = address
        self.own = own
        self._client = httpx.Client(base_url=address, headers={"api-key": key} if key else {})

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        if body is not None:
            options["json"] = body
        path = path.replace("/collections/own", f"/collections/{self.own}")
        answer = self._client.request(method, path, **options)
        told = answer.json()
        return answer.status_code, told["result"] if "result" in told else told["status"]["error"]

    def put(self, *points: Any, **fields: Any) -> tuple[int, Any]:
        return self.ask("PUT", "/collections/own/points?wait=true", {"points": points, **fields})

    def payload(self, identifier: int) -> Any:
        asked = {"ids": [identifier], "with_payload": True}
        _, found = self.ask("POST", "/collections/own/points", asked)
        return found[0]["payload"] if found else None

    def fill(self) -> None:
        """Make the collection, with three points."""
        vectors = {"dense": {"size": 2, "distance": "Cosine"}}
        words = {"sparse": {"modifier": "idf"}}
        self.ask("PUT", "/collections/own", {"vectors": vectors, "sparse_vectors": words})
        self.put(
            {"id": 1, "vector": {"dense": [3, 4]}, "payload": {"word": "x", "number": 2.0}},
            {"id": 2, "vector": {"dense": [0, 1]}, "payload": {"word": "y", "number": 2}},
            {"id": 3, "vector": {}, "payload": {"word": ["x", "z"]}},
        )


@contextmanager
def serving(**options: Any) -> Iterator[Client]:
    """A stand-in with a collection, another one and an alias."""
    options = {"strict": {}, **options}
    with running(checked=False, **options) as address:
        client = Client(address, options.get("api_key"))
        client.fill()
        client.ask("PUT", "/collections/other", {"vectors": {}})
        made = {"create_alias": {"collection_name": "own", "alias_name": "alias"}}
        client.ask("POST", "/collections/aliases", {"actions": [made]})
        yield client


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with serving() as client:
        yield client


@pytest.fixture(scope="module")
def real() -> Iterator[Client]:
    own = f"test-{uuid.uuid4().hex[:8]}"
    client = Client(REAL, os.environ.get("MILLRACE_QDRANT_API_KEY"), own)
    client.fill()
    yield client
    client.ask("DELETE", "/collections/own")


@pytest.fixture(
    params=[
        "client",
        pytest.param(
            "real",
            marks=[
                pytest.mark.live,
                pytest.mark.skipif(not REAL, reason="MILLRACE_QDRANT_URL names no server"),
            ],
        ),
    ]
)
def either(request: pytest.FixtureRequest) -> Client:
    found: Client = request.getfixturevalue(request.param)
    return found


def upserted(**point: Any) -> tuple[str, str, Any]:
    return "PUT", "/points", {"points": [{"id": 9, "vector": {}, **point}]}


def searched(**search: Any) -> tuple[str, str, Any]:
    wanted = {"query": [1, 0], "using": "dense", **search}
    return "POST", "/points/query/batch", {"searches": [wanted]}


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        (("PUT", "/points", {"points": "none"}), 400, "Format error in JSON body: "),
        (("PUT", "/points", {"points": []}), 400, "Wrong input: Empty update request"),
        (upserted(id=-1), 400, "Format error in JSON body: value -1 is not a valid point ID"),
        (upserted(id="a"), 400, "Format error in JSON body: value a is not a valid point ID"),
        (upserted(vector=None), 400, "Format error in JSON body: "),
        (upserted(vector={"dense": [1]}), 400, "Wrong input: Vector dimension error: expected"),
        (upserted(vector={"none": [1]}), 400, "Wrong input: Not existing vector name error: none"),
        (upserted(vector={"dense": []}), 422, "Validation error in JSON body: "),
        (
            upserted(vector={"sparse": {"indices": [1, 2], "values": [1]}}),
            422,
            "Validation error in JSON body: [values: must be the same length as indices]",
        ),
        (
            upserted(vector={"sparse": {"indices": [1, 1], "values": [1, 2]}}),
            422,
            "Validation error in JSON body: [indices: must be unique]",
        ),
        (searched(using="none"), 400, "Wrong input: Not existing vector name error: none"),
        (searched(query=[1]), 400, "Wrong input: Vector dimension error: expected dim: 2, got 1"),
        (searched(limit=0), 422, "Validation error in JSON body: [limit: "),
        (searched(params={"quantization": {"oversampling": 0.5}}), 422, "Validation error in JSON"),
        (searched(filter={"most": []}), 400, "Format error in JSON body: unknown field `most`"),
        (searched(filter={"must": [{"key": "a"}]}), 422, "Validation error in JSON body: [At"),
        (
            searched(filter={"must": [{"key": "a", "match": {"value": 2.5}}]}),
            400,
            "Format error in JSON body: ",
        ),
        (
            searched(filter={"must": [{"key": 'm."a\\b"', "match": {"value": "x"}}]}),
            400,
            "Format error in JSON body: invalid JSON path",
        ),
        (("POST", "/points/scroll", {"limit": 0}), 422, "Validation error in JSON body: [limit: "),
        (
            ("PUT", "/index", {"field_name": 'm."a\\b"', "field_schema": "keyword"}),
            400,
            "Format error in JSON body: invalid JSON path",
        ),
        (("PUT", "/index", {"field_name": "a"}), 400, "Bad request: Can't auto-detect field type"),
        (
            ("POST", "/points/delete", {}),
            400,
            "Format error in JSON body: ",
        ),
        (
            ("POST", "/points/payload", {"payload": {"a": 1}}),
            400,
            "Format error in JSON body: Either list of point ids or filter must be provided",
        ),
        (
            ("POST", "/points/payload", {"payload": {"a": 1}, "points": [99]}),
            404,
            "Not found: No point with id 99 found",
        ),
        (
            ("POST", "/points/payload/delete", {"keys": ["a"], "points": [UNKNOWN]}),
            404,
            f"Not found: No point with id {UNKNOWN} found",
        ),
        (("PUT", "/points?wait=yes", {"points": []}), 400, "Deserialize error in query param"),
        (("PUT", "/points?ordering=any", {"points": []}), 400, "Deserialize error in query param"),
    ],
)
def test_what_is_wrong_with_points(
    either: Client, asked: tuple[str, str, Any], status: int, said: str
) -> None:
    method, path, body = asked
    code, told = either.ask(method, f"/collections/own{path}", body)
    assert code == status
    assert told.startswith(said)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("PUT", "own", {"vectors": {}}, 409, "Wrong input: Collection `own` already exists!"),
        ("PUT", "alias", {"vectors": {}}, 400, "Wrong input: Can't create collection with name al"),
        ("PUT", "a%3Ab", {"vectors": {}}, 422, "Validation error in path parameters: "),
        ("PUT", "x" * 256, {"vectors": {}}, 422, "Validation error in path parameters: "),
        ("PUT", "new", {"vectors": {}, "shard_number": 0}, 422, "Validation error in JSON body: "),
        (
            "PUT",
            "new",
            {"vectors": {"dense": {"size": 65537, "distance": "Cosine"}}},
            422,
            "Validation error in JSON body: [vectors.size: ",
        ),
        ("GET", "none", None, 404, "Not found: Collection `none` doesn't exist!"),
        (
            "POST",
            "none/points/query/batch",
            {"searches": []},
            404,
            "Not found: Collection `none` doesn't exist!",
        ),
    ],
)
def test_what_is_wrong_with_collections(
    client: Client, method: str, path: str, body: Any, status: int, said: str
) -> None:
    code, told = client.ask(method, f"/collections/{path}", body)
    assert (code, told[: len(said)]) == (status, said)


def aliased(alias: str, collection: str) -> dict[str, Any]:
    return {"create_alias": {"alias_name": alias, "collection_name": collection}}


def test_aliases(client: Client) -> None:
    def change(*actions: Any) -> tuple[int, Any]:
        return client.ask("POST", "/collections/aliases", {"actions": actions})

    assert change(aliased("other", "own"))[0] == 409
    assert change(aliased("new", "none"))[0] == 404
    assert change({"delete_alias": {"alias_name": "none"}}) == (200, True)
    # What was done before the action that failed stays done.
    assert change(aliased("new", "own"))[0] == 200
    assert change({"delete_alias": {"alias_name": "new"}}, aliased("new", "none"))[0] == 404
    assert client.ask("GET", "/collections/new/exists") == (200, {"exists": False})
    assert client.ask("GET", "/collections/alias/exists") == (200, {"exists": True})
    assert client.ask("DELETE", "/collections/alias") == (200, False)
    assert client.ask("DELETE", "/collections/none") == (200, False)


def test_a_body_that_is_too_large_or_no_json() -> None:
    with serving(max_body=1000) as client:
        large = {"id": 1, "vector": {}, "payload": {"text": "x" * 1000}}
        status, said = client.put(large)
        assert status == 400
        assert said.endswith("bytes) is larger than allowed (limit: 1000 bytes).")
        for text in ("{", '{"points": [{"id": 1, "vector": {"dense": [NaN, 1.0]}}]}'):
            status, said = client.ask("PUT", "/collections/own/points", content=text)
            assert status == 400
            assert said.startswith("Format error in JSON body: ")


def test_unknown_fields_are_ignored_and_a_write_says_nothing_of_what_it_chose(
    either: Client,
) -> None:
    point = {"id": 7, "vector": {}, "payload": {"a": 1}, "unknown": 1}
    assert either.put(point, unknown=1)[0] == 200
    change = {"payload": {"a": 2}, "filter": {"must": [{"has_id": []}]}}
    status, done = either.ask("POST", "/collections/own/points/payload?wait=true", change)
    assert (status, done["status"], either.payload(7)) == (200, "completed", {"a": 1})
    chosen = {"payload": {"a": 3}, "points": [7], "filter": {"must": [{"has_id": [1]}]}}
    _, done = either.ask("POST", "/collections/own/points/payload", chosen)
    assert (done["status"], either.payload(7)) == ("acknowledged", {"a": 3})
    either.ask("POST", "/collections/own/points/payload", {"payload": {"a": None}, "points": [7]})
    assert either.payload(7) == {}
    assert either.ask("POST", "/collections/own/points/delete", {"points": [7, 99]})[0] == 200


def test_indexes_have_types() -> None:
    with serving() as client:

        def found(kind: str, condition: Any) -> list[int]:
            client.ask("PUT", "/collections/own/index", {"field_name": "number", **of(kind)})
            asked = {"filter": {"must": [{"key": "number", **condition}]}}
            _, answer = client.ask("POST", "/collections/own/points/scroll", asked)
            return [each["id"] for each in answer["points"]]

        def of(kind: str) -> dict[str, str]:
            return {"field_schema": kind}

        assert found("keyword", {"match": {"value": 2}}) == [2]
        assert found("integer", {"match": {"value": 2}}) == [1, 2]
        assert found("integer", {"range": {"gte": 2.5}}) == []
        client.ask("PUT", "/collections/own/index", {"field_name": 'm."a"', **of("keyword")})
        _, info = client.ask("GET", "/collections/own")
        types = {name: each["data_type"] for name, each in info["payload_schema"].items()}
        assert types == {"number": "integer", "m.a": "keyword"}


def test_vectors_come_back_normalised(either: Client) -> None:
    asked = {"ids": [3, 1, 1], "with_vector": True, "with_payload": False}
    _, found = either.ask("POST", "/collections/own/points", asked)
    assert [each["id"] for each in found] == [3, 1]
    assert found[0]["vector"] == {}
    assert found[1]["vector"]["dense"] == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize(
    ("version", "payload"), [("1.17.0", {"old": 1}), ("1.16.3", {"new": 1}), ("1.15.3", {"new": 1})]
)
def test_a_server_ignores_what_is_newer_than_itself(version: str, payload: Any) -> None:
    with serving(version=version) as client:
        client.put({"id": 5, "vector": {}, "payload": {"old": 1}})
        client.put({"id": 5, "vector": {}, "payload": {"new": 1}}, update_mode="insert_only")
        assert client.payload(5) == payload
        client.put({"id": 6, "vector": {}, "payload": {"old": 1}})
        nothing: Any = {"must": [{"has_id": []}]}
        client.put({"id": 6, "vector": {}, "payload": {"new": 1}}, update_filter=nothing)
        assert client.payload(6) == ({"new": 1} if version == "1.15.3" else {"old": 1})


@pytest.mark.parametrize(("version", "expected"), [("1.19.0", 0.1823), ("1.18.2", 0.3567)])
def test_the_corpus_of_idf(version: str, expected: float) -> None:
    with serving(version=version) as client:
        terms = [[1], [1], [1], [2]]
        for number, indices in enumerate(terms, start=10):
            vector = {"sparse": {"indices": indices, "values": [1.0] * len(indices)}}
            client.put({"id": number, "vector": vector, "payload": {"of": number % 2}})
        corpus = {"must": [{"key": "of", "match": {"value": 0}}]}
        query = {"indices": [1], "values": [1.0]}
        method, path, body = searched(
            query=query, using="sparse", params={"idf": {"corpus": corpus}}
        )
        _, (found,) = client.ask(method, f"/collections/own{path}", body)
        assert found["points"][0]["score"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("optimizers", "expected"),
    [
        ({}, 0.6931),
        ({"indexing_threshold": 1}, 0.6931),
        ({"deleted_threshold": 0.05, "vacuum_min_vector_number": 9}, 0.8472),
    ],
)
def test_what_is_deleted_counts_in_idf_until_it_is_vacuumed(
    optimizers: dict[str, Any], expected: float
) -> None:
    with serving(optimizers=optimizers) as client:
        vectors = [{"sparse": {"indices": [each % 2], "values": [1]}} for each in range(400)]
        client.put(*({"id": id, "vector": {"dense": [1, 0], **v}} for id, v in enumerate(vectors)))
        client.ask("GET", "/collections/own")
        gone = list(range(1, 100, 2))
        assert client.ask("POST", "/collections/own/points/delete", {"points": gone})[0] == 200
        client.ask("GET", "/collections/own")
        method, path, body = searched(query={"indices": [1], "values": [1]}, using="sparse")
        _, (found,) = client.ask(method, f"/collections/own{path}", body)
        assert found["points"][0]["score"] == pytest.approx(expected, abs=1e-3)


def test_keys() -> None:
    with serving(api_key="s3cret", read_only_key="look") as client:

        def ask(method: str, path: str, **headers: str) -> tuple[int, str]:
            answer = httpx.request(method, f"{client.address}/{path}", headers=headers)
            return answer.status_code, answer.text

        said = "Must provide an API key or an Authorization bearer token"
        assert ask("GET", "collections") == (401, said)
        assert ask("GET", "collections", **{"api-key": "x"}) == (401, "Invalid API key or JWT")
        assert ask("GET", "collections", Authorization="Bearer s3cret")[0] == 200
        assert ask("GET", "collections", **{"api-key": "look"})[0] == 200
        status, text = ask("DELETE", "collections/own", **{"api-key": "look"})
        assert status == 403
        assert '"Forbidden: ' in text
        status, text = ask("GET", "")
        assert status == 200
        assert '"version":"1.19.0"' in text
        assert ask("GET", "readyz")[0] == 200


LIMITED = {
    "max_query_limit": 5,
    "search_max_batchsize": 1,
    "search_max_oversampling": 2.0,
    "upsert_max_batchsize": 4,
    "filter_max_conditions": 2,
    "condition_max_size": 2,
    "max_payload_index_count": 2,
    "max_timeout": 5,
    "search_allow_exact": False,
    "unindexed_filtering_retrieve": False,
    "unindexed_filtering_update": False,
}


@pytest.fixture(scope="module")
def strict() -> Iterator[Client]:
    with serving(strict={"enabled": True, **LIMITED}) as client:
        for field in (("word", "keyword"), ("number", "integer")):
            body = dict(zip(("field_name", "field_schema"), field, strict=True))
            client.ask("PUT", "/collections/own/index", body)
        yield client


def chosen(*values: Any, key: str = "word") -> dict[str, Any]:
    return {"filter": {"must": [{"key": key, "match": {"any": values}}]}}


def index_needed(key: str, types: str) -> str:
    said = f'Bad request: Index required but not found for "{key}" of one of the following types'
    return f"{said}: [{types}]"


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("scroll", {"limit": 6}, 'Bad request: Limit exceeded 6 > 5 for "limit". Help: Reduce'),
        ("count", {"exact": True}, "Bad request: Exact search disabled!. Help: Set exact=false."),
        ("count", {}, "Bad request: Exact search disabled!. Help: Set exact=false."),
        ("scroll", chosen("x", key="none"), index_needed("none", "keyword")),
        ("scroll", chosen(1), index_needed("word", "integer")),
        ("scroll", chosen(UNKNOWN, key="none"), index_needed("none", "keyword, uuid")),
        ("scroll", chosen("x", "y", "z"), "Bad request: Condition size limit reached (3 > 2)"),
        ("delete", chosen("x", key="none"), index_needed("none", "keyword")),
        ("payload", {"payload": {}, **chosen("x", key="none")}, index_needed("none", "keyword")),
        ("scroll?timeout=6", {}, 'Bad request: Limit exceeded 6 > 5 for "timeout"'),
        (
            "query/batch",
            {"searches": [{}, {}]},
            'Bad request: Limit exceeded 2 > 1 for "searches"',
        ),
        (
            "query/batch",
            {"searches": [{"params": {"quantization": {"oversampling": 3.0}}}]},
            'Bad request: Limit exceeded 3.0 > 2.0 for "oversampling"',
        ),
        (
            "query/batch",
            {"searches": [{"params": {"exact": True}}]},
            "Bad request: Exact search disabled!",
        ),
        (
            "query/batch",
            {"searches": [{"params": {"idf": {"corpus": chosen("x", key="none")["filter"]}}}]},
            index_needed("none", "keyword"),
        ),
        (
            "scroll",
            {"filter": {"must": [*WORDS["must"] * 2, {"should": WORDS["must"]}]}},
            "Bad request: Filter condition limit reached (3 > 2)",
        ),
    ],
)
def test_strict_mode(strict: Client, path: str, body: Any, said: str) -> None:
    status, told = strict.ask("POST", f"/collections/own/points/{path}", body)
    assert (status, told[: len(said)]) == (400, said)


def test_what_strict_mode_allows(strict: Client) -> None:
    def status(path: str, body: Any) -> int:
        return strict.ask("POST", f"/collections/own/points/{path}", body)[0]

    assert status("scroll", chosen("x")) == 200
    assert status("scroll", chosen(1, key="number")) == 200
    assert status("scroll", chosen(key="none")) == 200  # finds nothing, in every index
    assert status("count", {"exact": False, **chosen("x")}) == 200
    points = [{"id": number, "vector": {}} for number in range(5)]
    assert strict.put(*points)[1].startswith('Bad request: Limit exceeded 5 > 4 for "points"')
    # Counted before it is looked whether the index is there.
    word = {"field_name": "word", "field_schema": "keyword"}
    assert strict.ask("PUT", "/collections/own/index", word)[0] == 400
    none = {"must": [{"key": "none", "match": {"value": "x"}}]}
    assert strict.put({"id": 8, "vector": {}}, update_filter=none)[0] == 200


def test_rates() -> None:
    with serving(strict={"enabled": True, "write_rate_limit": 4, "read_rate_limit": 1}) as client:
        points = [{"id": number, "vector": {}} for number in range(5)]
        url = f"{client.address}/collections/own/points"
        never = httpx.put(url, json={"points": points})
        assert never.status_code == 429
        assert "retry-after" not in never.headers
        later = httpx.put(url, json={"points": points[:4]})
        assert later.status_code == 429
        assert 1 <= int(later.headers["retry-after"]) <= 60
        assert later.json()["status"]["error"].startswith("Rate limiting exceeded: ")


def test_an_optimiser_that_comes_later() -> None:
    with serving(statuses=("grey", "yellow", "red", "green")) as client:
        looks = [client.ask("GET", "/collections/own")[1] for _ in range(5)]
        assert [each["status"] for each in looks] == ["grey", "yellow", "red", "green", "green"]
        assert [each["optimizer_status"] == "ok" for each in looks] == [
            True,
            True,
            False,
            True,
            True,
        ]


def test_nothing_is_left_when_it_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    others = set(multiprocessing.active_children())
    with serving():
        assert list(tmp_path.glob("qdrant-*"))
        (process,) = set(multiprocessing.active_children()) - others
        process.kill()
        process.join()
    assert not list(tmp_path.glob("qdrant-*"))


def test_it_ends_with_who_started_it(tmp_path: Path) -> None:
    folder = tmp_path / "held"
    folder.mkdir()
    process, started = start(Options(folder=folder))
    Client(started.recv()).ask("PUT", "/collections/own", {"vectors": {}})
    assert list(folder.iterdir())
    started.close()  # as the system does when a process is killed
    process.join(20)
    assert process.exitcode is not None
    assert not folder.exists()


def test_the_documentation_lists_what_is_asked() -> None:
    text = (Path(__file__).parents[2] / "docs" / "indexes.md").read_text()
    assert [route for route in ROUTES if f"`{route}`" not in text] == []


@pytest.mark.skipif(not schema.DESCRIPTION.exists(), reason="the description is not there")
def test_a_request_that_is_not_valid_is_told() -> None:
    told = pytest.raises(AssertionError, match=r"PUT /collections/\{name\} is not valid")
    with told, running() as address:
        Client(address).ask("PUT", "/collections/own", {"vectors": {}, "shards": 1})
