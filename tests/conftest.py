"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import settings
from tests import qdrant_http
from tests.corpora import Corpus

# Also for what fixtures of a module start, before any test has settings of its own.
os.environ["MILLRACE_CACHE_BYTES"] = "0"
_SHARING = ("flows", "engines", "plugins")
"""Folders of tests that share a server, in the order of their length."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests run in one process, and so do those that share what is slow to start: one
    Prefect server, one Ray, one environment with plug-ins. They begin first, being the longest.
    """
    for item in items:
        folder = item.path.parent.name
        group = folder if folder in _SHARING else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: (*_SHARING, item.path.parent.name).index(item.path.parent.name))


def pytest_collection_finish() -> None:
    """What was imported stays: the collector of garbage need not look at it in every test."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings are read once per process; a test that sets one must not be heard by the next.

    No test finds what another has encoded.
    """
    monkeypatch.setenv("MILLRACE_CACHE_BYTES", "0")
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
