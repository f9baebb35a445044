"""`millrace doctor`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli import call
from tests.cli.test_prune_command import chosen
from tests.corpora import Corpus
from tests.damage import Live

KEYS = {
    "schema",
    "pipeline",
    "run_id",
    "generation",
    "documents",
    "damaged",
    "findings",
    "sample",
    "behind",
    "uncompared",
    "repaired",
    "published",
    "tokens",
    "seconds",
}


@pytest.fixture
def live(corpus: Corpus, store: tuple[str, ...]) -> Live:
    corpus.fill(3)
    corpus.refresh(store)
    return Live(corpus, store)


def test_it_ends_with_8_until_what_it_finds_is_mended(live: Live) -> None:
    asked: list[str | Path] = [live.corpus.file, *chosen(tuple(live.store))]
    well = call("doctor", *asked, "--json")
    assert (well.code, set(well.json), well.json["damaged"]) == (0, KEYS, False)
    live.drop(live.points(kind="chunk", document_id="001.txt")[0])
    found = call("doctor", *asked, "--json")
    assert found.code == 8
    assert found.json["findings"] == [
        {
            "check": "points",
            "what": "1 chunk of 6 not stored: 0",
            "where": "001.txt",
            "harm": "lost",
            "remedy": "the document is encoded anew",
            "mended": False,
        }
    ]
    mended = call("doctor", *asked, "--repair", "--json")
    assert (mended.code, mended.json["damaged"], mended.json["published"]) == (0, False, True)
    assert call("doctor", *asked).code == 0


def test_it_is_told_to_people(live: Live) -> None:
    asked: list[str | Path] = [live.corpus.file, *chosen(tuple(live.store))]
    live.corpus.add("new.txt", "One more.")
    well = call("doctor", *asked).out.splitlines()
    assert well[0] == "test: all is well with 3 documents"
    assert well[1].startswith("3 documents were encoded anew, 18 chunks, cosines from ")
    assert well[2:] == ["behind the source: 1 new (the next refresh sees to them)"]
    live.drop(live.points(kind="chunk", document_id="001.txt")[0])
    first, *_, last = call("doctor", *asked, "--repair", "--sample", "0").out.splitlines()
    assert first == (
        "points   001.txt: 1 chunk of 6 not stored: 0 (mended: the document is encoded anew)"
    )
    assert last.endswith("is live, 144 tokens were encoded")


@pytest.mark.parametrize("store", ["qdrant_edge"], indirect=True)
def test_what_cannot_be_mended_is_told_with_what_to_do(live: Live) -> None:
    shutil.rmtree(live.folder)
    done = call("doctor", live.corpus.file, "--repair")
    assert done.code == 8
    assert "restore one from a copy" in done.out


def test_before_the_first_refresh_it_says_so(corpus: Corpus) -> None:
    refused = call("doctor", corpus.file)
    assert refused.code == 2
    assert "has no index yet" in refused.message
