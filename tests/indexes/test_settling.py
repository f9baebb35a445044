"""What a generation waits for on a server before it goes live."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import httpx
import pytest
from qdrant_client.models import CollectionStatus, OptimizersStatusOneOf1

from components.errors import Damaged, IndexFault
from components.indexes.qdrant import collection, patience
from components.indexes.qdrant.server import connect
from infra import stopping
from tests.corpora import LINES, Corpus, counts

STORE = ("index.use=qdrant",)
SETTLE = collection.settle


class Clock:
    """Passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    for module in (collection, patience, stopping):
        monkeypatch.setattr(module, "time", own)
    return own


@pytest.fixture
def corpus(corpus: Corpus, server: str) -> Corpus:
    corpus.add("corpus.jsonl", '{"_id": "a", "text": "The mill stands by the river."}\n')
    return Corpus(corpus.folder, LINES)


def looked_at(monkeypatch: pytest.MonkeyPatch, *seen: Any) -> None:
    """Each time that a collection is looked at, to see whether it is optimised, it is changed like
    this, and then like the last. Who asks what it allows is told the truth.
    """
    client = connect().client
    real, left = cache(client.get_collection), list(seen)

    def look(name: str) -> object:
        return real(name).model_copy(update=left.pop(0) if len(left) > 1 else left[0])

    def settle(*of: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(client, "get_collection", look)
            SETTLE(*of)

    monkeypatch.setattr(collection, "settle", settle)


RED = {
    "status": CollectionStatus.RED,
    "optimizer_status": OptimizersStatusOneOf1(error="No space left on device"),
}
YELLOW = {"status": CollectionStatus.YELLOW}
GREEN = {"status": CollectionStatus.GREEN}
GREY = {"status": CollectionStatus.GREY}


@pytest.mark.parametrize("before", [[], [YELLOW]])
def test_a_collection_that_the_server_marks_red_does_not_go_live(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, clock: Clock, before: list[Any]
) -> None:
    looked_at(monkeypatch, *before, RED)
    with pytest.raises(IndexFault, match=r"lines__.* red: No space left on device") as caught:
        corpus.refresh(STORE)
    assert not isinstance(caught.value, Damaged)
    assert "see the server's log and GET /collections/lines__" in caught.value.hint
    assert caught.value.where == connect().name
    assert corpus.job(STORE).corpus.live() is None
    looked_at(monkeypatch, GREEN)
    report = corpus.refresh(STORE)
    assert report.resumed
    assert counts(report) == (0, 0, 1, 0, 0)


def test_one_that_waits_for_a_write_goes_live(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    looked_at(monkeypatch, GREY)
    assert counts(corpus.refresh(STORE)) == (1, 0, 0, 0, 0)


def test_what_is_waited_for_is_said(
    corpus: Corpus,
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    looked_at(monkeypatch, *[YELLOW] * 40, GREEN)
    corpus.refresh(STORE)
    *waited, done = [each.getMessage() for each in caplog.records]
    (place,) = {each.partition(" (")[2].partition(" ")[0] for each in waited}
    waits = f"waiting for {connect().name} ({place} is being optimised): {{}} s so far, up to 600 s"
    assert place.startswith("lines__")
    assert waited == [waits.format(seconds) for seconds in (1, 11, 23, 47)]
    assert done == f"{connect().name} has optimised {place}, after 75 s"


def test_one_that_is_never_done_goes_live_and_that_is_said(
    corpus: Corpus,
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    looked_at(monkeypatch, YELLOW)
    assert counts(corpus.refresh(STORE)) == (1, 0, 0, 0, 0)
    assert "is still being optimised: searches are slower" in caplog.text


@pytest.mark.parametrize("status", ["acknowledged", "wait_timeout"])
def test_a_publication_that_is_not_made_yet_is_not_taken_for_one_that_was_lost(
    corpus: Corpus, status: str
) -> None:
    later = {"result": {"operation_id": 1, "status": status}, "status": "ok", "time": 0}
    held: list[httpx.Request] = []

    def late(
        request: httpx.Request, send: Callable[[httpx.Request], httpx.Response]
    ) -> httpx.Response:
        changed = request.url.path.endswith("/points/payload")
        if changed and b'"live"' in request.content and not held:
            held.append(request)
            return httpx.Response(200, json=later, request=request)
        return send(request)

    connect().client.http.client.add_middleware(late)
    corpus.refresh(STORE)
    assert held
    assert corpus.job(STORE).corpus.live() is not None
