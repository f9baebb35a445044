"""A server that is too old is refused before anything is asked of it."""

from __future__ import annotations

import json
import logging
from unittest.mock import Mock

import pytest

from components.errors import BadOption
from components.indexes.qdrant.index import QdrantIndex
from components.indexes.qdrant.server import connect
from infra.settings import settings
from tests import qdrant_http
from tests.corpora import Corpus
from tests.qdrant_http import proxy as proxies

STORE = ("index.use=qdrant",)


def named(monkeypatch: pytest.MonkeyPatch, address: str, key: str = "") -> None:
    monkeypatch.setenv("MILLRACE_QDRANT_URL", address)
    monkeypatch.setenv("MILLRACE_QDRANT_API_KEY", key)
    settings.cache_clear()


@pytest.mark.parametrize("version", ["1.16.3", "0.18.7"])
def test_a_server_that_is_too_old_holds_nothing_afterwards(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    corpus.fill(1)
    with qdrant_http.running(version=version) as address:
        named(monkeypatch, address)
        with pytest.raises(BadOption, match=f"Qdrant {version}, 1.17 or newer") as caught:
            corpus.refresh(STORE)
        assert connect().client.get_collections().collections == []
    assert caught.value.where == connect().name
    assert "update the server" in caught.value.hint


def test_a_server_that_is_too_old_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    with qdrant_http.running(version="1.16.0") as address:
        named(monkeypatch, address)
        for _ in range(2):
            with pytest.raises(BadOption, match=r"1\.17 or newer"):
                QdrantIndex().corpus("own").live()


@pytest.mark.parametrize("version", ["1.17.0", "2.0.0"])
def test_one_that_is_new_enough_is_taken_without_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    with qdrant_http.running(version=version) as address:
        named(monkeypatch, address)
        assert QdrantIndex().corpus("own").live() is None
    assert caplog.records == []


def test_the_version_is_asked_for_with_a_key_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with qdrant_http.running("s3cret", version="1.16.1") as address:
        named(monkeypatch, address, "s3cret")
        with pytest.raises(BadOption, match=r"Qdrant 1\.16\.1"):
            QdrantIndex().corpus("own").live()


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("", "hides its version: 1.17 or newer is needed"),
        ("1.19.1-dev", "is Qdrant 1.19.1-dev, which is no release: 1.17 or newer is needed"),
    ],
)
def test_one_that_hides_its_version_or_is_no_release_is_taken_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, version: str, said: str
) -> None:
    caplog.set_level(logging.WARNING)
    with qdrant_http.running(version=version) as address:
        named(monkeypatch, address)
        for name in ("own", "other"):
            assert QdrantIndex().corpus(name).live() is None
    assert [each.getMessage() for each in caplog.records] == [f"{connect().name} {said}"]


@pytest.mark.parametrize("page", ["<html>welcome</html>", "[]"])
def test_a_page_in_the_versions_place_hides_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, page: str
) -> None:
    with proxies.before("http://127.0.0.1:9") as proxy:
        named(monkeypatch, proxy.address)
        listed = '{"result": {"collections": []}, "status": "ok", "time": 0}'
        proxy.answer(proxies.http(200, page), proxies.http(200, listed))
        assert connect().ask("asking", lambda client: client.get_collections()).collections == []
    assert "hides its version" in caplog.text


def test_one_that_cannot_say_it_for_now_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with proxies.before("http://127.0.0.1:9") as proxy:
        named(monkeypatch, proxy.address)
        told = json.dumps({"title": "qdrant", "version": "1.16.3"})
        proxy.answer(proxies.http(503), proxies.http(200, told))
        with pytest.raises(BadOption, match=r"Qdrant 1\.16\.3"):
            QdrantIndex().corpus("own").live()
        assert len(proxy.asked) == 2


def test_it_is_asked_for_once_whatever_is_done(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect().client
    info = Mock(wraps=client.info)
    monkeypatch.setattr(client, "info", info)
    for name in ("own", "other"):
        corpus = QdrantIndex().corpus(name)
        with corpus.lock():
            assert corpus.live() is None
    assert info.call_count == 1
