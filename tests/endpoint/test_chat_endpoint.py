"""A chat model behind an endpoint, here a scripted one on loopback."""

from __future__ import annotations

import gc
import json
import pickle
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from components.endpoint.chat import Endpoint
from components.endpoint.conversation import Message
from components.endpoint.ledger import Ledger
from components.endpoint.once import Once
from components.errors import (
    BadOption,
    DiskFull,
    EndpointUnavailable,
    GuardStopped,
    MillraceError,
    Unavailable,
)
from components.values import Usage
from tests import full_disk
from tests.endpoint.server import ChatServer, Reply, Script, chat_server

pytest.importorskip("openai")
KEY = "sk-very-secret-0123456789"
QUESTION = [Message("system", "Be brief."), Message("user", "Why?")]
Made = Callable[..., tuple[ChatServer, Endpoint, list[float]]]


@pytest.fixture
def made() -> Iterator[Made]:
    """A server with a script, its endpoint, and the seconds that the endpoint would have slept."""
    opened = []

    def make(script: Script = (), **options: Any) -> tuple[ChatServer, Endpoint, list[float]]:
        context = chat_server(script)
        server = context.__enter__()
        opened.append(context)
        slept: list[float] = []
        given = {"model": "tiny", "key": "MY_KEY", "input_price": 2.0, "output_price": 8.0}
        by = Endpoint(address=server.address, sleep=slept.append, **{**given, **options})
        return server, by, slept

    yield make
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def reported(server: ChatServer) -> Usage:
    """What the server says that all its answers took, at the prices of `made`."""
    of_input, of_output = (sum(each) for each in zip(*server.reported, strict=True))
    return Usage(
        calls=len(server.reported),
        input_tokens=of_input,
        output_tokens=of_output,
        cost=(of_input * 2 + of_output * 8) / 1e6,
    )


def test_an_answer_and_what_it_took(made: Made, stream: bool) -> None:
    text = "Because of 🦙s, [1] and {braces}."
    server, by, _ = made([Reply(text, usage=(120, 30))], stream=stream, max_tokens=99)
    said = by.ask(QUESTION, "answer")
    assert (said.text, said.cut) == (text, False)
    assert said.usage == reported(server) == by.ledger.totals.known
    assert said.usage.cost == (120 * 2 + 30 * 8) / 1e6
    (asked,) = server.asked
    assert asked.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
    ]
    assert (asked.body["model"], asked.body["max_tokens"]) == ("tiny", 99)
    assert asked.body["temperature"] == 0.0
    assert bool(asked.body.get("stream")) == stream


def test_a_cut_answer_says_so(made: Made, stream: bool) -> None:
    _, by, _ = made([Reply("Beca", finish="length")], stream=stream)
    assert by.ask(QUESTION, "answer").cut


def test_the_servers_own_temperature(made: Made) -> None:
    server, by, _ = made(temperature=None)
    by.ask(QUESTION, "answer")
    assert "temperature" not in server.asked[0].body


def test_refusals_that_pass_are_tried_again_each_on_the_books(
    made: Made, stream: bool, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path / "ledger.jsonl")
    refusals = [Reply("later", status=status) for status in (429, 500, 503, 529)]
    server, by, slept = made([*refusals, "Fine."], stream=stream, ledger=ledger)
    assert by.ask(QUESTION, "answer").text == "Fine."
    assert ledger.totals.known == reported(server)
    assert ledger.totals.unsure == Usage()
    rows = [json.loads(line) for line in ledger.file.read_text().splitlines()]  # type: ignore[union-attr]
    assert [row["state"] for row in rows] == ["begun", "ended"] * 5
    assert [row["usage"]["calls"] for row in rows if row["state"] == "ended"] == [0, 0, 0, 0, 1]
    assert len(slept) == 4
    for at, seconds in enumerate(slept):
        assert 0.5 * 2**at <= seconds <= 0.5 * 2**at + 0.5


