"""What keeps a shard from being opened is told by trying, and only a damaged draft is set aside."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.corpus.request import Job
from components.corpus.search import Searcher, search
from components.errors import Busy, Damaged, StoreUnavailable
from components.indexes.edge import proof
from components.indexes.edge.shards import load
from components.values import Query
from tests.cli import ROOT, clean
from tests.corpora import Corpus, counts

DOCUMENTS = 8


def tear(generation: Path) -> None:
    """Pages of payloads, as a power cut may."""
    for file in generation.glob("shard/segments/*/payload_storage/page_0.dat"):
        with file.open("r+b") as page:
            page.write(b"\xff\x13\x77" * 1400)


@pytest.fixture
def drafted(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a draft that a run has left in the middle."""
    monkeypatch.setenv("MILLRACE_SHARD_CHARACTERS", "2000")
    corpus.fill(DOCUMENTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("components.corpus.write.describe_all", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            corpus.refresh()
    of: Job = corpus.job()
    draft = of.corpus.unfinished(of.fingerprint, None)
    assert draft is not None
    return corpus.folder / "store" / "test" / draft.name


def limited(corpus: Corpus, limit: str) -> subprocess.CompletedProcess[str]:
    """A refresh under a limit of the shell's `ulimit`."""
    command = f'ulimit {limit}; exec "$0" -m flows.cli refresh "$1" --engine-only'
    return subprocess.run(
        ["bash", "-c", command, sys.executable, str(corpus.file)],
        capture_output=True,
        text=True,
        check=False,
        env=clean({"OMP_NUM_THREADS": "1"}),
        cwd=ROOT,
        timeout=120,
    )


def test_a_draft_outlives_a_run_that_has_too_few_addresses_to_open_it(
    corpus: Corpus, drafted: Path
) -> None:
    done = limited(corpus, "-v 380000")
    assert done.returncode == 1
    assert "this process lacks" in done.stderr
    assert drafted.is_dir(), done.stderr
    report = corpus.refresh()
    assert report.resumed
    assert counts(report) == (0, 0, DOCUMENTS, 0, 0)


def test_a_damaged_draft_is_set_aside_until_the_next_success(corpus: Corpus, drafted: Path) -> None:
    (drafted / "shard" / "edge_config.json").write_text("{")
    of = corpus.job().corpus
    home, name = drafted.parent, drafted.name
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("components.corpus.write.write_all", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            corpus.refresh()
    (aside,) = home.glob(f"{name}.damaged-*")
    assert (aside / "shard" / "edge_config.json").read_text() == "{"
    assert of.live() is None
    assert counts(corpus.refresh()) == (DOCUMENTS, 0, 0, 0, 0)
    assert list(home.glob("*.damaged-*")) == []


def test_what_somebody_has_open_is_busy_and_no_damage(drafted: Path, corpus: Corpus) -> None:
    shard = load(drafted / "shard")  # as a program that knows nothing of our own lock
    try:
        with pytest.raises(Busy, match="another process has the index open"):
            corpus.refresh()
    finally:
        shard.close()
    assert corpus.refresh().resumed


def test_a_fresh_process_that_can_open_it_clears_a_shard(drafted: Path) -> None:
    told = proof.explained(drafted / "shard", Exception("WouldBlock"))
    assert isinstance(told, StoreUnavailable)
    assert "a fresh process can open it" in str(told)


def test_too_few_file_handles_are_named(drafted: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard))
    try:
        assert proof.lacking() == "file handles"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert proof.lacking() == ""


def test_damage_is_proved_in_a_process_of_its_own(drafted: Path) -> None:
    (drafted / "shard" / "edge_config.json").write_text("{")
    told = proof.explained(drafted / "shard", Exception("whatever it says"))
    assert isinstance(told, Damaged)
    assert [each.name for each in drafted.iterdir() if "proof" in each.name] == []


def test_a_draft_that_opens_and_cannot_be_read_is_begun_again(
    corpus: Corpus, drafted: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tear(drafted)
    report = corpus.refresh()
    assert "a fresh process cannot either" in caplog.text
    assert not report.resumed
    assert counts(report) == (DOCUMENTS, 0, 0, 0, 0)


def test_what_is_live_and_cannot_be_read_is_named_with_what_to_do(corpus: Corpus) -> None:
    corpus.fill(2)
    live = corpus.folder / "store" / "test" / corpus.refresh().generation
    tear(live)
    with pytest.raises(Damaged, match="a fresh process cannot either") as caught:
        search(corpus.load(), [Query(text="water wheel")], 2)
    assert caught.value.where == str(live)
    assert "run the refresh again" in caught.value.hint
    with pytest.raises(Damaged):
        corpus.refresh()
    assert counts(corpus.refresh()) == (2, 0, 0, 0, 0)


def test_a_damaged_copy_names_what_it_is_a_copy_of(corpus: Corpus) -> None:
    corpus.fill(2)
    live = corpus.folder / "store" / "test" / corpus.refresh().generation
    (live / "shard" / "edge_config.json").write_text("{")
    with Searcher(corpus.load()) as searcher, pytest.raises(Damaged) as caught:
        searcher.search([Query(text="water wheel")], 2)
    assert caught.value.where == str(live)


def test_a_draft_whose_files_are_gone_is_begun_again(corpus: Corpus, drafted: Path) -> None:
    shutil.rmtree(drafted / "shard")
    report = corpus.refresh()
    assert not report.resumed
    assert counts(report) == (DOCUMENTS, 0, 0, 0, 0)


def _interrupted(*given: object, **options: object) -> None:
    raise KeyboardInterrupt
