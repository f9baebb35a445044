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
