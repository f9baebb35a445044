"""What a server's answers mean to who asks, and how long it is waited for."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from email.utils import formatdate
from types import SimpleNamespace

import pytest

from components.errors import (
    BadOption,
    MillraceError,
    Missing,
    Refused,
    StoreUnavailable,
)
from components.indexes.qdrant import patience
from components.indexes.qdrant.patience import Waiting, hurried, patient
from components.indexes.qdrant.server import Server, connect
from tests.qdrant_http import proxy
from tests.qdrant_http.proxy import Proxy, http

QDRANTS = json.dumps({"status": {"error": "Wrong input: no"}, "time": 0})
ALIASES = http(200, json.dumps({"result": {"aliases": []}, "status": "ok", "time": 0}))
PAGE = "<html>nothing here</html>"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """What answers for a server that is not there."""
    with proxy.before("http://127.0.0.1:9") as own:
        monkeypatch.setenv("MILLRACE_QDRANT_URL", own.address)
        monkeypatch.setenv("MILLRACE_PATIENCE", "20")
        yield own
        connect().client.close()


def ask(server: Server) -> object:
    return server.ask("asking", lambda client: client.get_aliases())


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, QDRANTS, Refused),
        (400, PAGE, Refused),
        (401, PAGE, BadOption),
        (403, QDRANTS, BadOption),
        (404, QDRANTS, Missing),
        (404, PAGE, Refused),
        (405, QDRANTS, Refused),
        (409, QDRANTS, Refused),
        (413, PAGE, Refused),
        (422, QDRANTS, Refused),
        (429, QDRANTS, Refused),
        (501, PAGE, Refused),
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


def test_only_qdrant_itself_says_that_a_collection_is_not_there(told: Proxy) -> None:
    told.answer(http(404, QDRANTS))
    assert connect().find("asking", lambda client: client.get_aliases()) is None
    told.answer(http(404, PAGE))
    with pytest.raises(Refused):
        connect().find("asking", lambda client: client.get_aliases())


@pytest.mark.parametrize(
    ("status", "body"), [(408, ""), (425, ""), (429, PAGE), (500, QDRANTS), (503, ""), (507, "")]
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
    with patient(), pytest.raises(StoreUnavailable):
        ask(connect())
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