def test_a_refusal_that_lasts_is_told_after_the_last_try(made: Made) -> None:
    server, by, slept = made(lambda _: Reply("overloaded", status=503), retries=2)
    with pytest.raises(Unavailable, match=r"refused.*503.*overloaded") as caught:
        by.ask(QUESTION, "answer")
    assert type(caught.value) is EndpointUnavailable
    assert (len(server.asked), len(slept)) == (3, 2)
    assert by.ledger.totals.cost == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_for_good_ends_at_once(made: Made, status: int, stream: bool) -> None:
    server, by, slept = made(lambda _: Reply("no", status=status), stream=stream)
    with pytest.raises(BadOption, match=str(status)) as caught:
        by.ask(QUESTION, "answer")
    assert caught.value.hint
    assert caught.value.where == server.address
    assert (len(server.asked), slept) == (1, [])
    assert by.ledger.totals.known == by.ledger.totals.unsure == Usage()


@pytest.mark.parametrize(
    ("told", "least", "most"),
    [
        ("7", 7.0, 7.25),
        ("0", 0.0, 0.25),
        ("86400", 60.0, 60.25),
        ("-5", 0.5, 1.0),
        ("nan", 0.5, 1.0),
        ("soon", 0.5, 1.0),
        ("", 0.5, 1.0),
    ],
)
def test_the_server_may_say_when(made: Made, told: str, least: float, most: float) -> None:
    _, by, slept = made([Reply(status=429, headers={"Retry-After": told})])
    by.ask(QUESTION, "answer")
    assert len(slept) == 1
    assert least <= slept[0] <= most


@pytest.mark.parametrize(("ahead", "least", "most"), [(20, 15, 20.25), (-20, 0, 0.25)])
def test_the_server_may_name_a_date(made: Made, ahead: int, least: float, most: float) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    _, by, slept = made([Reply(status=503, headers={"Retry-After": date})])
    by.ask(QUESTION, "answer")
    assert least <= slept[0] <= most


@pytest.mark.parametrize(
    "bad",
    [
        Reply(body=b"<html>hello</html>", headers={"Content-Type": "text/html"}),
        Reply(body=b"<html>hello</html>"),
        Reply(body=b"{}"),
        Reply(body=b'{"choices": ['),
        Reply(body=b'{"choices": []}'),
        Reply(body=b'{"choices": [{"index": 0}]}'),
        Reply(body=b'{"choices": [{"message": {"content": 3}, "finish_reason": "stop"}]}'),
        Reply(body=b"[1]"),
        Reply(body=b"null"),
        Reply(body=b""),
        Reply("A whole long answer, of which half came.", lost="halfway"),
        Reply("A whole long answer, of which half came.", lost="quietly"),
        Reply("A whole long answer, of which half came.", lost="before"),
    ],
    ids=lambda reply: f"{reply.body!r}" if reply.body is not None else reply.lost,
)
def test_half_answers_and_no_answers_are_tried_again(made: Made, bad: Reply, stream: bool) -> None:
    server, by, slept = made([bad, "A good answer."], stream=stream)
    assert by.ask(QUESTION, "answer").text == "A good answer."
    assert (len(server.asked), len(slept)) == (2, 1)
    # What the first has taken is not known: the most, beside what the second says.
    assert by.ledger.totals.known == reported(server)
    assert by.ledger.totals.unsure == by.most(QUESTION)


@pytest.mark.parametrize("event", [b'data: {"error": {"message": "gone"}}\n\n', b"data: {oh\n\n"])
def test_a_stream_with_an_error_in_it(made: Made, event: bytes) -> None:
    headers = {"Content-Type": "text/event-stream"}
    server, by, _ = made([Reply(body=event, headers=headers), "Fine."], stream=True)
    assert by.ask(QUESTION, "answer").text == "Fine."
    assert len(server.asked) == 2


def test_what_is_no_answer_but_says_what_it_took(made: Made) -> None:
    body = b'{"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}'
    _, by, _ = made([Reply(body=body), Reply(usage=(11, 7))])
    by.ask(QUESTION, "answer")
    assert by.ledger.totals.known.input_tokens == 16
    assert by.ledger.totals.known.output_tokens == 10
    assert by.ledger.totals.unsure == Usage()


def test_one_that_never_makes_sense_is_told(made: Made) -> None:
    _, by, _ = made(lambda _: Reply(body=b"{}"), retries=1)
    with pytest.raises(Unavailable, match="cannot be read"):
        by.ask(QUESTION, "answer")


