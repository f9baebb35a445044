"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadFileScheduling

from infra.settings import settings
from tests import qdrant_http
from tests.corpora import Corpus

for each in (signal.SIGINT, signal.SIGHUP):
    # As a job in the background, or under nohup. What the tests begin hears it.
    if signal.getsignal(each) is signal.SIG_IGN:
        signal.signal(each, lambda number, frame: None)

# A machine that is busy is no reason to fail, and the first example loads what the others use.
hypothesis.settings.register_profile("millrace", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("millrace")
# Also for what fixtures of a module start, before any test has settings of its own.
os.environ["MILLRACE_CACHE_BYTES"] = "0"
_SHARING = ("tests/flows", "tests/engines", "tests/plugins")
"""Folders of tests that share a server, in the order of their length."""


class _Together(LoadFileScheduling):  # type: ignore[misc]
    """A file's tests run in one process, and so do those of a folder that shares what is slow to
    start: one Prefect server, one Ray, one environment with plug-ins.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = file.rpartition("/")[0]
        return folder if folder in _SHARING else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Together:
    return _Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    order = (*_SHARING, "")
    folders = [item.nodeid.partition("::")[0].rpartition("/")[0] for item in items]
    places = [order.index(folder if folder in _SHARING else "") for folder in folders]
    items[:] = [item for _, item in sorted(zip(places, items, strict=True), key=itemgetter(0))]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported stays: the collector of garbage need not look at it, now or in any test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


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
    _forget_servers()
    yield
    settings.cache_clear()


def _forget_servers() -> None:
    """A server may get the port, and so the name, of one that is gone."""
    loaded = sys.modules.get("components.indexes.qdrant.server")
    if loaded:
        loaded._connected.cache_clear()


@pytest.fixture
def disk() -> Iterator[Path]:
    """A folder that is not in memory, as those of `make test` are: there, files have no holes."""
    with TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


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
