"""Where going back leads to."""

from __future__ import annotations

import pytest

from components.corpus import releases, run
from components.errors import BadOption, Missing
from components.indexes.edge.index import EdgeCorpus
from components.indexes.manifest import Generation
from tests.corpora import Corpus, before
from tests.corpus.test_releases import GATED, Judge, change, history, live, refreshed, states
from tests.stores import embedded_first

KEEP = ("index.keep=9",)


@embedded_first
def test_one_that_never_was_live_is_not_gone_back_to(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    refreshed(corpus, Judge(), (*store, *GATED))
    change(corpus, 1)
    held = refreshed(corpus, Judge("worse"), (*store, *GATED))
    for name in ("2", held.generation):
        with pytest.raises(BadOption, match="never live"):
            releases.rollback(corpus.load(store), by="ann", to=name)
    assert live(corpus, store).number == 1


@embedded_first
def test_the_one_before_is_not_one_that_was_taken_back(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    kept = (*store, *KEEP)
    refreshed(corpus, overrides=kept)
    change(corpus, 1)
    refreshed(corpus, overrides=kept)
    releases.rollback(corpus.load(kept), by="ann")
    change(corpus, 2)
    refreshed(corpus, overrides=kept)
    releases.promote(corpus.load(kept), by="ann")
    assert releases.rollback(corpus.load(kept), by="ann").number == 1
    assert states(corpus, kept) == {1: "live", 2: "rolled back", 3: "rolled back"}


@embedded_first
def test_the_one_before_is_what_was_live_then_whatever_its_number(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    kept = (*store, *KEEP)
    refreshed(corpus, overrides=kept)
    refreshed(corpus, overrides=(*kept, "retriever.use=dense"))
    refreshed(corpus, overrides=kept)
    assert live(corpus, kept).number == 1, "the same stages are the same release"
    assert releases.rollback(corpus.load(kept), by="ann").number == 2
    releases.rollback(corpus.load(kept), by="ann", to="1")
    change(corpus, 1)
    refreshed(corpus, overrides=kept)
    releases.promote(corpus.load(kept), by="ann")
    assert releases.rollback(corpus.load(kept), by="ann").number == 1


@embedded_first
def test_back_and_forth_while_a_refresh_is_at_work_holds_what_it_makes(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    refreshed(corpus, overrides=store)
    change(corpus, 1)
    refreshed(corpus, overrides=store)
    change(corpus, 2)

    def back_and_forth() -> None:
        releases.rollback(corpus.load(store), by="ann")
        releases.rollback(corpus.load(store), by="ann", to="2")

    gated = (*store, *GATED)
    report = run.run(corpus.job(gated), before("promote", back_and_forth), judge=Judge("no_worse"))
    assert report.held
    assert live(corpus, store).number == 2
    assert history(corpus, store).ledger.paused


def test_what_was_made_room_for_meanwhile_is_gone_and_not_damaged(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.fill(3)
    refreshed(corpus)
    change(corpus, 1)
    refreshed(corpus)
    change(corpus, 2)
    assert refreshed(corpus, Judge("undecided"), GATED).held
    damage, waiting = EdgeCorpus.damage, [lambda: releases.promote(corpus.load(), by="ben")]

    def looked(self: EdgeCorpus, generation: Generation) -> str:
        while waiting:
            waiting.pop()()
        return damage(self, generation)

    monkeypatch.setattr(EdgeCorpus, "damage", looked)
    with pytest.raises(Missing):
        releases.rollback(corpus.load(), by="ann")
    assert live(corpus, ()).number == 3
