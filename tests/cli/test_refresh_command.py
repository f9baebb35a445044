"""`millrace refresh`: its report, its exit codes, and what it leaves untouched."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.corpus import run
from components.errors import MillraceError
from tests.cli import Outcome, call, start
from tests.corpora import HASHING, Corpus, held_in, prose
from tests.test_imports import command

KEYS = {
    "schema": int,
    "pipeline": str,
    "added": int,
    "changed": int,
    "unchanged": int,
    "deleted": int,
    "failed": int,
    "stale": int,
    "failures": list,
    "incomplete": list,
    "left_out": list,
    "documents": int,
    "pages": int,
    "chunks": int,
    "termless": int,
    "tokens": int,
    "seconds": float,
    "tokens_per_second": float,
    "startup_seconds": float,
    "spent": dict,
    "generation": str,
    "fingerprint": str,
    "run_id": str,
    "model_loaded": bool,
    "cache": dict,
    "promoted": bool,
    "release": int,
    "how": str,
    "held": str,
    "gate": type(None),
    "resumed": bool,
    "passes": int,
    "evaluated": bool,
    "dry_run": bool,
}
COUNTS = ("added", "changed", "unchanged", "deleted", "failed", "stale")


def refresh(corpus: Corpus, *arguments: str) -> Outcome:
    return call("refresh", corpus.file, "--engine-only", *arguments)


def counts(done: Outcome) -> tuple[int, ...]:
    return tuple(done.json[name] for name in COUNTS)


def snapshot(folder: Path) -> dict[str, bytes]:
    """What every file of a folder holds but the locks. The engine touches its files when it only
    reads.
    """
    return {
        str(file.relative_to(folder)): held_in(file)
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.endswith(".lock")
    }


@contextmanager
def held_by_another_process(lock: Path) -> Iterator[None]:
    code = "import sys, filelock\nwith filelock.FileLock(sys.argv[1]): print('held', flush=True); "
    code += "sys.stdin.read()"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate()


def test_a_corpus_from_its_first_refresh_to_the_next_change(corpus: Corpus) -> None:
    corpus.fill(3)
    store = corpus.folder / "store"

    rehearsed = refresh(corpus, "--json", "--dry-run")
    assert (rehearsed.code, rehearsed.err) == (0, "")
    assert rehearsed.json["dry_run"] is True
    assert rehearsed.json["promoted"] is False
    assert rehearsed.json["generation"] == ""
    assert not store.exists(), "a dry run writes nothing"

    first = refresh(corpus, "--json")
    assert (first.code, first.err) == (0, "")
    report = first.json
    assert {name: type(value) for name, value in report.items()} == KEYS
    assert counts(first) == counts(rehearsed) == (3, 0, 0, 0, 0, 0)
    assert report["failures"] == []
    assert report["pipeline"] == "test"
    assert (report["documents"], report["pages"]) == (3, 0)
    assert report["chunks"] > 3
    assert report["tokens"] == sum(
        len(re.findall(r"\w+|[^\w\s]", prose(number))) for number in range(3)
    )
    assert 0 < report["seconds"] < 60
    assert report["tokens_per_second"] == pytest.approx(
        report["tokens"] / report["seconds"], rel=0.05
    )
    assert all(value >= 0 for value in report["spent"].values())
    assert re.fullmatch("[0-9a-f]{16}", report["fingerprint"])
    assert report["fingerprint"] == corpus.load().fingerprint()
    assert report["generation"] == f"0001-{report['fingerprint']}"
    assert report["run_id"]
    assert report["promoted"] is True
    assert report["model_loaded"] is False
    assert report["resumed"] is report["evaluated"] is report["dry_run"] is False

    before = snapshot(store)
    again = refresh(corpus, "--json")
    assert again.code == 0
    assert counts(again) == (0, 0, 3, 0, 0, 0)
    assert again.json["generation"] == report["generation"]
    assert again.json["run_id"] != report["run_id"]
    assert (again.json["tokens"], again.json["promoted"]) == (0, False)
    assert (again.json["documents"], again.json["chunks"]) == (3, report["chunks"])
    after = snapshot(store)
    pointer = "test/live.json"
    assert {**after, pointer: b""} == {**before, pointer: b""}, "nothing to do writes nothing"
    was, now = json.loads(before[pointer]), json.loads(after[pointer])
    assert {**now, "refreshed": was["refreshed"]} == was, "but when that was found"

    corpus.add("new.txt", prose(7))
    corpus.add("001.txt", prose(8, 20))
    (corpus.documents / "002.txt").unlink()
    corpus.add("sub/empty.md", "")
    expected = (1, 1, 1, 1, 1, 0)
    rehearsed = refresh(corpus, "--json", "--dry-run")
    assert rehearsed.code == 3
    assert counts(rehearsed) == expected
    assert rehearsed.json["failures"] == [{"id": "sub/empty.md", "reason": "empty"}]
    assert snapshot(store) == after, "a dry run writes nothing"

    changed = refresh(corpus, "--json")
    assert changed.code == 3
    assert counts(changed) == expected
    assert changed.json["failures"] == rehearsed.json["failures"]
    assert changed.json["generation"] == f"0002-{report['fingerprint']}"
    assert changed.json["promoted"] is True
    assert changed.json["documents"] == 3

    shown = refresh(corpus)
    assert shown.code == 3, "what failed before is still missing"
    assert "failed  sub/empty.md: empty" in shown.out.split("\n")


def test_the_summary_for_people(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    corpus.fill(2)
    rehearsed = refresh(corpus, "--dry-run")
    assert (rehearsed.code, rehearsed.err) == (0, "")
    assert rehearsed.out.startswith("would refresh test")
    done = refresh(corpus)
    assert (done.code, done.err) == (0, "")
    lines = done.out.split("\n")
    assert lines[0].split() == ["refreshed", "test"]
    assert tuple(lines[1].split()) == COUNTS
    assert lines[2].split() == ["2", "0", "0", "0", "0", "0"]
    assert "holds 2 documents" in done.out
    assert "is live (not evaluated)" in " ".join(done.out.split())
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in done.out
    assert "stays live" in refresh(corpus).out


def test_the_guard_stops_before_anything_is_changed(corpus: Corpus) -> None:
    corpus.fill(4)
    assert refresh(corpus).code == 0
    for number in range(3):
        (corpus.documents / f"{number:03}.txt").unlink()
    before = snapshot(corpus.folder / "store")
    done = refresh(corpus)
    assert (done.code, done.out) == (4, "")
    assert "3 of 4 documents would be deleted, more than 50%" in done.message
    assert "--max-deletes" in done.message
    done = refresh(corpus, "--json", "--max-deletes", "0.7")
    assert done.code == 4
    assert done.json["error"]["kind"] == "GuardStopped"
    assert done.json["error"]["where"] == str(corpus.documents)
    assert snapshot(corpus.folder / "store") == before
    rehearsed = refresh(corpus, "--json", "--dry-run")
    assert rehearsed.code == 4, "a rehearsal ends as the run would"
    assert rehearsed.json["error"]["kind"] == "GuardStopped"
    rehearsed = refresh(corpus, "--json", "--dry-run", "--max-deletes", "0.75")
    assert (rehearsed.code, rehearsed.json["deleted"]) == (0, 3)
    assert snapshot(corpus.folder / "store") == before
    done = refresh(corpus, "--json", "--max-deletes", "0.75")
    assert done.code == 0
    assert (done.json["deleted"], done.json["documents"]) == (3, 1)


def test_a_refresh_while_another_one_runs_is_busy(corpus: Corpus) -> None:
    corpus.fill(1)
    store = corpus.folder / "store"
    with held_by_another_process(store / "test" / "writer.lock"):
        done = refresh(corpus, "--json")
        assert done.code == 6
        assert done.json["error"]["kind"] == "Busy"
        assert "another refresh of this corpus is running" in done.message
        assert snapshot(store) == {}
        assert refresh(corpus, "--dry-run").code == 0, "a dry run waits for nobody"
    assert refresh(corpus, "--json").json["added"] == 1


def test_another_source_under_the_same_name_is_refused_until_adopted(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    corpus.fill(2)
    assert refresh(corpus).code == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "000.txt").write_text(prose(0))
    (elsewhere / "other.txt").write_text(prose(9))
    moved = ("--json", "--set", f"source.path={elsewhere}")
    before = snapshot(tmp_path / "store")
    done = refresh(corpus, *moved)
    assert done.code == 2
    assert done.json["error"]["kind"] == "ForeignCorpus"
    assert str(elsewhere) in done.message
    assert str(corpus.documents) in done.message
    assert "--adopt" in done.message
    assert snapshot(tmp_path / "store") == before
    adopted = refresh(corpus, *moved, "--adopt")
    assert adopted.code == 0
    assert counts(adopted) == (1, 0, 1, 1, 0, 0)
    assert refresh(corpus, *moved).code == 0, "it is its own now"
    assert refresh(corpus, "--json").code == 2, "and no longer the other's"


def test_a_copy_of_the_source_is_adopted_although_nothing_in_it_is_new(corpus: Corpus) -> None:
    corpus.fill(1)
    assert refresh(corpus).code == 0
    shutil.copytree(corpus.documents, corpus.folder / "copy")
    copied = ("--json", "--set", f"source.path={corpus.folder / 'copy'}")
    assert refresh(corpus, *copied).code == 2
    assert counts(refresh(corpus, *copied, "--adopt")) == (0, 0, 1, 0, 0, 0)
    assert refresh(corpus, *copied).code == 0


def test_a_source_part_of_which_cannot_be_listed_is_reported_and_deletes_nothing(
    tmp_path: Path,
) -> None:
    corpus = Corpus(tmp_path, {**HASHING, "source": {"use": "jsonl", "path": "corpus.jsonl"}})
    file = tmp_path / "corpus.jsonl"
    file.write_text('{"_id": "a", "text": "one"}\n{"_id": "b", "text": "two"}\n')
    assert refresh(corpus).code == 0
    file.write_text('{"_id": "a", "text": "one"}\n{"_id": "b", "text\n')
    done = refresh(corpus, "--json")
    assert done.code == 3
    assert (done.json["deleted"], done.json["documents"]) == (0, 2)
    (failure,) = done.json["failures"]
    assert failure["id"] == f"{file} line 2"
    assert "not JSON" in failure["reason"]


def test_retry_failed_tries_again_and_says_the_same(corpus: Corpus) -> None:
    corpus.fill(1)
    corpus.add("bad.md", "")
    first = refresh(corpus, "--json")
    again = refresh(corpus, "--json", "--retry-failed", "--dry-run")
    assert (first.code, again.code) == (3, 3)
    assert again.json["failures"] == first.json["failures"] == [{"id": "bad.md", "reason": "empty"}]


def test_a_process_of_its_own_reports_its_start(corpus: Corpus) -> None:
    corpus.fill(1)
    done = start("refresh", corpus.file.name, "--engine-only", "--json", folder=corpus.folder)
    assert (done.code, done.err) == (0, "")
    assert done.json["added"] == 1
    assert 0 < done.json["startup_seconds"] < 60
    assert {name: type(value) for name, value in done.json.items()} == KEYS
    human = start(
        "refresh", corpus.file, "--engine-only", environment={"PYTHONIOENCODING": "ascii"}
    )
    assert (human.code, human.err) == (0, "")


def test_without_a_server_that_is_named_prefect_is_left_out(corpus: Corpus) -> None:
    corpus.fill(1)
    assert "prefect" not in command("refresh", corpus.file)
    assert corpus.job().corpus.live() is not None
    # With nothing to do no server is started, whoever asks for one.
    assert "prefect" not in command("refresh", corpus.file, "--prefect")


STUMBLES = """
from dataclasses import dataclass
from pathlib import Path

