"""A refresh that is killed anywhere loses nothing, doubles nothing and leaves nothing stale."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from components.corpus.search import search
from components.indexes.edge.writer import EdgeWriter
from components.indexes.manifest import Entry
from components.indexes.payload import of_entry
from components.indexes.qdrant.writer import QdrantWriter
from components.values import Query
from tests.corpora import LINES, Corpus, counts, prose
from tests.corpus.test_refresh import later
from tests.faults.campaign import differences, job, killed, quiet, stored
from tests.faults.refreshing import Refreshing


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_SHARD_CHARACTERS", "1000")


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_first_build_killed_then_run_to_the_end(
    tmp_path: Path, store: tuple[str, ...], seed: int
) -> None:
    corpus = Corpus(tmp_path)
    corpus.fill(18, sentences=20)
    pipeline = str(corpus.file)
    expected, shards = quiet(pipeline, [f"index.path={tmp_path / 'quiet'}"])
    assert shards > 15
    overrides = store or [f"index.path={tmp_path / 'killed'}"]
    kill = killed(pipeline, overrides, shards, random.Random(seed))
    assert kill is not None
    assert 0 < kill.chunks_then < len(expected.chunks)
    again = job(pipeline, overrides)
    assert again.corpus.live() is None, "readers see nothing of a draft"
    report = corpus.refresh(overrides)
    assert report.resumed
    assert report.unchanged > 0, "what was committed is not done again"
    assert differences(expected, stored(again)) == []


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_update_killed_twice_leaves_the_live_index_alone(
    tmp_path: Path, store: tuple[str, ...], seed: int
) -> None:
    corpus, chance = Corpus(tmp_path), random.Random(seed)
    corpus.fill(18, sentences=20)
    corpus.refresh(store)
    before = corpus.stored(store)
    for number in range(18):
        if number % 10 == 0:
            (corpus.documents / f"{number:03}.txt").unlink()
        else:
            path = corpus.add(f"{number:03}.txt", prose(number + 500, 20))
            os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))
    pipeline = str(corpus.file)
    expected, shards = quiet(pipeline, [f"index.path={tmp_path / 'quiet'}"])
    for _ in range(2):
        assert killed(pipeline, store, shards // 3, chance) is not None
        assert corpus.stored(store).chunks == before.chunks
        hits = search(corpus.load(store), [Query(text="water wheel")], 5).hits[0]
        assert {hit.chunk.version for hit in hits} <= {c.version for c in before.chunks.values()}
    corpus.refresh(store)
    assert differences(expected, corpus.stored(store)) == []


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize(
    ("store", "mark"),
    [
        ("qdrant_edge", "survey again"),
        ("qdrant_edge", "write again"),
        ("qdrant_edge", "shard"),
        pytest.param("qdrant", "survey again", marks=pytest.mark.slow),
        pytest.param("qdrant", "write again", marks=pytest.mark.slow),
        ("qdrant", "shard"),
    ],
    indirect=["store"],
)
def test_killed_in_the_second_pass(tmp_path: Path, store: tuple[str, ...], mark: str) -> None:
    corpus = Corpus(tmp_path)
    corpus.fill(12, sentences=20)
    corpus.refresh(store)
    before = corpus.stored(store)
    for number in range(0, 12, 2):
        later(corpus.add(f"{number:03}.txt", prose(number + 500, 20)))
    process = Refreshing(corpus.file, store, os.environ, tmp_path / "log")
    assert process.await_mark("write")
    for number in range(0, 12, 3):
        later(corpus.add(f"{number:03}.txt", prose(number + 700, 20)))
    (corpus.documents / "001.txt").unlink()
    corpus.fill(16, sentences=20, first=12)
    if mark == "shard":
        assert process.await_mark("write again")
    assert process.await_mark(mark)
    process.kill()
    assert process.end() == "signal 9"
    assert corpus.stored(store).chunks == before.chunks
    report = corpus.refresh(store)
    assert report.resumed
    expected, _ = quiet(str(corpus.file), [f"index.path={tmp_path / 'quiet'}"])
    assert differences(expected, corpus.stored(store)) == []


def test_an_entry_is_written_once_its_chunks_are_there(
    corpus: Corpus, store: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not before: who is killed in between must not find a document recorded that is not."""
    recorded: list[str] = []
    kind = QdrantWriter if store else EdgeWriter
    commit = kind.commit

    def checked(writer: Any, entries: Sequence[Entry], replaced: Sequence[str] = ()) -> None:
        def written(entry: Entry) -> dict[str, Any]:
            stored = [each.version for each in writer.chunks(entry.document_id)]
            assert stored.count(entry.content_hash) == entry.chunks, entry.document_id
            assert entry.document_id not in replaced or len(set(stored)) == 2, "the old ones are"
            recorded.append(entry.document_id)
            return of_entry(entry)

        monkeypatch.setattr(f"{kind.__module__}.of_entry", written)
        commit(writer, entries, replaced)

    monkeypatch.setattr(kind, "commit", checked)
    corpus.fill(3)
    corpus.refresh(store)
    corpus.add("001.txt", prose(50))
    corpus.refresh(store)
    assert recorded == ["000.txt", "001.txt", "002.txt", "001.txt"]


