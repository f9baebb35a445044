"""What searches find while releases alternate, and after going back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from components import spec
from components.corpus import releases
from components.corpus.search import Searcher
from components.values import Query
from tests.corpora import Corpus, prose
from tests.faults.releasing import ASKED, Answers, Verb, answers, change, of_hits
from tests.forked import FORKED

DENSE = "retriever.use=dense"
_BETWEEN = 0.2
"""Seconds from one to the next."""


@dataclass(frozen=True)
class Searching:
    """Another process that searches until it is told that it is enough: what each release has
    answered, by number, each answer once.
    """

    file: Path
    store: Sequence[str]
    keep_open: bool

    def __call__(self, told: Connection) -> None:
        seen: dict[int, list[Answers]] = {}
        count, own = 0, spec.load(self.file, self.store)
        with Searcher(own, keep_open=self.keep_open, as_released=True) as searcher:
            while count < 20 or not told.poll():
                found = searcher.search(ASKED, 5)
                answer = of_hits(found.hits)
                if answer not in seen.setdefault(found.release.number, []):
                    seen[found.release.number].append(answer)
                count += 1
                if count == 1:
                    told.send("begun")
        told.send(seen)


@contextmanager
def searching(corpus: Corpus, own: Sequence[str], how: str) -> Iterator[Connection]:
    """It has begun."""
    ours, theirs = FORKED.Pipe()
    work = Searching(corpus.file, tuple(own), how == "open")
    environment = {n: value for n, value in os.environ.items() if n.startswith("MILLRACE_")}
    process = FORKED.Process(target=_searching, args=(work, theirs, environment), daemon=True)
    process.start()
    theirs.close()
    try:
        assert ours.recv() == "begun"
        yield ours
    finally:
        process.kill()
        process.join()


def _searching(work: Searching, told: Connection, environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
    work(told)


@pytest.mark.parametrize(
    ("how", "other", "times"),
    [
        ("open", "content", 3),
        pytest.param("anew", "content", 9, marks=pytest.mark.slow),
        pytest.param("open", "stages", 9, marks=pytest.mark.slow),
        pytest.param("anew", "stages", 3, marks=pytest.mark.slow),
    ],
)
def test_searches_while_two_releases_alternate(
    corpus: Corpus, store: tuple[str, ...], how: str, other: str, times: int
) -> None:
    """Back and forth by rollbacks, and by refreshes whose candidates a person promotes."""
    corpus.fill(6, sentences=4)
    refresh = Verb("refresh", () if other == "content" else (DENSE,))
    Verb("refresh").do(corpus.file, store)
    if other == "content":
        change(1)(corpus)
    refresh.do(corpus.file, store)
    meant = {2: answers(corpus.file, store)[1]}
    Verb("rollback 1").do(corpus.file, store)
    meant[1] = answers(corpus.file, store)[1]
    assert meant[1] != meant[2]
    with searching(corpus, store, how) as it:
        for number in (2, 1) * times:
            Verb(f"rollback {number}").do(corpus.file, store)
            time.sleep(_BETWEEN)
        for _ in range(2):
            refresh.do(corpus.file, store)
            Verb("promote").do(corpus.file, store)
            number, given = answers(corpus.file, store)
            # What is copied on a server is scaled to unit length once more.
            for told, known in zip(given, meant[2], strict=True):
                assert [id for id, _ in told] == [id for id, _ in known]
                assert [x for _, x in told] == pytest.approx([x for _, x in known], abs=1e-6)
            meant[number] = given
            Verb("rollback 1").do(corpus.file, store)
        it.send("enough")
        seen = it.recv()
    for number, found in seen.items():
        assert found == [meant[number]], number
    assert {1, 2} <= seen.keys()


@pytest.mark.parametrize(
    ("quantization", "count"),
    [
        ("none", 30),
        pytest.param("none", 300, marks=pytest.mark.slow),
        pytest.param("int8", 300, marks=pytest.mark.slow),
    ],
)
def test_the_same_questions_after_going_back(
    corpus: Corpus, store: tuple[str, ...], quantization: str, count: int
) -> None:
    """The same ids and scores, in the same order."""
    documents = 12 if count < 100 else 40
    corpus.fill(documents, sentences=6)
    own = (*store, f"index.quantization={quantization}")
    asked = [Query(text=prose(number, 1)) for number in range(count)]
    corpus.refresh(own)
    with Searcher(corpus.load(own), keep_open=False, as_released=True) as searcher:
        was = of_hits(searcher.search(asked, 10).hits)
        for number in range(0, documents, 2):
            corpus.add(f"{number:03}.txt", prose(number + 500, 7))
        corpus.refresh(own)
        assert of_hits(searcher.search(asked, 10).hits) != was
        releases.rollback(corpus.load(own), by="ann")
        assert of_hits(searcher.search(asked, 10).hits) == was
    assert all(len(each) == 10 for each in was)
