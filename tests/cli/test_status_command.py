"""`millrace status`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.errors import GuardStopped
from tests.cli import call
from tests.corpora import LINES, Corpus

KEYS = {
    "schema",
    "pipeline",
    "generation",
    "release",
    "held",
    "paused",
    "fingerprint",
    "since",
    "refreshed",
    "fresh",
    "run_id",
    "documents",
    "pages",
    "chunks",
    "tokens",
    "failed",
    "stale",
    "languages",
    "fields",
    "termless",
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
    assert found["refreshed"] == found["since"]
    assert found["fresh"] is None, "nobody has asked"


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
    assert "the next refresh makes a release of it" in " ".join(
        call("status", refreshed.file, *changed).out.split()
    )


def test_a_changed_retriever_is_pending_too(refreshed: Corpus) -> None:
    found = call("status", refreshed.file, "--json", "--set", "retriever.use=dense").json
    assert found["pending"] is True
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


def at(monkeypatch: pytest.MonkeyPatch, ago: timedelta) -> str:
    """Have both stores write down another time: it."""
    time = (datetime.now(UTC) - ago).isoformat(timespec="seconds")
    for name in ("edge", "qdrant"):
        monkeypatch.setattr(f"components.indexes.{name}.index.now", lambda: time)
    return time


def fresh(corpus: Corpus, store: Sequence[str], max_age: str = "26h") -> tuple[int, bool, str]:
    """The exit code, what JSON says, and when a refresh ended well last."""
    chosen = [each for override in store for each in ("--set", override)]
    done = call("status", corpus.file, *chosen, "--max-age", max_age, "--json")
    assert ("no refresh has ended well" in done.err) == (done.code == 7)
    return done.code, done.json["fresh"], done.json["refreshed"]


def test_a_refresh_that_finds_nothing_to_do_makes_a_corpus_fresh(
    corpus: Corpus, store: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.fill(3)
    published = at(monkeypatch, timedelta(hours=30))
    corpus.refresh(store)
    assert fresh(corpus, store) == (7, False, published)
    assert fresh(corpus, store, "2d") == (0, True, published)
    later = at(monkeypatch, timedelta(hours=3))
    assert not corpus.refresh(store).promoted
    assert fresh(corpus, store) == (0, True, later)
    assert fresh(corpus, store, "179m") == (7, False, later)
    release = corpus.job(store).corpus.live()
    assert release is not None
    assert release.since == published


def test_neither_a_dry_run_nor_one_that_was_stopped_makes_a_corpus_fresh(
    corpus: Corpus, store: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.fill(3)
    published = at(monkeypatch, timedelta(hours=30))
    corpus.refresh(store)
    at(monkeypatch, timedelta(hours=3))
    corpus.refresh(store, dry_run=True)
    for name in ("000.txt", "001.txt"):
        (corpus.documents / name).unlink()
    with pytest.raises(GuardStopped):
        corpus.refresh(store)
    assert fresh(corpus, store) == (7, False, published)


def test_documents_that_fail_keep_no_corpus_from_being_fresh(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.fill(2)
    corpus.add("empty.md", "")
    at(monkeypatch, timedelta(hours=30))
    corpus.refresh()
    later = at(monkeypatch, timedelta(hours=3))
    assert call("refresh", corpus.file, "--engine-only").code == 3
    assert fresh(corpus, ()) == (0, True, later)


def test_a_corpus_of_before_this_was_written_down_counts_from_when_it_went_live(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.fill(1)
    published = at(monkeypatch, timedelta(hours=3))
    corpus.refresh()
    pointer = corpus.folder / "store" / "test" / "live.json"
    held = json.loads(pointer.read_text())
    pointer.write_text(json.dumps({name: held[name] for name in held if name != "refreshed"}))
    assert fresh(corpus, ()) == (0, True, published)


def test_what_was_never_refreshed_is_too_old(corpus: Corpus, store: tuple[str, ...]) -> None:
    chosen = [each for override in store for each in ("--set", override)]
    done = call("status", corpus.file, *chosen, "--max-age", "26h", "--json")
    assert done.code == 7
    assert done.json["error"]["kind"] == "TooOld"
    assert "was never refreshed (run millrace refresh first)" in done.err
    assert call("status", corpus.file, *chosen).code == 2


def test_a_person_is_told_what_is_live_and_that_it_is_old(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.fill(2)
    published = at(monkeypatch, timedelta(hours=76, minutes=5))
    corpus.refresh()
    done = call("status", corpus.file, "--max-age", "1.5d")
    assert done.code == 7
    assert done.message.startswith(
        f"test: no refresh has ended well for 3 d 4 h, since {published}"
    )
    rows = {line.split()[0]: line.split()[1:] for line in done.out.split("\n") if line.strip()}
    assert rows["documents"] == ["2"]
    assert rows["refreshed"] == [published]


def test_a_time_to_come_says_nothing(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock was wrong: nobody knows how old it is."""
    corpus.fill(1)
    at(monkeypatch, timedelta(minutes=-2))
    corpus.refresh()
    assert fresh(corpus, ())[0] == 0, "clocks differ a little"
    at(monkeypatch, timedelta(days=-300))
    corpus.refresh()
    done = call("status", corpus.file, "--max-age", "26h", "--json")
    assert (done.code, done.json["fresh"]) == (7, False)
    assert "which is still to come" in done.message
    at(monkeypatch, timedelta())
    corpus.refresh()
    assert fresh(corpus, ())[0] == 0


@pytest.mark.parametrize("given", ["", "26", "h", "0h", "1w", "1h30m", "26 hours", "9999999999d"])
def test_an_age_is_a_number_and_a_unit(corpus: Corpus, given: str) -> None:
    done = call("status", corpus.file, "--max-age", given)
    assert done.code == 2
    assert f"{given!r} is no span of time such as 90m, 26h or 2d" in done.message


def test_what_can_be_filtered_by_is_named(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, LINES)
    rows = [{"_id": str(at), "text": "A mill.", "year": at, f"f{at}": 1} for at in range(30)]
    corpus.add("corpus.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    corpus.refresh()
    assert call("status", corpus.file, "--json").json["fields"]["metadata.year"] == 30
    (row,) = [each for each in call("status", corpus.file).out.splitlines() if "fields" in each]
    assert row.split()[1] == "metadata.year,"
    assert "and 21 more" in " ".join(call("status", corpus.file).out.split())
