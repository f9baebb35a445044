"""What comes back from other processes: late, twice, or not at all."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from components.corpus import run
from components.corpus.encode import Encoding
from components.corpus.spread import Answers, Work, spread
from components.errors import ClusterUnavailable
from components.phases import Done, within
from infra.settings import settings
from tests.corpora import Corpus, counts
from tests.encoders.random_models import transformer
from tests.faults.campaign import differences

ELSEWHERE = ("index.path=elsewhere",)


def refreshed(corpus: Corpus, encoding: Encoding, overrides: Sequence[str] = ELSEWHERE) -> Any:
    """The report of a refresh, and what was committed after each shard."""
    committed: list[int] = []

    def note(done: Done) -> None:
        committed.append(done.units)

    return run.run(corpus.job(overrides), within(note), encoding), committed


def here(work: Work, items: Sequence[Any]) -> Answers:
    """A pool of this process alone, in batches of two, the last one first."""
    for start in reversed(range(0, len(items), 2)):
        yield from work(items[start : start + 2])


@pytest.mark.parametrize("sparse", ["bm25", "none"])
def test_vectors_survive_the_way(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, sparse: str
) -> None:
    monkeypatch.chdir(corpus.folder)
    corpus.fill(5)
    corpus.add("bad.txt", "")
    corpus.add("page.md", "# One\n\ntext of one\n\n## Two\n\ntext of two\n")
    overrides = (*ELSEWHERE, f"sparse.use={sparse}")
    report, _ = refreshed(corpus, spread(here), overrides)
    expected = corpus.refresh([f"sparse.use={sparse}"])
    assert counts(report) == counts(expected) == (6, 0, 0, 0, 1)
    assert report.totals == expected.totals
    assert report.tokens == expected.tokens
    found = corpus.stored(overrides)
    assert differences(corpus.stored([f"sparse.use={sparse}"]), found) == []


def test_states_of_tokens_survive_the_way(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(corpus.folder)
    model = transformer(tmp_path / "model", "bert", before="<s>", after="</s>")
    encoder = ["encoder.use=naive", f"encoder.model={model}", "encoder.token_states=2"]
    corpus.fill(5)
    refreshed(corpus, spread(here), [*ELSEWHERE, *encoder])
    corpus.refresh(encoder)
    expected = corpus.stored(encoder)
    assert expected.states.keys() == expected.chunks.keys()
    assert differences(expected, corpus.stored([*ELSEWHERE, *encoder])) == []


def test_what_arrives_twice_counts_once(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(corpus.folder)
    corpus.fill(7)

    def twice(work: Work, items: Sequence[Any]) -> Answers:
        yield from here(work, items)
        yield from work(items[:4])

    report, committed = refreshed(corpus, spread(twice))
    assert (report.added, committed[-1]) == (7, 7)
    corpus.refresh()
    assert differences(corpus.stored(), corpus.stored(ELSEWHERE)) == []


def test_what_got_lost_is_asked_for_again(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(corpus.folder)
    corpus.fill(7)
    asked: list[int] = []

    def forgetful(work: Work, items: Sequence[Any]) -> Answers:
        asked.append(len(items))
        yield from here(work, items[len(items) // 2 :])

    report, _ = refreshed(corpus, spread(forgetful))
    assert report.added == 7
    assert asked == [7, 3, 1]


def test_what_never_comes_back_is_an_error(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(corpus.folder)
    corpus.fill(7)

    def losing(work: Work, items: Sequence[Any]) -> Answers:
        yield from here(work, [step for step in items if step.document_id != "003.txt"])

    with pytest.raises(ClusterUnavailable, match="1 documents did not come back") as caught:
        refreshed(corpus, spread(losing))
    assert caught.value.where == "003.txt"
    report, _ = refreshed(corpus, spread(here))
    assert (report.resumed, report.unchanged, report.added) == (True, 6, 1)


def test_small_shards_are_committed_together(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(corpus.folder)
    corpus.fill(10)
    _, together = refreshed(corpus, spread(here))
    assert together == [10]
    monkeypatch.setenv("MILLRACE_SHARD_CHARACTERS", "1000")
    settings.cache_clear()
    _, apart = refreshed(corpus, spread(here), ["index.path=apart"])
    assert len(apart) == 5


def test_a_job_takes_its_checked_pipeline_along(corpus: Corpus) -> None:
    job = corpus.job(["splitter.max_tokens=16"])
    sent = pickle.dumps(job)
    corpus.file.unlink()
    arrived = pickle.loads(sent)
    assert arrived.pipeline == job.pipeline
    assert arrived.fingerprint == job.fingerprint
    assert arrived.splitter == job.splitter
