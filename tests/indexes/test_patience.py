"""What a server's answers mean to who asks, and how long it is waited for."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from qdrant_client import QdrantClient

from components.errors import (
    BadOption,
    DiskFull,
    MillraceError,
    Missing,
    Refused,
    StoreUnavailable,
)
from components.indexes.qdrant import patience
from components.indexes.qdrant.index import QdrantIndex
from components.indexes.qdrant.patience import Waiting, hurried, patient
from components.indexes.qdrant.server import Server, connect
from infra.settings import settings
from tests.qdrant_http import proxy
from tests.qdrant_http.proxy import Proxy, http


def said(error: str) -> str:
    """An error in Qdrant's own form."""
    return json.dumps({"status": {"error": error}, "time": 0})


def result(found: object) -> bytes:
    return http(200, json.dumps({"result": found, "status": "ok", "time": 0}))


VERSION = http(200, json.dumps({"title": "qdrant", "version": "1.19.0"}))
QDRANTS = said("Wrong input: no")
ALIASES = result({"aliases": []})
PAGE = "<html>nothing here</html>"
NOT_FOUND = http(404, said("Not found: No point with id 7 found"))
COMPLETED = result({"operation_id": 1, "status": "completed"})


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """What answers for a server that is not there."""
    with proxy.before("http://127.0.0.1:9") as own:
        monkeypatch.setenv("MILLRACE_QDRANT_URL", own.address)
        monkeypatch.setenv("MILLRACE_PATIENCE", "20")
        own.answer(VERSION, ALIASES)  # before anything else is asked for
        ask(connect())
        settings.cache_clear()
        yield own
        connect().client.close()


def ask(server: Server) -> object:
    return server.ask("asking", lambda client: client.get_aliases())


def change(server: Server) -> object:
    return server.ask("changing", changing)


def changing(client: QdrantClient) -> object:
    return client.set_payload("own", {"a": 1}, points=[7])


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, QDRANTS, Refused),
        (400, PAGE, Refused),
        (401, PAGE, BadOption),
        (403, QDRANTS, BadOption),
        (404, QDRANTS, Refused),
        (404, PAGE, Refused),
        (405, QDRANTS, Refused),
        (409, QDRANTS, Refused),
        (413, PAGE, Refused),
        (422, QDRANTS, Refused),
        (429, QDRANTS, Refused),
        (501, PAGE, Refused),
        (507, QDRANTS, DiskFull),
        (507, PAGE, DiskFull),
    ],
)
def test_what_can_never_succeed_is_asked_once(
    told: Proxy, status: int, body: str, kind: type[MillraceError]
) -> None:
    told.answer(http(status, body))
    with patient(), pytest.raises(MillraceError) as caught:
        ask(connect())
    assert type(caught.value) is kind
    assert len(told.asked) == 1


def test_a_collection_is_gone_where_the_server_itself_says_so(told: Proxy) -> None:
    server = connect()
    told.answer(NOT_FOUND, result({"exists": False}))
    assert server.find("changing", changing) is None
    told.answer(NOT_FOUND, result({"exists": False}))
    with pytest.raises(Missing, match="changing: Not found: No point with id 7 found"):
        change(server)


@pytest.mark.parametrize("body", [QDRANTS, PAGE, "", '{"detail": "Not Found"}'])
def test_not_found_of_somebody_before_the_server_is_no_empty_corpus(told: Proxy, body: str) -> None:
    told.answer(http(404, body))
    with pytest.raises(Refused) as caught:
        connect().find("changing", changing)
    assert "address" in caught.value.hint
    with pytest.raises(Refused):
        QdrantIndex().corpus("own").live()


def test_something_that_is_not_in_a_collection_is_no_empty_corpus(told: Proxy) -> None:
    told.answer(NOT_FOUND, result({"exists": True}), NOT_FOUND)
    with pytest.raises(Refused, match="No point with id 7 found"):
        connect().find("changing", changing)


def test_a_collection_that_was_made_meanwhile_is_asked_again(told: Proxy) -> None:
    told.answer(NOT_FOUND, result({"exists": True}), COMPLETED)
    assert change(connect()) is not None


