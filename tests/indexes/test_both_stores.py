"""Both stores hold the same and answer the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose
from pathlib import Path

import pytest

from components import spec
from components.corpus import run
from components.corpus.report import Report
from components.corpus.request import Job, Request
from components.corpus.search import search
from components.spec import Pipeline
from components.values import Hit, Query
from tests.corpora import Corpus, Stored, prose, snapshot

SAMPLE = Path(__file__).resolve().parents[2] / "pipelines" / "sample.yaml"
SMALLER = ("encoder.use=hashing", "source.include=[stdlib/*/**, 'topics/[a-e]*']")
"""The model, or all documents, would take minutes and say the same: the stores are compared."""
QUESTIONS = 50
NEAR = 1e-5
"""Relative above 1. Of six digits, which readers give, the last may be rounded the other way."""


@dataclass(frozen=True)
class Refreshed:
    """The sample in one store."""

    report: Report
    stored: Stored
    overrides: Sequence[str]

    def ask(self, questions: Sequence[str], retriever: str) -> list[list[Hit]]:
        return ask(spec.load(SAMPLE, [*self.overrides, f"retriever.use={retriever}"]), questions)


def ask(pipeline: Pipeline, questions: Sequence[str]) -> list[list[Hit]]:
    queries = [Query(id=str(at), text=text) for at, text in enumerate(questions)]
    return search(pipeline, queries, 10).hits


def refreshed(*index: str) -> Refreshed:
    overrides = (*SMALLER, *index)
    job = Job(Request(pipeline=str(SAMPLE), overrides=overrides, run_id="both"))
    report = run.run(job)
    release = job.corpus.live()
    assert release is not None
    with job.corpus.read(release.generation) as reader:
        return Refreshed(report, snapshot(reader), overrides)


def questions(stored: Stored) -> list[str]:
    """Words from the middle of chunks from all over the corpus."""
    chunks = [stored.chunks[each] for each in sorted(stored.chunks)]
    step = len(chunks) // QUESTIONS
    words = [chunk.text.split() for chunk in chunks[: step * QUESTIONS : step]]
    return [" ".join(each[len(each) // 3 :][:12]) for each in words]


def same(left: Sequence[Hit], right: Sequence[Hit]) -> bool:
    """The same hits with the same scores; only equals may have changed places."""
    scores = {hit.chunk.id: hit.score for hit in right}
    last = left[-1].score
    return all(
        near(a.score, b.score) and near(a.score, scores.get(a.chunk.id, last))
        for a, b in zip(left, right, strict=True)
    )


def near(one: float, other: float) -> bool:
    return isclose(one, other, rel_tol=NEAR, abs_tol=NEAR)


@pytest.mark.slow
def test_the_sample_is_the_same_in_both(tmp_path: Path, server: str) -> None:
    edge = refreshed(f"index.path={tmp_path}")
    other = refreshed("index.use=qdrant")
    assert edge.report.totals == other.report.totals
    assert edge.report.totals.documents > 150
    assert edge.report.totals.chunks > 1000
    assert edge.stored.chunks == other.stored.chunks
    assert set(edge.stored.entries) == set(other.stored.entries)
    asked = questions(edge.stored)
    assert len(set(asked)) > QUESTIONS * 0.9
    for retriever in ("dense", "sparse", "hybrid"):
        pairs = zip(edge.ask(asked, retriever), other.ask(asked, retriever), strict=True)
        wrong = [at for at, (left, right) in enumerate(pairs) if not same(left, right)]
        assert wrong == [], retriever


def test_a_first_build_answers_the_same_in_both(tmp_path: Path, server: str) -> None:
    corpus = Corpus(tmp_path)
    corpus.fill(12)
    for overrides in ((), ("index.use=qdrant",)):
        corpus.refresh(overrides)
    edge = corpus.stored()
    for retriever in ("dense", "sparse"):
        chosen = f"retriever.use={retriever}"
        asked = [chunk.text for chunk in edge.chunks.values()][::5]
        assert len(asked) > 5
        answers = [ask(corpus.load([*each, chosen]), asked) for each in ((), ("index.use=qdrant",))]
        assert all(map(same, *answers)), retriever


def test_a_word_that_a_question_repeats_counts_again_in_both(tmp_path: Path, server: str) -> None:
    corpus = Corpus(tmp_path)
    corpus.add("weir.txt", "The weir holds the river.")
    corpus.add("sluice.txt", "The sluice opens at night.")
    for index in ((), ("index.use=qdrant",)):
        corpus.refresh(index)
        pipeline = corpus.load([*index, "retriever.use=sparse"])
        for one, other in (("weir", "sluice"), ("sluice", "weir")):
            best, second = ask(pipeline, [f"{one} {other} {one}"])[0]
            assert best.chunk.document_id == f"{one}.txt"
            assert second.chunk.document_id == f"{other}.txt"
            assert best.score == pytest.approx(1.8 * second.score, rel=1e-5)


def test_many_changes_end_the_same_in_both(tmp_path: Path, server: str) -> None:
    corpus = Corpus(tmp_path)
    corpus.fill(12)
    for overrides in ((), ("index.use=qdrant",)):
        corpus.refresh(overrides)
    corpus.add("000.txt", prose(70))
    corpus.add("new.txt", prose(71))
    (corpus.documents / "005.txt").unlink()
    reports = [corpus.refresh(overrides) for overrides in ((), ("index.use=qdrant",))]
    assert reports[0].totals == reports[1].totals
    assert (reports[1].added, reports[1].changed, reports[1].deleted) == (1, 1, 1)
    edge, other = corpus.stored(), corpus.stored(["index.use=qdrant"])
    assert edge.chunks == other.chunks
    idle = corpus.refresh(["index.use=qdrant"])
    assert (idle.tokens, idle.unchanged) == (0, 12)
