"""A refresh that goes on from what is live, beside a newer generation that stays: on a server it
works on a copy. It is killed right after each of its writes, one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from components.errors import Missing
from components.indexes.manifest import Generation
from components.indexes.qdrant.index import QdrantCorpus
from components.indexes.qdrant.server import connect
from tests import qdrant_http
from tests.corpora import Corpus, Stored, snapshot
from tests.faults.campaign import differences
from tests.faults.test_every_request import (
    AFTER,
    AGAIN,
    STORE,
    Documents,
    Killing,
    Scene,
    refreshed,
    unpublished,
)
from tests.faults.test_late_requests import Late, late_everywhere
from tests.qdrant_http.options import NO_SCANS

SMALL = {**NO_SCANS, "condition_max_size": 2, "upsert_max_batchsize": 40}
"""So that what is copied takes several batches."""


@pytest.fixture(autouse=True)
def upon_what_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh has the live generation for its base, whatever was finished since."""
    newest = QdrantCorpus.finished

    def finished(self: QdrantCorpus, fingerprint: str) -> Generation | None:
        release = self.live()
        same = release is not None and release.generation.fingerprint == fingerprint
        return release.generation if release and same else newest(self, fingerprint)

    monkeypatch.setattr(QdrantCorpus, "finished", finished)
    monkeypatch.setenv("MILLRACE_SHARD_CHARACTERS", "1500")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with qdrant_http.running(strict=SMALL) as address:
        monkeypatch.setenv("MILLRACE_QDRANT_URL", address)
        monkeypatch.setenv("MILLRACE_LEASE", "3")
        yield address


def candidate(corpus: Corpus) -> Stored:
    """Of generation 2, which was finished and not published."""
    of = corpus.job(STORE)
    with of.corpus.read(of.corpus.generation(f"0002-{of.fingerprint}")) as reader:
        return snapshot(reader)


@pytest.mark.parametrize("every", [13, pytest.param(2, marks=pytest.mark.slow)])
def test_a_copy_that_was_killed_is_gone_on_with(server: str, tmp_path: Path, every: int) -> None:
    own = connect()
    own.client = client = Killing(own.client)  # type: ignore[assignment]
    copied: set[str] = set()

    def killed(corpus: Corpus, documents: Documents) -> None:
        left, client.left = client.left, -1
        before = candidate(corpus)
        client.left = left
        try:
            refreshed(corpus, documents)
        except KeyboardInterrupt:
            client.left = -1
            of = corpus.job(STORE)
            release = of.corpus.live()
            if release and release.generation.number == 1:  # or else it may be gone
                assert differences(before, candidate(corpus)) == []
            draft = of.corpus.unfinished(of.fingerprint, of.corpus.finished(of.fingerprint))
            if draft:
                # Its collection is made after its record.
                with suppress(Missing), of.corpus.read(draft) as reader:
                    copied.add("".join(sorted(reader.entries())))
            raise

    Scene(tmp_path, client).killed_everywhere(unpublished, killed, AGAIN, AFTER, every)
    assert len(copied) > (2 if every < 5 else 0), "between its batches, too"


@pytest.mark.slow
def test_what_is_late_of_a_copy_changes_nothing(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_NAMESPACE", "late")
    own = connect()
    own.client = late = Late(own.client)  # type: ignore[assignment]
    late_everywhere(tmp_path, late, unpublished, refreshed, AGAIN, every=3)
