"""A refresh against a server that is killed right after each of its writes, one after the other."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from components.errors import Damaged
from components.indexes.qdrant.index import QdrantCorpus
from components.indexes.qdrant.server import connect
from tests.corpora import LINES, Corpus, Stored, prose
from tests.faults.campaign import differences

STORE = ("index.use=qdrant",)
BEFORE = {
    "changed": (prose(1, 30), 1901),
    "deleted": (prose(2, 30), 1902),
    "described": (prose(3, 30), 1903),
    "same": (prose(4), 1904),
}
AFTER = {
    "changed": (prose(5, 20), 1901),
    "described": (prose(3, 30), 2003),
    "same": (prose(4), 1904),
    "added": (prose(6, 30), 1906),
}
AGAIN = {
    "changed": (prose(5, 20), 1901),
    "deleted": (prose(2, 30), 1902),
    "described": (prose(7, 10), 1903),
    "added": (prose(6, 30), 2006),
}
WRITES = {
    "upsert",
    "set_payload",
    "delete",
    "delete_payload",
    "create_collection",
    "delete_collection",
    "update_collection_aliases",
}
"""Payload indexes are left out: they hold nothing that could be lost."""


@dataclass
class Killing:
    """A client that is killed after one of its writes."""

    client: Any
    left: int = -1
    """Writes until then; below 0: never."""
    made: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if threading.current_thread() is not threading.main_thread():
            return method  # a lease that is renewed

        def asked(*arguments: Any, **options: Any) -> Any:
            answer = method(*arguments, **options)
            self.made.append(name)
            if name in WRITES:
                self.left -= 1
                if self.left == 0:
                    raise KeyboardInterrupt
            return answer

        return asked


Documents = Mapping[str, tuple[str, int]]


def fill(corpus: Corpus, documents: Documents) -> None:
    lines = [
        json.dumps({"_id": name, "text": text, "year": year})
        for name, (text, year) in documents.items()
    ]
    corpus.add("corpus.jsonl", "\n".join(lines) + "\n")


@pytest.fixture
def client(server: str, monkeypatch: pytest.MonkeyPatch) -> Killing:
    monkeypatch.setenv("MILLRACE_SHARD_CHARACTERS", "1500")
    own = connect()
    own.client = killing = Killing(own.client)  # type: ignore[assignment]
    return killing


@dataclass(frozen=True)
class Scene:
    """What is killed, and what comes then."""

    folder: Path
    client: Killing

    def killed_everywhere(
        self,
        begin: Callable[[Corpus], None],
        killed: Callable[[Corpus, Documents], None],
        meant: Documents,
        end: Documents,
        every: int = 1,
    ) -> None:
        """Whatever write was the last, of all or `every` so many: the live index is as before or as
        it was meant to be, and the next refresh ends as an undisturbed one of the embedded index
        does.
        """
        published, wanted = texts(self.undisturbed(meant)), self.undisturbed(end)
        for count in itertools.count(1, every):
            corpus = Corpus(self.folder / str(count), {**LINES, "name": f"killed-{count}"})
            begin(corpus)
            live = served(corpus)
            self.client.left = count
            try:
                killed(corpus, meant)
                assert count > 5
                return
            except KeyboardInterrupt:
                last = self.client.made[-20:]
            finally:
                self.client.left = -1
            assert served(corpus) in (live, published), (count, last)
            refreshed(corpus, end)
            assert differences(wanted, corpus.stored(STORE)) == [], (count, last)

    def undisturbed(self, documents: Documents) -> Stored:
        corpus = Corpus(self.folder / "edge", LINES)
        fill(corpus, documents)
        corpus.refresh(max_deletes=1.0)
        return corpus.stored()


def served(corpus: Corpus) -> dict[str, str] | None:
    """The live chunks."""
    return texts(corpus.stored(STORE)) if corpus.job(STORE).corpus.live() else None


def texts(stored: Stored) -> dict[str, str]:
    return {
        identifier: f"{chunk.title}, {dict(chunk.metadata)}: {chunk.text}"
        for identifier, chunk in stored.chunks.items()
    }


def refreshed(corpus: Corpus, documents: Documents) -> None:
    fill(corpus, documents)
    corpus.refresh(STORE, max_deletes=1.0)


def built(corpus: Corpus) -> None:
    """A live generation."""
    refreshed(corpus, BEFORE)


def stopped(corpus: Corpus, at: str) -> None:
    """A live generation, and a refresh that fails at a step."""
    built(corpus)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QdrantCorpus, at, _refused)
        with pytest.raises(Damaged, match="refused"):
            refreshed(corpus, AFTER)


def unpublished(corpus: Corpus) -> None:
    """A live generation, and a second that was finished and held back."""
    stopped(corpus, "publish")


def abandoned(corpus: Corpus) -> None:
    """A live generation, and a draft that was written and cannot be resumed."""
    stopped(corpus, "finish")


def begun_again(corpus: Corpus, documents: Documents) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QdrantCorpus, "recover", _refused)
        refreshed(corpus, documents)


def nothing(corpus: Corpus) -> None:
    """An unused corpus."""


def _refused(*arguments: object) -> None:
    raise Damaged("refused")


@pytest.fixture
def scene(tmp_path: Path, client: Killing) -> Scene:
    return Scene(tmp_path, client)


@pytest.mark.slow
def test_a_first_build(scene: Scene) -> None:
    scene.killed_everywhere(nothing, refreshed, BEFORE, BEFORE)


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_an_update(scene: Scene, every: int) -> None:
    scene.killed_everywhere(built, refreshed, AFTER, AFTER, every)


@pytest.mark.slow
def test_an_update_whose_source_goes_back(scene: Scene) -> None:
    scene.killed_everywhere(built, refreshed, AFTER, BEFORE)


@pytest.mark.slow
def test_a_draft_that_is_begun_again_and_the_source_goes_back(scene: Scene) -> None:
    scene.killed_everywhere(abandoned, begun_again, AFTER, BEFORE)


@pytest.mark.slow
def test_a_candidate_that_is_opened_again(scene: Scene) -> None:
    scene.killed_everywhere(unpublished, refreshed, AGAIN, AFTER)