def test_a_wrong_path_is_no_empty_corpus(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_QDRANT_URL", f"{server}/collections")
    with pytest.raises(Refused, match="status 404") as caught:
        QdrantIndex().corpus("own").live()
    assert "MILLRACE_QDRANT_URL" in caught.value.hint


@pytest.mark.parametrize(
    ("answer", "told_as", "hint"),
    [
        (
            http(401, "Must provide an API key or an Authorization bearer token"),
            "refuses the API key .*Must provide an API key",
            "set MILLRACE_QDRANT_API_KEY",
        ),
        (
            http(403, said("Forbidden: Global manage access is required")),
            r"does not allow it \(Forbidden: Global manage access is required\)",
            "for reading, for some collections",
        ),
        (http(403, "Token is expired"), "does not allow it .*Token is expired", "have expired"),
        (http(403, PAGE), r"is not allowed \(status 403\)", "a proxy"),
        (
            http(429, said("Rate limiting exceeded: write")),
            "costs more than the server's rate limit ever allows .*exceeded: write",
            "raise read_rate_limit or write_rate_limit",
        ),
        (
            http(507, said("Insufficient storage: disk quota")),
            "has no room left .*Insufficient storage: disk quota",
            "raise its quota",
        ),
    ],
    ids=["no key", "a key for reading", "a token of before", "a proxy", "a rate", "a quota"],
)
def test_what_is_wrong_is_told_as_what_it_is(
    told: Proxy, answer: bytes, told_as: str, hint: str
) -> None:
    told.answer(answer)
    with pytest.raises(MillraceError, match=f"changing: .*{told_as}") as caught:
        change(connect())
    assert hint in caught.value.hint
    assert caught.value.where == connect().name


@pytest.mark.parametrize(
    ("answer", "told_as"),
    [
        (
            http(301, PAGE, "Location: https://else.where/\r\n"),
            "status 301.* to https://else.where/",
        ),
        (http(308, "", "Location: /qdrant/\r\n"), "status 308.* to /qdrant/"),
        (http(204), "status 204"),
        (http(200, "[]"), "form of its answer is not Qdrant's .*Input should be a valid"),
        (http(200, '{"ok": true}'), "form of its answer is not Qdrant's"),
        (http(200, '{"result": null, "status": "ok"}'), "form of its answer is not Qdrant's"),
        (
            http(200, '{"result": {"aliases": [{"name": "s3cret"}]}, "status": "ok"}'),
            "form of its answer is not Qdrant's .*aliases.*Field required",
        ),
    ],
)
def test_who_answers_and_is_no_qdrant_is_told_as_a_wrong_address(
    told: Proxy, answer: bytes, told_as: str
) -> None:
    told.answer(answer)
    with patient(), pytest.raises(Refused, match=told_as) as caught:
        ask(connect())
    assert len(told.asked) == 1
    assert "MILLRACE_QDRANT_URL" in caught.value.hint
    assert "s3cret" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_an_answer_that_cannot_be_unpacked_is_asked_for_again(told: Proxy) -> None:
    told.answer(http(200, "no gzip", "Content-Encoding: gzip\r\n"), ALIASES)
    with patient():
        assert ask(connect()) is not None


def test_https_where_the_server_speaks_http_is_not_waited_for(
    told: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_QDRANT_URL", told.address.replace("http:", "https:"))
    told.answer(http(400, PAGE))
    with patient(), pytest.raises(BadOption, match="no TLS is spoken there") as caught:
        ask(connect())
    assert len(told.asked) == 1
    assert caught.value.where == "MILLRACE_QDRANT_URL"
    assert "http://" in caught.value.hint


def test_a_server_that_answers_is_not_said_not_to_answer(
    told: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    full = "Service internal error: No space left on device: WAL buffer size exceeds"
    told.answer(http(500, said(full)))
    with pytest.raises(StoreUnavailable, match=f"cannot do it now .*{full}") as caught:
        change(connect())
    assert "full disk" in caught.value.hint


@pytest.mark.parametrize("status", ["acknowledged", "wait_timeout"])
def test_a_change_that_is_not_made_yet_is_waited_for(told: Proxy, status: str) -> None:
    told.answer(result({"operation_id": 1, "status": status}), COMPLETED)
    assert change(connect()) is not None
    assert len(told.asked) == 2


def test_a_change_that_is_not_made_in_time_is_not_taken_for_made(
    told: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    told.answer(result({"operation_id": 1, "status": "wait_timeout"}))
    with pytest.raises(StoreUnavailable, match="the change is not made yet"):
        change(connect())


@pytest.mark.parametrize(
    ("status", "body"),
    [(408, ""), (425, ""), (429, PAGE), (500, QDRANTS), (503, QDRANTS), (503, "")],
)
def test_what_may_succeed_later_is_asked_again(told: Proxy, status: int, body: str) -> None:
    told.answer(http(status, body), http(status, body), ALIASES)
    with patient():
        assert ask(connect()) is not None


def test_a_page_in_the_answers_place_is_somebody_elses(told: Proxy) -> None:
    told.answer(http(200, PAGE), ALIASES)
    with patient():
        assert ask(connect()) is not None


@pytest.mark.parametrize("status", [429, 503])
def test_the_server_is_asked_no_sooner_than_it_wants_to_be(told: Proxy, status: int) -> None:
    told.answer(http(status, QDRANTS, "Retry-After: 1\r\n"), ALIASES)
    with patient():
        ask(connect())
    first, second = told.asked
    assert second - first >= 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_date_is_as_good_as_seconds(told: Proxy, status: int) -> None:
    date = formatdate(time.time() + 1, usegmt=True)
    told.answer(http(status, QDRANTS, f"Retry-After: {date}\r\n"), ALIASES)
    with patient():
        ask(connect())
    assert len(told.asked) == 2


def test_a_server_that_wants_more_than_the_patience_is_left_at_once(told: Proxy) -> None:
    told.answer(http(429, QDRANTS, "Retry-After: 60\r\n"))
    with patient(), pytest.raises(StoreUnavailable, match="asks for a longer pause") as caught:
        ask(connect())
    assert "rate limits" in caught.value.hint
    assert len(told.asked) == 1


def test_patience_ends(told: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_PATIENCE", "0.5")
    told.cut()
    with patient(), pytest.raises(StoreUnavailable, match="does not answer"):
        ask(connect())
    assert len(told.asked) > 1


def test_who_is_in_a_hurry_does_not_wait_for_the_patience(told: Proxy) -> None:
    told.cut()
    with patient(), hurried(), pytest.raises(StoreUnavailable):
        ask(connect())
    assert len(told.asked) == 5


@pytest.mark.parametrize("status", [429, 503])
def test_who_is_in_a_hurry_does_not_wait_as_long_as_a_server_asks(
    told: Proxy, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", slept.append)
    told.answer(http(status, QDRANTS, "Retry-After: 3600\r\n"), ALIASES)
    with pytest.raises(StoreUnavailable):
        ask(connect())
    assert slept == []
    assert len(told.asked) == 1


def test_what_is_waited_for_is_said_at_growing_intervals(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: now[0]))
    caplog.set_level(logging.WARNING)
    with patient():
        waiting = Waiting("qdrant:6333")
        for second in range(300):
            now[0] = float(second)
            waiting.tell("refused")
        waiting.over()
    said = [each.getMessage() for each in caplog.records]
    assert said[0] == "waiting for qdrant:6333 (refused): 1 s so far, up to 600 s"
    assert [int(each.split(": ")[-1].split(" ")[0]) for each in said[:-1]] == [
        *(1, 10, 20, 40, 80, 160)
    ]
    assert said[-1] == "qdrant:6333 answers again, after 299 s"


def test_a_blink_is_not_worth_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with patient():
        waiting = Waiting("qdrant:6333")
        waiting.tell("refused")
        waiting.over()
    assert caplog.records == []


class Closing(ThreadingHTTPServer):
    """Keeps connections open, and closes them instead of answering the second request of each."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.2", 0), _Once)  # the client keeps no connection to 127.0.0.1
        self.asked: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Once(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Closing

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = (VERSION if self.path == "/" else ALIASES).rpartition(b"\r\n\r\n")[2]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        # As a server whose time for idle connections ends just when the next request comes.
        self.rfile.readline()
        self.close_connection = True

    def log_message(self, *given: object) -> None:
        pass


def test_a_connection_that_the_server_closed_while_idle_is_not_worth_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Closing() as server:
        monkeypatch.setenv("MILLRACE_QDRANT_URL", f"http://127.0.0.2:{server.server_port}")
        with patient():
            for _ in range(3):
                assert ask(connect()) is not None
        server.shutdown()
        connect().client.close()
    assert server.asked == ["/", *["/aliases"] * 3]
    assert caplog.records == []
