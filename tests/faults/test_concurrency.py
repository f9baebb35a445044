"""Readers and writers at the same time."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from components.corpus.search import search
from components.values import Query
from tests.corpora import Corpus, prose


def searching(corpus: Corpus) -> subprocess.Popen[str]:
    arguments = ["search", str(corpus.file), "water wheel", "-k", "3", "--json"]
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *arguments], stdout=subprocess.PIPE, text=True
    )


def test_several_searches_at_once_all_answer(corpus: Corpus) -> None:
    corpus.fill(5)
    corpus.refresh()
    answers = [each.communicate()[0] for each in [searching(corpus) for _ in range(4)]]
    hits = [json.loads(answer)["hits"] for answer in answers]
    assert len(hits[0]) == 3
    assert all(each == hits[0] for each in hits)


def test_searches_during_a_refresh_answer_from_one_generation(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_SHARD_CHARACTERS", "4000")
    corpus.fill(80, sentences=20)
    first = corpus.refresh()
    for number in range(80):
        corpus.add(f"{number:03}.txt", prose(number + 500, 20))
    arguments = [sys.executable, "-m", "flows.cli", "refresh", str(corpus.file), "--engine-only"]
    seen: list[str] = []
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as refresh:
        while refresh.poll() is None:
            found = search(corpus.load(), [Query(text="water wheel")], 5)
            assert len(found.hits[0]) == 5
            numbers = [
                int(hit.chunk.text.rsplit("number ", 1)[1].split(".")[0]) for hit in found.hits[0]
            ]
            new = found.release.generation.name != first.generation
            assert all((number >= 50_000) == new for number in numbers)
            seen.append(found.release.generation.name)
    assert refresh.returncode == 0
    assert seen.count(first.generation) > 3, "searches answered while the refresh ran"
    after = search(corpus.load(), [Query(text="water wheel")], 5)
    assert after.release.generation.name != first.generation


_REFRESHING = """
import sys
from pathlib import Path
from tests.corpora import Corpus
corpus = Corpus(Path(sys.argv[1]))
number = 0
while not (corpus.folder / "enough").exists():
    number += 1
    for name in "abcdefgh":
        corpus.add(f"{name}.txt", f"The water wheel of mill {name} has revision {number}.")
    assert corpus.refresh(sys.argv[2:]).promoted
print(number)
"""


@pytest.mark.slow
def test_a_hundred_searches_while_refreshes_publish(corpus: Corpus, store: tuple[str, ...]) -> None:
    for name in "abcdefgh":
        corpus.add(f"{name}.txt", f"The water wheel of mill {name} has revision 0.")
    corpus.refresh(store)
    arguments = [sys.executable, "-c", _REFRESHING, str(corpus.folder), *store]
    seen: dict[str, set[str]] = {}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as refreshing:
        searches = 0
        # At least a hundred, and until several generations were published meanwhile.
        while searches < 100 or (len(seen) < 4 and refreshing.poll() is None):
            found = search(corpus.load(store), [Query(text="revision of the water wheel")], 8)
            hits = found.hits[0]
            assert {hit.chunk.document_id for hit in hits} == {f"{each}.txt" for each in "abcdefgh"}
            revisions = seen.setdefault(found.release.generation.name, set())
            revisions |= {hit.chunk.text.rsplit(" ", 1)[1] for hit in hits}
            searches += 1
        (corpus.folder / "enough").touch()
        assert refreshing.wait() == 0
    assert all(len(revisions) == 1 for revisions in seen.values()), "generations were mixed"
    assert len(set.union(*seen.values())) == len(seen) >= 4
