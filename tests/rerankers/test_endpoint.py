"""E²Rank served by an OpenAI-compatible endpoint, here one on loopback with the same model."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from components.encoders.hashing import Hashing
from components.encoders.naive import Naive
from components.errors import BadOption, MillraceError, Unavailable
from components.registry import build, resolve
from components.rerankers.e2rank import served as module
from components.rerankers.e2rank.embedders import Embedder
from components.rerankers.e2rank.reranker import E2Rank
from components.values import Query, Ranked
from tests.rerankers.published import MODEL
from tests.rerankers.test_e2rank import QUERY, e2rank, encoder, listed, names, stored, texts

pytest.importorskip("openai")
pytestmark = pytest.mark.usefixtures("hub")
KEY = "sk-very-secret-0123456789"


@dataclass
class Server:
    """What it does next, and what it was asked."""

    reader: Embedder
    address: str = ""
    refusals: list[int] = field(default_factory=list)
    """Statuses of the next answers, before good ones."""
    damaged: bool = False
    said: bytes = b""
    """Instead of an answer."""
    kind: str = "application/json"
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append(body)
        if self.refusals:
            return self.refusals.pop(0), {"error": {"message": f"no, not with {KEY}"}}
        rows = self.reader.prompts(body["input"]).tolist()
        data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(rows)]
        if self.damaged:
            data.pop()
        return 200, {"object": "list", "model": body["model"], "data": data[::-1]}


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(e2rank()._prompted.embedder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/embeddings"
            made.keys.append(self.headers["Authorization"])
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, found = made.answer(body)
            said = made.said or json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Type", made.kind)
            self.send_header("Content-Length", str(len(said)))
            self.send_header("retry-after-ms", "1")
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.address = f"http://127.0.0.1:{listening.server_port}/v1"
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield made
    listening.shutdown()
    listening.server_close()
    thread.join(timeout=10)


def served(server: Server, by: Any = None, **options: Any) -> E2Rank:
    return e2rank(by, endpoint=server.address, **options)


def order(by: E2Rank, count: int = 40) -> tuple[list[str], list[float]]:
    documents = texts(count)
    vectors = [stored(documents)] if by.needs_vectors else []
    (found,) = by.rerank([Query(text=QUERY)], Ranked([listed(documents)]), vectors)
    return names(found), [each.score for each in found]


def test_as_the_model_in_this_process(server: Server) -> None:
    for options in ({"vectors": "encode"}, {"vectors": "encode", "window": 20}):
        there = order(served(server, **options))
        here = order(e2rank(**options))
        assert there[0] == here[0]
        assert there[1] == pytest.approx(here[1], abs=1e-5)


def test_stored_vectors_are_used_where_the_models_have_one_name(server: Server) -> None:
    assert order(served(server, encoder()))[0] == order(e2rank(encoder()))[0]
    assert len(server.asked) == 1
    assert len(server.asked[0]["input"]) == 1
    assert server.asked[0]["model"] == "Alibaba-NLP/E2Rank-0.6B"  # as servers call it
    assert not served(server, Hashing()).needs_vectors


def test_vectors_that_no_name_makes_comparable_are_not_used(server: Server) -> None:
    assert not served(server, encoder(layers=1)).needs_vectors
    pooled = Naive()
    assert not E2Rank(model="minilm", endpoint=server.address, encoder=pooled).needs_vectors


def test_many_texts_are_sent_in_batches(server: Server) -> None:
    order(served(server, vectors="encode"), count=100)
    assert [len(each["input"]) for each in server.asked] == [32, 32, 32, 4, 1]


def test_a_passing_refusal_is_tried_again(server: Server) -> None:
    server.refusals = [429, 500, 503]
    assert order(served(server, encoder()))[0] == order(e2rank(encoder()))[0]
    assert len(server.asked) == 4


def test_a_lasting_one_is_told(server: Server) -> None:
    server.refusals = [500] * 100
    with pytest.raises(Unavailable, match="refused: 500"):
        order(served(server, encoder()))
    assert len(server.asked) == 1 + module._RETRIES


def test_the_key_is_sent_and_never_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    by = served(server, encoder(), key="MY_KEY")
    order(by)
    assert server.keys == [f"Bearer {KEY}"]
    server.refusals = [401]
    with pytest.raises(BadOption, match="refused: 401") as caught:
        order(by)
    error: MillraceError = caught.value
    assert error.where == server.address
    for told in (str(error), error.hint, error.where, repr(by)):
        assert KEY not in told


def test_no_key_is_needed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MILLRACE_ENDPOINT_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)  # which is for somebody else
    order(served(server, encoder()))
    assert KEY not in server.keys[0]


def test_too_few_vectors(server: Server) -> None:
    server.damaged = True
    with pytest.raises(Unavailable, match="vectors came for"):
        order(served(server, vectors="encode"))


@pytest.mark.parametrize(
    "body",
    [
        b"<html>hello</html>",
        b"{}",
        b'{"data": [',
        b'{"data": [{"index": 0, "embedding": [1, null]}]}',
        b'{"data": [{"index": 0, "embedding": 3}]}',
        b'{"data": [{"index": 5, "embedding": [1, 2]}]}',
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/html"])
def test_answers_that_are_no_vectors(server: Server, body: bytes, kind: str) -> None:
    server.said, server.kind = body, kind
    with pytest.raises(Unavailable, match=r"no embeddings|did not answer") as caught:
        order(served(server, encoder()))
    assert caught.value.where == server.address


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint": "localhost:8000/v1"},
        {"endpoint": f"http://me:{KEY}@127.0.0.1/v1"},
        {"endpoint": "http://127.0.0.1:8000/v1", "key": KEY},
    ],
)
def test_what_is_no_address_or_no_variable_is_refused_unseen(options: dict[str, str]) -> None:
    with pytest.raises(BadOption) as caught:
        build("reranker", resolve("reranker", "e2rank", {"model": MODEL, **options}))
    assert KEY not in f"{caught.value} {caught.value.hint} {caught.value.where}"


def test_a_key_that_no_header_may_hold(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "schlüssel")
    with pytest.raises(BadOption, match="no header"):
        order(served(server, encoder(), key="MY_KEY"))


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRIES", 0)
    by = e2rank(encoder(), endpoint="http://127.0.0.1:9/v1")
    with pytest.raises(Unavailable, match="did not answer") as caught:
        order(by)
    assert "running" in caught.value.hint
