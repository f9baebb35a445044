"""What is done with releases, in a process of its own, and what it comes to."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from components import spec
from components.corpus import releases, run
from components.corpus.promote import Candidate
from components.corpus.release import corpus_of
from components.corpus.report import Report
from components.corpus.request import Job
from components.corpus.search import Searcher
from components.indexes.ledger import Anchor, Ledger, Verdict
from components.indexes.manifest import Release
from components.phases import Phase
from components.values import Query
from tests.corpora import Corpus, prose
from tests.corpus.test_refresh import later
from tests.faults.campaign import job
from tests.faults.steps import Steps

T = TypeVar("T")
GATED = ("gate.data=./queries", "gate.small=0")
ASKED = [Query(text=prose(number, 1)) for number in range(6)]
Answers = list[list[tuple[str, float]]]


@dataclass(frozen=True)
class Says:
    """A judge who always says the same, and measures."""

    outcome: Any

    def __call__(self, job: Job, candidate: Candidate, live: Release, ledger: Ledger) -> Verdict:
        known = ledger.verdict(candidate.identity, candidate.live_identity, "data")
        if known:
            return known
        own = [candidate.release.number] if self.outcome == "better" else []
        measured = [live.number, *own]
        scores = {"data": "data", "metric": "nDCG@10", "values": {"1": 1.0}}
        return Verdict(
            outcome=self.outcome,
            passed=self.outcome in ("better", "no_worse"),
            sentence=f"it is {self.outcome}",
            data="data",
            anchors=[Anchor(release=each, scores=scores, why="measured") for each in measured],
        )


@dataclass(frozen=True)
class Verb:
    """Something that a person or a schedule does. To be sent to another process."""

    name: str
    overrides: Sequence[str] = ()
    outcome: str = "no_worse"
    """What the judge of a refresh says."""
    whole: bool = False
    """Whether all steps of a refresh count, and not only those since it began to decide."""

    def do(self, file: Path, store: Sequence[str], steps: Steps | None = None) -> object:
        """Raises as that does."""
        overrides = (*store, *self.overrides)
        if self.name == "refresh":
            return _refresh(file, overrides, self.outcome, None if self.whole else steps)
        pipeline = spec.load(file, overrides)
        verb, _, to = self.name.partition(" ")
        if verb == "prune":
            corpus = corpus_of(pipeline)
            with corpus.lock():
                return corpus.prune()
        if verb == "rollback":
            return releases.rollback(pipeline, by="ann", to=to)
        own: Mapping[str, Callable[..., object]] = {
            "promote": releases.promote,
            "reject": releases.reject,
        }
        return own[verb](pipeline, by="ben")

    def of(self, file: Path, store: Sequence[str]) -> Callable[[Steps], object]:
        """For a process."""
        return partial(_do, self, file, tuple(store))


def _do(verb: Verb, file: Path, store: Sequence[str], steps: Steps) -> None:
    done = verb.do(file, store, steps)
    if isinstance(done, Report) and done.error:
        raise done.error


def _refresh(file: Path, overrides: Sequence[str], outcome: str, steps: Steps | None) -> Report:
    """Its steps count from when it is decided what becomes of what it has made."""

    def by(phase: Phase[T], /) -> T:
        if steps and phase.name in ("gate", "promote"):
            steps.counting = True
        return phase.work(lambda _: None)

    if steps:
        steps.counting = False
    return run.run(job(str(file), overrides), by, judge=Says(outcome))


@dataclass(frozen=True)
class Case:
    """A corpus as it is before, and what is done then."""

    nights: Sequence[Verb | Callable[[Corpus], object]]
    """From nothing, one after the other."""
    verb: Verb

    def begin(self, corpus: Corpus, store: Sequence[str]) -> None:
        corpus.fill(4, sentences=4)
        for each in self.nights:
            if isinstance(each, Verb):
                each.do(corpus.file, store)
            else:
                each(corpus)


def change(number: int) -> Callable[[Corpus], object]:
    """Another text of a document."""
    return lambda corpus: later(corpus.add("000.txt", prose(900 + number, 4)))


@dataclass(frozen=True)
class Found:
    """What a corpus comes to: equal where nothing was lost."""

    live: int
    content: Mapping[str, str]
    """Texts of the live chunks."""
    serving: str
    states: Mapping[int, str]
    lives: Mapping[int, Sequence[str]]
    """How each went live, each time."""
    reasons: Mapping[int, str]
    held: int | None
    paused: bool
    anchor: int | None
    scores: object


def found(file: Path, store: Sequence[str]) -> Found:
    """What there is now. The pointer and the history say the same."""
    corpus = corpus_of(spec.load(file, store))
    release = corpus.live()
    assert release is not None
    ledger = releases.history(corpus).ledger
    assert ledger.live == release.number
    assert [n for n, each in ledger.releases.items() if each.state == "live"] == [release.number]
    with corpus.read(release.generation) as reader:
        entries = reader.entries()
        texts = {each.id: each.text for name in entries for each in reader.chunks(name)}
    assert len(texts) == release.generation.totals.chunks
    listed = ledger.releases.items()
    return Found(
        live=release.number,
        content=texts,
        serving=json.dumps({n: e.options for n, e in release.serving.items()}, default=str),
        states={n: each.state for n, each in listed},
        lives={n: [str(went["how"]) for went in each.lives] for n, each in listed},
        reasons={n: each.reason.partition(" at ")[0] for n, each in listed},
        held=ledger.held,
        paused=bool(ledger.paused),
        anchor=ledger.anchor,
        scores=ledger.scores,
    )


def answers(file: Path, store: Sequence[str]) -> tuple[int, Answers]:
    """The live release, and what it answers."""
    pipeline = spec.load(file, store)
    with Searcher(pipeline, keep_open=False, as_released=True) as searcher:
        given = searcher.search(ASKED, 5)
    return given.release.number, of_hits(given.hits)


def of_hits(hits: Sequence[Sequence[Any]]) -> Answers:
    """Ids and scores, in order."""
    return [[(hit.chunk.id, hit.score) for hit in each] for each in hits]


def copied(store: Path, to: Path) -> None:
    """A copy of an index, without what a disk in memory holds for its holes."""
    subprocess.run(["cp", "-a", "--sparse=always", str(store), str(to)], check=True)
