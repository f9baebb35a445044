"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import settings
from tests import qdrant_http
from tests.corpora import Corpus

# Also for what fixtures of a module start, before any test has settings of its own.
os.environ["MILLRACE_CACHE_BYTES"] = "0"


@pytest.fixture(autouse=True)
def _own_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Settings are read once per process; a test that sets one must not be heard by the next.

    No test finds what another has encoded.
    """
    monkeypatch.setenv("MILLRACE_CACHE_BYTES", "0")
    monkeypatch.setenv("MILLRACE_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """An empty folder of documents with a hashing pipeline."""
    return Corpus(tmp_path)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a stand-in for a Qdrant server, empty and of this test's own."""
    with qdrant_http.running() as address:
        monkeypatch.setenv("MILLRACE_QDRANT_URL", address)
        monkeypatch.setenv("MILLRACE_LEASE", "3")
        yield address


@pytest.fixture(params=["qdrant_edge", "qdrant"])
def store(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The overrides that choose a store: a test that uses it runs on each."""
    if request.param == "qdrant":
        request.getfixturevalue("server")
        return ("index.use=qdrant",)
    return ()
