"""`millrace status`."""

from __future__ import annotations

import re

import pytest

from tests.cli import call
from tests.corpora import Corpus

KEYS = {
    "schema",
    "pipeline",
    "generation",
    "fingerprint",
    "since",
    "run_id",
    "documents",
    "pages",
    "chunks",
    "tokens",
    "failed",
    "stale",
    "stages",
    "pending",
    "damaged",
}


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    corpus = Corpus(tmp_path_factory.mktemp("status"))
    corpus.fill(2)
    corpus.add("empty.md", "")
    assert call("refresh", corpus.file, "--engine-only").code == 3
    return corpus


def test_json_says_what_is_live(refreshed: Corpus) -> None:
    done = call("status", refreshed.file, "--json")
    assert (done.code, done.err) == (0, "")
    found = done.json
    assert set(found) == KEYS
    assert found["pipeline"] == "test"
    assert found["fingerprint"] == refreshed.load().fingerprint()
    assert found["generation"] == f"0001-{found['fingerprint']}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", found["since"])
    assert found["run_id"]
    assert (found["documents"], found["failed"], found["stale"]) == (2, 1, 0)
    assert found["chunks"] == len(refreshed.stored().chunks)
    assert found["tokens"] == sum(each.tokens for each in refreshed.stored().entries.values())
    assert found["stages"] == {
        "source": "files",
        "splitter": "sentences",
        "encoder": "hashing",
        "sparse": "bm25",
    }
    assert found["pending"] is False
    assert found["damaged"] == ""


def test_json_agrees_with_the_refresh_that_made_it(refreshed: Corpus) -> None:
    report = call("refresh", refreshed.file, "--engine-only", "--json").json
    found = call("status", refreshed.file, "--json").json
    for name in ("generation", "fingerprint", "documents", "pages", "chunks", "failed", "stale"):
        assert found[name] == report[name]


def test_a_changed_option_is_pending_and_what_is_live_is_described(refreshed: Corpus) -> None:
    before = call("status", refreshed.file, "--json").json
    changed = ("--set", "encoder.use=naive", "--set", "splitter.max_tokens=64")
    after = call("status", refreshed.file, "--json", *changed).json
    assert after == {**before, "pending": True}
    assert "the next refresh will build it" in " ".join(
        call("status", refreshed.file, *changed).out.split()
    )


def test_a_changed_retriever_is_not_pending(refreshed: Corpus) -> None:
    found = call("status", refreshed.file, "--json", "--set", "retriever.use=dense").json
    assert found["pending"] is False
    assert found["damaged"] == ""


@pytest.mark.parametrize("columns", [None, "60", "100"])
def test_the_table_fits_its_width(
    refreshed: Corpus, monkeypatch: pytest.MonkeyPatch, columns: str | None
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    done = call("status", refreshed.file)
    assert (done.code, done.err) == (0, "")
    rows = {line.split()[0]: line.split()[1:] for line in done.out.split("\n") if line.strip()}
    assert rows["pipeline"] == ["test"]
    assert rows["documents"] == ["2"]
    assert rows["failed"] == ["1"]
    assert "pending" not in rows
    assert "stale" not in rows
    assert max(map(len, done.out.split("\n"))) <= int(columns or 100)
    assert "\x1b" not in done.out
