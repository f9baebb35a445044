"""What a refresh makes goes live, or waits for a person; and what a person does with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from components.corpus import releases, run
from components.corpus.promote import Candidate
from components.corpus.releases import History
from components.corpus.report import Report
from components.corpus.request import Job
from components.corpus.search import Searcher, search
from components.errors import BadOption, Held, Moved
from components.indexes.ledger import Ledger, Verdict
from components.indexes.manifest import Release
from components.values import Query
from tests import full_disk
from tests.corpora import Corpus, Stored, before, prose, snapshot
from tests.corpus.test_refresh import later
from tests.faults.campaign import differences
from tests.stores import embedded_first

GATED = ("gate.data=./queries", "gate.small=0")
QUESTION = [Query(text="water wheel")]


class Judge:
    """Says what it is told to."""

    def __init__(self, *outcomes: str) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[Candidate] = []

    def __call__(self, job: Job, candidate: Candidate, live: Release, ledger: Ledger) -> Verdict:
        known = ledger.verdict(candidate.identity, candidate.live_identity, "data")
        if known:
            return known
        self.asked.append(candidate)
        said: Any = self.outcomes.pop(0)
        passed = said in ("better", "no_worse")
        return Verdict(outcome=said, passed=passed, sentence=f"it is {said}", data="data")


def refreshed(
    corpus: Corpus, judge: Judge | None = None, overrides: Sequence[str] = (), **more: Any
) -> Report:
    return run.run(corpus.job(overrides, **more), judge=judge)


def history(corpus: Corpus, store: Sequence[str]) -> History:
    return releases.history(corpus.job(store).corpus)


def states(corpus: Corpus, store: Sequence[str]) -> dict[int, str]:
    return {n: each.state for n, each in history(corpus, store).ledger.releases.items()}


def live(corpus: Corpus, store: Sequence[str]) -> Release:
    release = corpus.job(store).corpus.live()
    assert release is not None
    return release


def change(corpus: Corpus, number: int) -> None:
    later(corpus.add("000.txt", prose(900 + number)))


def test_each_refresh_that_changes_something_is_a_release(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    first = refreshed(corpus, overrides=store)
    assert (first.release, first.how, first.exit_code) == (1, "first", 0)
    nothing = refreshed(corpus, overrides=store)
    assert (nothing.release, nothing.how) == (1, None)
    change(corpus, 1)
    second = refreshed(corpus, overrides=store, run_id="tuesday")
    assert (second.release, second.how) == (2, "not evaluated")
    assert states(corpus, store) == {1: "was live", 2: "live"}
    listed = history(corpus, store).ledger.releases[2]
    assert listed.by == "refresh tuesday"
    assert listed.why == "the source has changed"
    assert listed.generation == live(corpus, store).generation.name


def test_other_stages_that_answer_are_a_release_of_the_same_generation(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(2)
    refreshed(corpus, overrides=store)
    made = refreshed(corpus, overrides=(*store, "retriever.use=dense"))
    assert (made.release, made.promoted) == (2, True)
    assert made.tokens == 0
    ledger = history(corpus, store).ledger
    assert ledger.releases[1].generation == ledger.releases[2].generation
    assert ledger.releases[2].why == "other stages answer"
    # Who asks for what is live is answered by them, who brings a file by the file's.
    with Searcher(corpus.load(store), as_released=True) as searcher:
        found = searcher.search(QUESTION, 3)
    assert found.release.number == 2
    dense = search(corpus.load((*store, "retriever.use=dense")), QUESTION, 3)
    assert found.hits == dense.hits
    assert search(corpus.load(store), QUESTION, 3).pending
    assert not dense.pending


@embedded_first
def test_a_candidate_that_fails_its_test_is_held(corpus: Corpus, store: tuple[str, ...]) -> None:
    corpus.fill(3)
    gated = (*store, *GATED)
    refreshed(corpus, Judge(), gated)
    change(corpus, 1)
    was = live(corpus, store)
    held = refreshed(corpus, Judge("worse"), gated)
    assert (held.held, held.exit_code, held.promoted) == ("it is worse", 5, False)
    assert held.to_json()["error"]["kind"] == "Held"
    assert live(corpus, store) == was
    assert states(corpus, store) == {1: "live", 2: "held"}


@embedded_first
def test_nothing_changes_what_is_said_of_the_same_candidate(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    gated = (*store, *GATED)
    refreshed(corpus, Judge(), gated)
    change(corpus, 1)
    held = refreshed(corpus, Judge("undecided"), gated)
    judge = Judge("better")
    again = refreshed(corpus, judge, gated)
    assert again.held == held.held
    assert again.release == held.release
    assert again.generation == held.generation, "it is not made again"
    assert again.tokens == 0
    assert not judge.asked


def test_the_next_refresh_begins_from_what_is_live(corpus: Corpus, store: tuple[str, ...]) -> None:
    corpus.fill(3)
    gated = (*store, *GATED)
    first = refreshed(corpus, Judge(), gated)
    change(corpus, 1)
    held = refreshed(corpus, Judge("worse"), gated)
    change(corpus, 2)
    job = corpus.job(gated)
    made = run.run(job, judge=Judge("no_worse"))
    generation = job.corpus.generation(made.generation)
    assert generation.base == first.generation
    assert generation.number > int(held.generation.partition("-")[0])
    assert states(corpus, store) == {1: "was live", 2: "replaced", 3: "live"}
    assert held.generation not in names(corpus, store), "it has given way"


def test_a_held_candidate_stays_as_it_was_tested_while_the_next_one_is_made(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    gated = (*store, *GATED)
    refreshed(corpus, Judge(), gated)
    change(corpus, 1)
    held = refreshed(corpus, Judge("worse"), gated)
    tested = snapshot_of(corpus, store, held.generation)
    change(corpus, 2)
    seen: list[Stored] = []
    run.run(
        corpus.job(gated),
        before("gate", lambda: seen.append(snapshot_of(corpus, store, held.generation))),
        judge=Judge("worse"),
    )
    (now,) = seen
    assert not differences(now, tested)


def test_a_person_promotes_what_is_held(corpus: Corpus, store: tuple[str, ...]) -> None:
    corpus.fill(3)
    gated = (*store, *GATED)
    refreshed(corpus, Judge(), gated)
    change(corpus, 1)
    held = refreshed(corpus, Judge("undecided"), gated)
    made = releases.promote(corpus.load(gated), by="ann", reason="looked at")
    assert (made.number, made.how) == (held.release, "promoted")
    assert live(corpus, store).generation.name == held.generation
    ledger = history(corpus, store).ledger
    assert ledger.anchor == held.release
    assert ledger.releases[2].lives[-1]["why"] == "looked at"
    assert refreshed(corpus, Judge(), gated).exit_code == 0, "nothing is left to do"


@embedded_first
def test_one_that_is_worse_takes_force(corpus: Corpus, store: tuple[str, ...]) -> None:
    corpus.fill(3)
    gated = (*store, *GATED)
    refreshed(corpus, Judge(), gated)
    change(corpus, 1)
    refreshed(corpus, Judge("worse"), gated)
    with pytest.raises(Held, match="it is worse"):
        releases.promote(corpus.load(gated), by="ann")
    assert live(corpus, store).number == 1
    made = releases.promote(corpus.load(gated), by="ann", reason="urgent", force=True)
    assert made.how == "forced"
    assert live(corpus, store).number == 2


def test_what_was_rejected_is_not_published_by_itself(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    gated = (*store, *GATED)
    first = refreshed(corpus, Judge(), gated)
    change(corpus, 1)
    refused = refreshed(corpus, Judge("undecided"), gated)
    releases.reject(corpus.load(gated), by="ann", reason="odd")
    assert states(corpus, store) == {1: "live", 2: "rejected"}
    assert names(corpus, store) == [first.generation]
    with pytest.raises(BadOption, match="no candidate is held"):
        releases.promote(corpus.load(gated), by="ann")
    # The same again, even without a gate.
    again = refreshed(corpus, overrides=store)
    assert "same as release 2, which was rejected" in again.held
    assert live(corpus, store).number == 1
    assert refused.generation != first.generation


def test_going_back_gives_the_same_answers_in_the_same_order(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(6)
    refreshed(corpus, overrides=store)
    asked = [Query(text=prose(n, 1)) for n in range(20)]
    was = search(corpus.load(store), asked, 10).hits
    for night in range(1, 3):
        change(corpus, night)
        refreshed(corpus, overrides=(*store, "index.keep=3"))
    assert search(corpus.load(store), asked, 10).hits != was
    made = releases.rollback(corpus.load(store), by="ann", to="1", reason="bad")
    assert (made.number, made.how) == (1, "rolled back")
    assert search(corpus.load(store), asked, 10).hits == was
    assert states(corpus, store) == {1: "live", 2: "rolled back", 3: "rolled back"}


def test_after_going_back_candidates_wait_until_a_person_promotes_one(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    first = refreshed(corpus, overrides=store)
    change(corpus, 1)
    second = refreshed(corpus, overrides=store)
    releases.rollback(corpus.load(store), by="ann")
    assert live(corpus, store).number == 1
    same = refreshed(corpus, overrides=store)
    assert "rolled back" in same.held
    assert same.exit_code == 5
    assert corpus.job(store).corpus.generation(same.generation).base == first.generation
    assert second.generation in names(corpus, store), "one can go forward again"
    change(corpus, 2)
    mended = refreshed(corpus, overrides=store)
    assert mended.held
    made = releases.promote(corpus.load(store), by="ann")
    assert made.number == mended.release
    change(corpus, 3)
    assert refreshed(corpus, overrides=store).promoted, "refreshes publish again"


@embedded_first
def test_what_was_gone_back_to_is_confirmed_where_nothing_is_held(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    refreshed(corpus, overrides=store)
    change(corpus, 1)
    refreshed(corpus, overrides=store)
    releases.rollback(corpus.load(store), by="ann", to="1")
    releases.rollback(corpus.load(store), by="ann", to="2")
    made = releases.promote(corpus.load(store), by="ann")
    assert (made.number, made.how) == (2, "promoted")
    assert states(corpus, store) == {1: "was live", 2: "live"}
    assert not history(corpus, store).ledger.paused
    change(corpus, 2)
    assert refreshed(corpus, overrides=store).promoted


def test_going_back_works_while_a_refresh_is_at_work(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    refreshed(corpus, overrides=store)
    change(corpus, 1)
    refreshed(corpus, overrides=store)
    change(corpus, 2)
    by = before("promote", lambda: releases.rollback(corpus.load(store), by="ann"))
    report = run.run(corpus.job(store), by)
    assert report.held
    assert live(corpus, store).number == 1
    assert states(corpus, store) == {1: "live", 2: "rolled back", 3: "held"}


@embedded_first
def test_going_back_twice_goes_back_further(corpus: Corpus, store: tuple[str, ...]) -> None:
    corpus.fill(3)
    keeping = (*store, "index.keep=3")
    refreshed(corpus, overrides=keeping)
    for night in range(1, 3):
        change(corpus, night)
        refreshed(corpus, overrides=keeping)
    assert releases.rollback(corpus.load(keeping), by="ann").number == 2
    assert releases.rollback(corpus.load(keeping), by="ann").number == 1
    with pytest.raises(BadOption, match="no earlier release"):
        releases.rollback(corpus.load(keeping), by="ann")
    assert releases.rollback(corpus.load(keeping), by="ann", to="3").number == 3


@embedded_first
def test_small_changes_are_counted_together(corpus: Corpus, store: tuple[str, ...]) -> None:
    corpus.fill(20)
    gated = (*store, "gate.data=./queries", "gate.small=0.12")
    refreshed(corpus, Judge(), gated)
    judge = Judge("no_worse", "worse")
    hows = []
    for night in range(4):
        later(corpus.add(f"{night:03}.txt", prose(900 + night)))
        report = refreshed(corpus, judge, gated)
        hows.append(report.how)
    # Each changes a twentieth: two of them are small, the third is tested, the fourth begins anew.
    assert hows == ["small", "small", "tested", "small"]
    assert len(judge.asked) == 1
    assert judge.asked[0].drift > judge.asked[0].changed


@embedded_first
def test_a_gate_without_anybody_to_test_publishes_nothing(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    gated = (*store, *GATED)
    refreshed(corpus, overrides=gated)
    change(corpus, 1)
    with pytest.raises(Exception, match="nobody to test"):
        refreshed(corpus, overrides=gated)
    assert live(corpus, store).number == 1


def names(corpus: Corpus, store: Sequence[str]) -> list[str]:
    """Generations that are there."""
    told = history(corpus, store)
    return sorted(told.there)


def snapshot_of(corpus: Corpus, store: Sequence[str], name: str) -> Stored:
    held = corpus.job(store).corpus
    with held.read(held.generation(name)) as reader:
        return snapshot(reader)


@embedded_first
def test_what_was_rejected_stays_so_however_often_it_is_made(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    gated = (*store, *GATED)
    refreshed(corpus, Judge(), gated)
    change(corpus, 1)
    refused = refreshed(corpus, Judge("undecided"), gated)
    releases.reject(corpus.load(gated), by="ann")
    for _ in range(3):
        again = refreshed(corpus, overrides=store)
        assert "same as release 2, which was rejected" in again.held
        assert again.generation != refused.generation
        assert live(corpus, store).number == 1
    assert states(corpus, store) == {1: "live", 2: "rejected", 3: "held"}
    assert not history(corpus, store).can_answer(2), "no other generation has its name"


@embedded_first
def test_of_stages_that_were_taken_back_the_same_is_another_release(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    dense = (*store, "retriever.use=dense")
    refreshed(corpus, overrides=store)
    refreshed(corpus, overrides=dense)
    releases.rollback(corpus.load(store), by="ann")
    for _ in range(2):
        assert refreshed(corpus, overrides=dense).held
        assert states(corpus, store) == {1: "live", 2: "rolled back", 3: "held"}


def test_going_forward_again_leaves_one_live(corpus: Corpus, store: tuple[str, ...]) -> None:
    corpus.fill(3)
    refreshed(corpus, overrides=store)
    change(corpus, 1)
    refreshed(corpus, overrides=store)
    releases.rollback(corpus.load(store), by="ann")
    assert releases.rollback(corpus.load(store), by="ann", to="2").number == 2
    assert states(corpus, store) == {1: "was live", 2: "live"}


@pytest.mark.parametrize("verb", ["promote", "rollback"])
@embedded_first
def test_nobody_replaces_what_they_have_not_seen_live(
    corpus: Corpus, store: tuple[str, ...], verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.fill(3)
    keeping = (*store, "index.keep=3")
    for night in range(3):
        change(corpus, night)
        refreshed(corpus, overrides=keeping)
    change(corpus, 3)
    refreshed(corpus, Judge("undecided"), (*keeping, *GATED))
    pipeline = corpus.load(keeping)
    _meanwhile(monkeypatch, lambda: releases.rollback(pipeline, by="ben", to="1"))
    with pytest.raises(Moved):
        vars(releases)[verb](pipeline, by="ann")
    assert live(corpus, store).number == 1
    assert history(corpus, store).ledger.live == 1


def test_going_back_counts_although_a_refresh_publishes_meanwhile(
    corpus: Corpus, store: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.fill(3)
    keeping = (*store, "index.keep=3")
    for night in range(2):
        change(corpus, night)
        refreshed(corpus, overrides=keeping)
    change(corpus, 2)
    _meanwhile(monkeypatch, lambda: refreshed(corpus, overrides=keeping))
    releases.rollback(corpus.load(keeping), by="ann")
    assert live(corpus, store).number == 1, "not what was published meanwhile, nor what was before"
    assert states(corpus, store) == {1: "live", 2: "rolled back", 3: "rolled back"}


def _meanwhile(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Somebody does something when somebody else has decided, and has not done it yet."""
    go_live, waiting = vars(releases)["_go_live"], [do]

    def decided(*given: Any) -> Release:
        while waiting:
            waiting.pop()()
        made: Release = go_live(*given)
        return made

    monkeypatch.setattr(releases, "_go_live", decided)


@embedded_first
def test_other_stages_that_wait_or_were_rejected_leave_the_generation_to_go_on_from(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    gated = (*store, *GATED)
    first = refreshed(corpus, Judge(), gated)
    assert refreshed(corpus, Judge("undecided"), (*gated, "retriever.use=dense")).held
    for decided in (lambda: None, lambda: releases.reject(corpus.load(gated), by="ann")):
        decided()
        nothing = refreshed(corpus, Judge(), gated)
        assert (nothing.generation, nothing.tokens) == (first.generation, 0)
        assert (nothing.release, nothing.exit_code) == (1, 0)


def test_a_full_disk_takes_the_history_and_not_the_way_back(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pointer is written as a file of its own; the history grows by `os.write`."""
    corpus.fill(3)
    refreshed(corpus)
    change(corpus, 1)
    refreshed(corpus)
    with monkeypatch.context() as patch:
        full_disk.fill(patch, 0)
        assert releases.rollback(corpus.load(), by="ann").number == 1
    told = history(corpus, ()).ledger
    assert (told.live, [each["how"] for each in told.missing]) == (1, ["rolled back"])
    assert refreshed(corpus).held, "nothing is forgotten"
    assert not history(corpus, ()).ledger.missing
