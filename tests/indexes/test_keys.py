"""What a key for reading is good for."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import httpx
import pytest

from components.corpus.search import search
from components.errors import BadOption
from components.indexes.qdrant.server import connect
from components.values import Query
from tests.corpora import LINES, Corpus

STORE = ("index.use=qdrant",)
_READS = re.compile(r"/points(/scroll|/count|/query/batch)?$")


@pytest.fixture
def corpus(corpus: Corpus, server: str) -> Corpus:
    corpus.add("corpus.jsonl", '{"_id": "a", "text": "The mill stands by the river."}\n')
    return Corpus(corpus.folder, LINES)


def for_reading(
    request: httpx.Request, send: Callable[[httpx.Request], httpx.Response]
) -> httpx.Response:
    """As a server answers to a key that may read and no more."""
    if request.method == "GET" or (request.method == "POST" and _READS.search(request.url.path)):
        return send(request)
    error = {"status": {"error": "Forbidden: Global manage access is required"}, "time": 0}
    return httpx.Response(403, json=error, request=request)


def test_it_searches(corpus: Corpus) -> None:
    corpus.refresh(STORE)
    connect().client.http.client.add_middleware(for_reading)
    assert len(search(corpus.load(STORE), [Query(text="mill")], 5).hits[0]) == 1


@pytest.mark.parametrize("built", [True, False])
def test_a_refresh_is_told_what_it_lacks_and_changes_nothing(
    corpus: Corpus, caplog: pytest.LogCaptureFixture, built: bool
) -> None:
    if built:
        corpus.refresh(STORE)
    caplog.set_level(logging.WARNING)
    connect().client.http.client.add_middleware(for_reading)
    with pytest.raises(BadOption, match=r"does not allow it .*Global manage access") as caught:
        corpus.refresh(STORE)
    assert "set another in MILLRACE_QDRANT_API_KEY" in caught.value.hint
    assert (corpus.job(STORE).corpus.live() is not None) is built
    assert caplog.records == []