from components.encoders.hashing import Hashing
from components.errors import StoreUnavailable

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Stumbles(Hashing):
    '''Cannot go on in the middle, once; notes what it has encoded.'''

    def encode_documents(self, documents, spans):
        for each in documents:
            with (HERE / "encoded").open("a") as file:
                file.write(each.id + "\\n")
        if len((HERE / "encoded").read_text().split()) > 6 and not (HERE / "stumbled").exists():
            (HERE / "stumbled").touch()
            raise StoreUnavailable("the store is out of reach").at(where="store")
        return super().encode_documents(documents, spans)
"""


def test_what_fails_in_the_middle_ends_the_run_and_nothing_is_done_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_SHARD_CHARACTERS", "1000")
    encoder = {"use": "stumbles_in_the_middle:Stumbles", "width": 64}
    corpus = Corpus(tmp_path, {**HASHING, "encoder": encoder})
    (tmp_path / "stumbles_in_the_middle.py").write_text(STUMBLES)
    corpus.fill(12)
    first = call("refresh", corpus.file, "--json")
    assert first.code == 1
    assert first.message == "store: the store is out of reach"
    before = (tmp_path / "encoded").read_text().split()
    again = call("refresh", corpus.file, "--json")
    assert again.code == 0
    assert again.json["resumed"] is True
    assert again.json["unchanged"] > 0
    encoded = (tmp_path / "encoded").read_text().split()
    lost = len(before) - again.json["unchanged"]
    assert len(encoded) == 12 + lost, "only the shard that was under way is read again"


def test_a_plan_serves_once(corpus: Corpus) -> None:
    corpus.fill(2)
    job = corpus.job()
    with run.planned(job) as found:
        run.carry_out(job, found)
        with pytest.raises(MillraceError, match="the plan was used before"):
            run.carry_out(job, found)
