"""A server that goes away in the middle of a refresh costs the time that it was away, no more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from qdrant_client import QdrantClient

from components.corpus import run
from components.errors import (
    Busy,
    Damaged,
    DiskFull,
    MillraceError,
    Refused,
    StoreUnavailable,
    TakenOver,
)
from components.indexes.qdrant import lease
from components.indexes.qdrant.control import Control
from components.indexes.qdrant.lease import Lease
from components.indexes.qdrant.server import Server, connect
from components.phases import Done, within
from infra.settings import settings
from tests.corpora import Corpus, counts, prose
from tests.faults.campaign import differences
from tests.qdrant_http import proxy as proxies
from tests.qdrant_http.proxy import Proxy

STORE = ("index.use=qdrant",)
DOCUMENTS = 12


@pytest.fixture
def proxy(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with proxies.before(server) as own:
        monkeypatch.setenv("MILLRACE_QDRANT_URL", own.address)
        monkeypatch.setenv("MILLRACE_SHARD_CHARACTERS", "2000")
        monkeypatch.setenv("MILLRACE_LEASE", "1")
        monkeypatch.setenv("MILLRACE_PATIENCE", "30")
        settings.cache_clear()
        yield own


@pytest.fixture
def filled(corpus: Corpus) -> Corpus:
    corpus.fill(DOCUMENTS)
    return corpus


class Middle:
    """Does something once, when a few shards are committed."""

    def __init__(self, do: Any) -> None:
        self._do = do
        self.ran, self.committed = False, 0
        self._shards = 0

    def __call__(self, done: Done) -> None:
        self._shards += 1
        if self._shards == 2:
            self.ran, self.committed = True, done.units
            self._do()


def gone_for(proxy: Proxy, seconds: float) -> None:
    proxy.cut()
    threading.Timer(seconds, proxy.restore).start()


def refresh(corpus: Corpus, middle: Any = lambda _: None) -> Any:
    return run.run(corpus.job(STORE), within(middle))


def points() -> int:
    """In the collections of chunks."""
    client = connect().client
    names = [each.name for each in client.get_collections().collections]
    return sum(client.count(each).count for each in names if not each.endswith("__control"))


def interrupted(corpus: Corpus) -> int:
    """A refresh that is stopped in the middle: how many documents it has committed."""

    def stop() -> None:
        raise KeyboardInterrupt

    middle = Middle(stop)
    with pytest.raises(KeyboardInterrupt):
        refresh(corpus, middle)
    assert 0 < middle.committed < DOCUMENTS
    return middle.committed


def test_an_outage_that_outlasts_the_lease_costs_its_time_and_nothing_else(
    filled: Corpus, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    report = refresh(filled, Middle(lambda: gone_for(proxy, 1.8)))
    assert counts(report) == (DOCUMENTS, 0, 0, 0, 0)
    assert not report.resumed
    filled.refresh()
    assert differences(filled.stored(), filled.stored(STORE)) == []
    assert "waiting for 127.0.0.1" in caplog.text
    assert "answers again" in caplog.text


def test_a_server_that_stays_away_keeps_what_was_committed(
    filled: Corpus, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_PATIENCE", "0.3")
    middle = Middle(proxy.cut)
    with pytest.raises(StoreUnavailable):
        refresh(filled, middle)
    proxy.restore()
    report = refresh(filled)
    assert report.resumed
    assert report.unchanged >= middle.committed
    assert report.added + report.unchanged == DOCUMENTS


def test_a_writer_that_was_out_of_touch_is_told_that_another_has_the_corpus(
    filled: Corpus, proxy: Proxy, server: str
) -> None:
    def taken() -> None:
        direct = QdrantClient(url=server, check_compatibility=False)
        Control(Server(direct, "direct"), "test").change({"holder": "another"})
        gone_for(proxy, 1.5)

    with pytest.raises(TakenOver, match="another refresh has taken") as caught:
        refresh(filled, Middle(taken))
    assert "what it committed stays" in caught.value.hint
    assert points() > 0


class Watched:
    """The record of a corpus as one sees it who waits for it, and what the clock says then."""

    collection = "test__control"

    def __init__(self, *seen: tuple[float, int]) -> None:
        self._seen = list(seen)
        self.now = 0.0

    def corpus(self) -> dict[str, Any]:
        self.now, beat = self._seen.pop(0)
        return {"holder": "another", "beat": beat}


def test_who_waits_for_a_writer_counts_no_time_in_which_that_one_could_not_show_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = Watched((0, 5), (300, 5), (310, 5), (320, 6))  # away from 0 to 300
    monkeypatch.setattr(lease, "_clock", lambda: watched.now)
    monkeypatch.setattr("components.indexes.qdrant.lease.time.sleep", lambda seconds: None)
    with pytest.raises(Busy, match="running"):
        Lease(watched, 45.0).take()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "kind"), [(400, Refused), (413, Refused), (422, Refused), (507, DiskFull)]
)
def test_a_request_that_is_refused_leaves_the_draft(
    filled: Corpus, proxy: Proxy, code: int, kind: type[MillraceError]
) -> None:
    committed, stored = interrupted(filled), points()
    client = connect().client
    scroll = client.scroll

    def refusing(collection: str, *given: Any, **options: Any) -> Any:
        if collection.endswith("__control"):
            return scroll(collection, *given, **options)
        raise _status(code)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "scroll", refusing)
        with pytest.raises(kind, match="no room"):
            refresh(filled)
    assert points() == stored
    report = refresh(filled)
    assert report.resumed
    assert report.unchanged >= committed


def test_a_draft_whose_collection_is_gone_is_begun_again(filled: Corpus, proxy: Proxy) -> None:
    interrupted(filled)
    client = connect().client
    for each in client.get_collections().collections:
        if not each.name.endswith("__control"):
            client.delete_collection(each.name)
    report = refresh(filled)
    assert not report.resumed
    assert counts(report) == (DOCUMENTS, 0, 0, 0, 0)


def test_a_collection_that_only_seems_gone_is_no_damage(filled: Corpus, proxy: Proxy) -> None:
    interrupted(filled)
    of = filled.job(STORE)
    draft = of.corpus.unfinished(of.fingerprint, None)
    assert draft is not None
    client = connect().client
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "get_collection", _missing)
        with pytest.raises(MillraceError) as caught:
            of.corpus.recover(draft)
    assert not isinstance(caught.value, Damaged)


def test_an_update_is_taken_up_after_an_outage(filled: Corpus, proxy: Proxy) -> None:
    refresh(filled)
    for number in range(0, DOCUMENTS, 2):
        filled.add(f"{number:03}.txt", prose(number + 500))
    middle = Middle(lambda: gone_for(proxy, 1.5))
    report = refresh(filled, middle)
    assert middle.ran
    assert counts(report) == (0, DOCUMENTS // 2, DOCUMENTS // 2, 0, 0)
    filled.refresh()
    assert differences(filled.stored(), filled.stored(STORE)) == []


def _missing(*given: object, **options: object) -> None:
    raise _status(404)


def _status(code: int) -> Exception:
    from httpx import Headers
    from qdrant_client.http.exceptions import UnexpectedResponse

    return UnexpectedResponse(code, "no", b'{"status": {"error": "no room"}}', Headers())