def test_killed_between_sealing_and_publishing(corpus: Corpus) -> None:
    corpus.fill(3)
    first = corpus.refresh()
    pointer = corpus.folder / "store" / "test" / "live.json"
    held = pointer.read_text()
    corpus.add("new.txt", prose(8))
    second = corpus.refresh()
    pointer.write_text(held)
    assert first.generation in held
    again = corpus.refresh()
    assert (again.generation, again.tokens, again.promoted) == (second.generation, 0, True)


def test_killed_before_publishing_and_the_source_goes_on(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    corpus.refresh(store)
    corpus.add("000.txt", prose(50))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("components.corpus.request.Job.claim", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            corpus.refresh(store)
    before = corpus.stored(store)
    corpus.add("000.txt", prose(0))  # back to what is live
    corpus.add("new.txt", prose(8))
    report = corpus.refresh(store)
    assert report.promoted
    after = corpus.stored(store)
    assert {i: c.text for i, c in before.chunks.items()}.items() <= {
        i: c.text for i, c in after.chunks.items()
    }.items()
    assert set(after.entries) == {"000.txt", "001.txt", "002.txt", "new.txt"}


def test_a_copy_that_was_never_completed_is_swept_away(corpus: Corpus) -> None:
    corpus.fill(2)
    corpus.refresh()
    torn = corpus.folder / "store" / "test" / "0002-0123456789abcdef" / "shard"
    torn.mkdir(parents=True)
    (torn / "edge_config.json").write_text("{")
    corpus.add("new.txt", prose(8))
    assert counts(corpus.refresh()) == (1, 0, 2, 0, 0)
    assert not torn.exists()


def test_a_damaged_draft_is_begun_again(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    corpus.fill(2)
    of = corpus.job()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("components.corpus.write.write_all", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            corpus.refresh()
    draft = of.corpus.unfinished(of.fingerprint, None)
    assert draft is not None
    (tmp_path / "store" / "test" / draft.name / "shard" / "edge_config.json").write_text("{")
    report = corpus.refresh()
    assert counts(report) == (2, 0, 0, 0, 0)
    assert not report.resumed


def running(pid: int) -> bool:
    """Whether a process is alive, and not merely waiting to be collected."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _interrupted(*args: object, **options: object) -> None:
    raise KeyboardInterrupt


def test_killed_while_describing_then_the_source_goes_back(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, LINES)
    line = '{"_id": "a", "text": "The mill turns.", "year": %d}\n'
    corpus.add("corpus.jsonl", line % 1901)
    corpus.refresh()
    corpus.add("corpus.jsonl", line % 1902)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("components.corpus.write._noted", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            corpus.refresh()
    corpus.add("corpus.jsonl", line % 1901)
    corpus.refresh()
    assert {chunk.metadata["year"] for chunk in corpus.stored().chunks.values()} == {1901}


def test_killed_while_optimising_leaves_no_orphan_and_no_lost_work(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    corpus.fill(3)
    arguments = [sys.executable, "-m", "tests.faults.orphan", str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    report = corpus.refresh()
    assert report.resumed
    assert counts(report) == (0, 0, 3, 0, 0)
    assert not running(int(done.stdout))