def test_an_answer_without_text_is_empty(made: Made) -> None:
    body = b'{"choices": [{"message": {"content": null}, "finish_reason": "length"}]}'
    _, by, _ = made([Reply(body=body)])
    said = by.ask(QUESTION, "answer")
    assert (said.text, said.cut) == ("", True)


def test_half_characters_neither_go_out_nor_come_in(made: Made, stream: bool) -> None:
    server, by, _ = made(["a\ud83db"], stream=stream)
    said = by.ask([Message("user", "x\udc00y")], "answer")
    assert said.text == "a?b"
    assert server.asked[0].question == "x?y"


def test_without_usage_the_most_is_charged(made: Made, stream: bool) -> None:
    _, by, _ = made([Reply(usage=None)], stream=stream, max_tokens=50)
    said = by.ask(QUESTION, "answer")
    assert said.usage == by.most(QUESTION) == by.ledger.totals.known
    assert said.usage.output_tokens == 50
    assert said.usage.input_tokens >= len("Be brief.Why?")


def test_silence(made: Made, stream: bool) -> None:
    server, by, _ = made([Reply(hang=30), "Fine."], stream=stream, seconds=0.2)
    start = time.monotonic()
    assert by.ask(QUESTION, "answer").text == "Fine."
    assert time.monotonic() - start < 5
    assert by.ledger.totals.known == reported(server)
    assert by.ledger.totals.unsure == by.most(QUESTION)


def test_silence_to_the_end(made: Made) -> None:
    server, by, _ = made(lambda _: Reply(hang=30), seconds=0.1, retries=1)
    with pytest.raises(Unavailable, match=r"did not answer.*timed out"):
        by.ask(QUESTION, "answer")
    assert len(server.asked) == 2
    assert by.ledger.totals.unsure == by.most(QUESTION) + by.most(QUESTION)


def test_a_time_out_on_the_way_may_have_cost(made: Made) -> None:
    _, by, _ = made([Reply(status=504)])
    by.ask(QUESTION, "answer")
    assert by.ledger.totals.unsure == by.most(QUESTION)


def test_nobody_there_costs_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        slept: list[float] = []
        by = Endpoint(
            address=f"http://127.0.0.1:{taken.getsockname()[1]}/v1",
            model="tiny", key="MY_KEY", input_price=2.0, output_price=8.0, sleep=slept.append,
        )  # fmt: skip
        with pytest.raises(Unavailable, match=r"did not answer.*refused") as caught:
            by.ask(QUESTION, "answer")
    assert "running" in caught.value.hint
    assert len(slept) == 4
    assert by.ledger.totals.known == by.ledger.totals.unsure == Usage()


def test_a_call_that_might_pass_the_limit_is_not_made(made: Made) -> None:
    server, by, slept = made(ledger=Ledger(limit=1e-6))
    with pytest.raises(GuardStopped):
        by.ask(QUESTION, "answer")
    assert (server.asked, slept) == ([], [])


