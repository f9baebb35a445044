"""What searches find while releases alternate, and after going back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

from components.corpus import releases
from components.corpus.search import Searcher
from tests.corpora import Corpus, prose
from tests.faults.releasing import ASKED, Verb, answers, change, of_hits

DENSE = "retriever.use=dense"
_SEARCHING = """
import json, sys
from pathlib import Path
from components import spec
from components.corpus.search import Searcher
from tests.faults.releasing import ASKED, of_hits
enough, keep_open, file, *store = sys.argv[1:]
seen, count = {}, 0
with Searcher(spec.load(Path(file), store), keep_open=keep_open == "open", as_released=True) as it:
    while not Path(enough).exists() or count < 20:
        found = it.search(ASKED, 5)
        told = json.dumps(of_hits(found.hits))
        seen.setdefault(str(found.release.number), {}).setdefault(told, 0)
        count += 1
        if count == 1:
            print("begun", flush=True)
print(json.dumps({"seen": {n: list(each) for n, each in seen.items()}, "count": count}))
"""
_BETWEEN = 0.2
"""Seconds from one to the next."""


def searching(corpus: Corpus, own: Sequence[str], how: str) -> subprocess.Popen[str]:
    """Another process that searches until it is enough."""
    enough = corpus.folder / "enough"
    asked = [sys.executable, "-c", _SEARCHING, str(enough), how, str(corpus.file), *own]
    process = subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize("other", ["content", pytest.param("stages", marks=pytest.mark.slow)])
@pytest.mark.parametrize("how", ["open", pytest.param("anew", marks=pytest.mark.slow)])
def test_searches_while_two_releases_alternate(
    corpus: Corpus, store: tuple[str, ...], other: str, how: str
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
    process = searching(corpus, store, how)
    for number in (2, 1) * 9:
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
    (corpus.folder / "enough").touch()
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    told = json.loads(out)
    for number, seen in told["seen"].items():
        assert seen == [json.dumps(meant[int(number)])], number
    assert {"1", "2"} <= told["seen"].keys(), told["count"]


@pytest.mark.parametrize("quantization", ["none", pytest.param("int8", marks=pytest.mark.slow)])
def test_three_hundred_questions_after_going_back(
    corpus: Corpus, store: tuple[str, ...], quantization: str
) -> None:
    """The same ids and scores, in the same order."""
    corpus.fill(40, sentences=6)
    own = (*store, f"index.quantization={quantization}")
    asked = [type(ASKED[0])(text=prose(number, 1)) for number in range(300)]
    corpus.refresh(own)
    with Searcher(corpus.load(own), keep_open=False, as_released=True) as searcher:
        was = of_hits(searcher.search(asked, 10).hits)
        for number in range(0, 40, 2):
            corpus.add(f"{number:03}.txt", prose(number + 500, 7))
        corpus.refresh(own)
        assert of_hits(searcher.search(asked, 10).hits) != was
        releases.rollback(corpus.load(own), by="ann")
        assert of_hits(searcher.search(asked, 10).hits) == was
    assert all(len(each) == 10 for each in was)
