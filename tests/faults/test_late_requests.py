"""A writer dies while one of its requests is on the way; it lands when another has written."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.indexes.qdrant.server import connect
from tests.corpora import LINES, Corpus
from tests.faults.campaign import differences
from tests.faults.test_every_request import (
    AFTER,
    AGAIN,
    BEFORE,
    STORE,
    WRITES,
    Documents,
    abandoned,
    begun_again,
    built,
    fill,
    nothing,
    refreshed,
    served,
    texts,
    unpublished,
)


@dataclass
class Late:
    """A client whose process is killed as it sends one of its writes, which waits for `land` to
    reach the server.
    """

    client: Any
    left: int = -1
    """Writes until then; below 0: never."""
    late: Callable[[], Any] | None = None
    sent: str = ""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if threading.current_thread() is not threading.main_thread():
            return method  # a lease that is renewed

        def asked(*arguments: Any, **options: Any) -> Any:
            if name in WRITES:
                self.left -= 1
                if self.left == 0:
                    self.late = lambda: method(*arguments, **options)
                    self.sent = f"{name}{arguments}{options}"
                    raise KeyboardInterrupt
            return method(*arguments, **options)

        return asked

    def land(self) -> None:
        from qdrant_client.http.exceptions import UnexpectedResponse

        assert self.late is not None
        with suppress(UnexpectedResponse):  # refused, and nobody is there to be told
            self.late()


@pytest.fixture
def client(server: str, monkeypatch: pytest.MonkeyPatch) -> Late:
    monkeypatch.setenv("MILLRACE_SHARD_CHARACTERS", "1500")
    monkeypatch.setenv("MILLRACE_NAMESPACE", "late")  # a build's beginning has few of AFTER's
    own = connect()
    own.client = late = Late(own.client)  # type: ignore[assignment]
    return late


def late_everywhere(
    folder: Path,
    client: Late,
    begin: Callable[[Corpus], None],
    killed: Callable[[Corpus, Documents], None],
    meant: Documents,
    every: int = 1,
) -> None:
    """Whatever request was the late one, of all or `every` so many: what another has published
    stays as it is, and so does what a third one makes of it.
    """
    wanted = {}
    for name, documents in (("then", AFTER), ("end", BEFORE)):
        corpus = Corpus(folder / name, LINES)
        fill(corpus, documents)
        corpus.refresh()
        wanted[name] = corpus.stored()
    for count in itertools.count(1, every):
        corpus = Corpus(folder / str(count), {**LINES, "name": f"late-{count}"})
        begin(corpus)
        client.left = count
        try:
            killed(corpus, meant)
            assert count > 5
            return
        except KeyboardInterrupt:
            pass
        finally:
            client.left = -1
        refreshed(corpus, AFTER)
        client.land()
        assert served(corpus) == texts(wanted["then"]), (count, client.sent)
        assert differences(wanted["then"], corpus.stored(STORE)) == [], (count, client.sent)
        refreshed(corpus, BEFORE)
        assert differences(wanted["end"], corpus.stored(STORE)) == [], (count, client.sent)
        assert corpus.job(STORE).corpus.surplus() == []
        client.land()  # a network delivers it twice
        assert differences(wanted["end"], corpus.stored(STORE)) == [], (count, client.sent)


@pytest.mark.slow
def test_a_first_build(tmp_path: Path, client: Late) -> None:
    late_everywhere(tmp_path, client, nothing, refreshed, BEFORE)


@pytest.mark.slow
def test_an_update(tmp_path: Path, client: Late) -> None:
    late_everywhere(tmp_path, client, built, refreshed, AFTER)


@pytest.mark.slow
def test_a_draft_that_is_begun_again(tmp_path: Path, client: Late) -> None:
    late_everywhere(tmp_path, client, abandoned, begun_again, AFTER)


@pytest.mark.slow
def test_a_candidate_that_is_opened_again(tmp_path: Path, client: Late) -> None:
    late_everywhere(tmp_path, client, unpublished, refreshed, AGAIN)


def tried(corpus: Corpus) -> None:
    """A live generation, and drafts of other fingerprints, of which one goes."""
    built(corpus)
    for width in (96, 128, 192):
        refreshed_as(corpus, BEFORE, width)


def refreshed_as(corpus: Corpus, documents: Documents, width: int) -> None:
    fill(corpus, documents)
    corpus.refresh([*STORE, f"encoder.width={width}"], max_deletes=1.0)


@pytest.mark.slow
def test_another_fingerprint(tmp_path: Path, client: Late) -> None:
    late_everywhere(tmp_path, client, tried, refreshed, AFTER)


@pytest.mark.slow
def test_a_build_that_is_thrown_away_at_its_start(tmp_path: Path, client: Late) -> None:
    """Begun, without a base, and begun again."""

    def begun(corpus: Corpus) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("components.corpus.write.write_all", _interrupted)
            with pytest.raises(KeyboardInterrupt):
                refreshed(corpus, BEFORE)

    late_everywhere(tmp_path, client, begun, begun_again, BEFORE)


def _interrupted(*arguments: object) -> None:
    raise KeyboardInterrupt