def test_an_answer_that_was_paid_for_outlasts_its_ledger(
    made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "ledger.jsonl"

    def full(_: object) -> Reply:
        full_disk.fill(monkeypatch, 30)
        return Reply("Fine.")

    server, by, _ = made(full, ledger=Ledger(file, limit=1.0))
    assert by.ask(QUESTION, "answer").text == "Fine."
    assert str(file) in caplog.text
    with pytest.raises(DiskFull) as caught:
        by.ask(QUESTION, "answer")
    assert caught.value.where == str(file)
    assert len(server.asked) == 1
    assert Ledger(file).totals == by.ledger.totals
    assert by.ledger.totals.unsure == by.most(QUESTION)


def test_neither_is_another_try(made: Made) -> None:
    _, other, _ = made()
    most = other.most(QUESTION).cost
    server, by, _ = made(lambda _: Reply(lost="before"), ledger=Ledger(limit=2.5 * most))
    with pytest.raises(GuardStopped):
        by.ask(QUESTION, "answer")
    assert len(server.asked) == 2
    assert by.ledger.totals.cost == pytest.approx(2 * most)


def test_the_limit_holds_for_many_threads(made: Made, tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    usages = [(n, 64) for n in range(40, 80)]
    server, by, _ = made(
        [Reply(usage=each, hang=0.01) for each in usages],
        max_tokens=64, ledger=Ledger(file, limit=0.02),
    )  # fmt: skip

    def ask(_: int) -> bool:
        try:
            by.ask(QUESTION, "answer")
        except GuardStopped:
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        stopped = sum(pool.map(ask, range(40)))
    assert 0 < stopped < 40
    assert len(server.asked) == 40 - stopped
    assert server.most_at_once > 1
    again = Ledger(file).totals
    assert again.unsure == Usage()
    assert (again.known.calls, again.known.input_tokens, again.known.output_tokens) == (
        reported(server).calls, reported(server).input_tokens, reported(server).output_tokens,
    )  # fmt: skip
    assert again.cost == pytest.approx(reported(server).cost)
    assert again.cost <= 0.02


def test_the_key_is_sent_and_never_told(
    made: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stream: bool
) -> None:
    monkeypatch.setenv("MY_KEY", f" {KEY}\n")
    file = tmp_path / "ledger.jsonl"
    # Long complaints are cut, and no part of the key may be left before the cut.
    echoes = [
        Reply("x" * n + KEY, status=status) for n in range(120, 160, 8) for status in (400, 500)
    ]
    server, by, _ = made(
        [*echoes, Reply(KEY, status=401), Reply(KEY, lost="halfway")],
        retries=0, ledger=Ledger(file), stream=stream,
    )  # fmt: skip
    told = [repr(by), str(dict(by.facts))]
    for _ in range(len(echoes) + 2):
        with pytest.raises((BadOption, Unavailable)) as caught:
            by.ask(QUESTION, "answer")
        error: MillraceError = caught.value
        told += [str(error), repr(error), error.hint, error.where]
    assert {each.headers["authorization"] for each in server.asked} == {f"Bearer {KEY}"}
    for text in (*told, file.read_text()):
        assert KEY[:5] not in text


def test_without_a_key_no_other_is_sent(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server, by, _ = made()
    by.ask(QUESTION, "answer")
    assert KEY not in server.asked[0].headers["authorization"]


@pytest.mark.parametrize("value", ["schlüssel", "two\nlines", "a\x07b"])
def test_a_key_that_no_header_may_hold(
    made: Made, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("MY_KEY", value)
    _, by, _ = made()
    with pytest.raises(BadOption, match="no header") as caught:
        by.ask(QUESTION, "answer")
    assert value not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "options",
    [
        {"address": "localhost:8000/v1"},
        {"address": f"http://me:{KEY}@127.0.0.1/v1"},
        {"address": f"http://127.0.0.1/v1?key={KEY}"},
        {"address": f"http://127.0.0.1?key={KEY}"},
        {"key": KEY},
        {"key": ""},
    ],
)
def test_what_is_no_address_or_no_variable_is_refused_unseen(options: dict[str, str]) -> None:
    given = {"address": "http://127.0.0.1:8000/v1", "model": "tiny", "key": "MY_KEY", **options}
    with pytest.raises(BadOption) as caught:
        Endpoint(**given)  # type: ignore[arg-type]
    assert KEY not in f"{caught.value} {caught.value.hint} {caught.value.where}"


@pytest.mark.parametrize("address", ["http://[::1/v1", "http://127.0.0.1:x/v1", "http://a\x07b/"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(BadOption):
        Endpoint(address=address, model="tiny", key="MY_KEY").ask(QUESTION, "answer")


def test_facts_name_the_model_and_where_it_is(made: Made) -> None:
    server, by, _ = made(max_tokens=5, temperature=0.5)
    assert by.facts == {
        "address": server.address, "model": "tiny", "temperature": 0.5, "max_tokens": 5,
    }  # fmt: skip


def test_one_client_for_all_threads_and_its_connections_end(made: Made) -> None:
    server, by, _ = made(lambda _: Reply(hang=0.02))
    with ThreadPoolExecutor(8) as pool:
        clients = set(pool.map(_used, [by] * 16))
    assert len(clients) == 1
    assert len(server.asked) == 16
    del by
    gc.collect()
    assert clients.pop().is_closed()


def _used(by: Endpoint) -> Any:
    by.ask(QUESTION, "answer")
    return by._client()


def test_what_is_made_once_is_not_pickled() -> None:
    kept: Once[object] = Once()
    one = kept.get(object)
    assert kept.get(object) is one
    assert pickle.loads(pickle.dumps(kept)).get(object) is not one
