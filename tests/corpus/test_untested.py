"""Nothing that failed, was rejected or taken back goes live by itself, however often it is made."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from components.corpus import releases
from tests.corpora import Corpus, prose
from tests.corpus.test_refresh import later
from tests.corpus.test_releases import (
    GATED,
    Judge,
    change,
    live,
    names,
    refreshed,
    states,
)
from tests.stores import embedded_first


@embedded_first
def test_what_was_taken_back_stays_so_however_often_it_is_made(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    refreshed(corpus, overrides=store)
    change(corpus, 1)
    refreshed(corpus, overrides=store)
    releases.rollback(corpus.load(store), by="ann")
    change(corpus, 2)
    refreshed(corpus, overrides=store)
    releases.promote(corpus.load(store), by="ann")
    change(corpus, 1)
    for _ in range(2):
        again = refreshed(corpus, overrides=store)
        assert "same as release 2, which was rolled back" in again.held
    assert live(corpus, store).number == 3


@embedded_first
def test_a_person_may_change_their_mind(corpus: Corpus, store: tuple[str, ...]) -> None:
    corpus.fill(3)
    refreshed(corpus, Judge(), (*store, *GATED))
    change(corpus, 1)
    refreshed(corpus, Judge("undecided"), (*store, *GATED))
    releases.reject(corpus.load(store), by="ann", reason="odd")
    refreshed(corpus, overrides=store)
    releases.promote(corpus.load(store), by="ann", reason="it is right")
    change(corpus, 2)
    assert refreshed(corpus, overrides=store).promoted
    change(corpus, 1)
    assert refreshed(corpus, overrides=store).promoted, "the last word was for it"


@pytest.mark.parametrize("given", [("gate.data=./queries", "gate.small=1"), ()])
@embedded_first
def test_what_failed_its_test_does_not_pass_as_small_or_without_a_gate(
    corpus: Corpus, store: tuple[str, ...], given: tuple[str, ...]
) -> None:
    corpus.fill(3)
    refreshed(corpus, Judge(), (*store, *GATED))
    change(corpus, 1)
    held = refreshed(corpus, Judge("worse"), (*store, *GATED))
    again = refreshed(corpus, Judge(), (*store, *given))
    assert (again.release, again.held) == (held.release, held.held)
    assert live(corpus, store).number == 1


@embedded_first
def test_other_stages_that_are_held_leave_the_generation_that_is_live_to_go_on_from(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    gated = (*store, *GATED)
    first = refreshed(corpus, Judge(), gated)
    held = refreshed(corpus, Judge("worse"), (*gated, "retriever.use=dense"))
    assert (held.release, held.generation) == (2, first.generation)
    nothing = refreshed(corpus, Judge(), gated)
    assert (nothing.generation, nothing.how, nothing.held) == (first.generation, None, "")
    change(corpus, 1)
    made = refreshed(corpus, Judge("no_worse"), gated)
    assert corpus.job(store).corpus.generation(made.generation).base == first.generation


@embedded_first
def test_what_changed_otherwise_and_untested_is_tested_with_the_next_small_change(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(20)
    gated = (*store, "gate.data=./queries", "gate.small=0.12")
    refreshed(corpus, Judge(), gated)
    other = "encoder.width=32"
    assert refreshed(corpus, overrides=(*store, other)).how == "not evaluated"
    later(corpus.add("000.txt", prose(900)))
    assert refreshed(corpus, Judge("no_worse"), (*gated, other)).how == "tested"


def test_a_held_candidate_that_is_gone_is_made_again(corpus: Corpus) -> None:
    corpus.fill(3)
    refreshed(corpus, Judge(), GATED)
    change(corpus, 1)
    held = refreshed(corpus, Judge("undecided"), GATED)
    shutil.rmtree(corpus.folder / "store" / "test" / held.generation)
    again = refreshed(corpus, Judge(), GATED)
    assert again.held == held.held
    assert again.generation != held.generation
    assert names(corpus, ())[-1] == again.generation
    assert releases.promote(corpus.load(), by="ann").generation.name == again.generation


def test_a_held_candidate_that_is_damaged_is_made_again(corpus: Corpus) -> None:
    corpus.fill(3)
    refreshed(corpus, Judge(), GATED)
    change(corpus, 1)
    held = refreshed(corpus, Judge("undecided"), GATED)
    for file in (corpus.folder / "store" / "test" / held.generation / "shard").rglob("*"):
        if file.is_file():
            file.write_bytes(b"\0" * file.stat().st_size)
    again = refreshed(corpus, Judge(), GATED)
    assert again.held == held.held
    assert again.generation != held.generation
    assert releases.promote(corpus.load(), by="ann").generation.name == again.generation


@embedded_first
def test_what_is_held_in_another_form_is_not_what_is_asked_for(
    corpus: Corpus, store: tuple[str, ...]
) -> None:
    corpus.fill(3)
    gated = (*store, *GATED)
    refreshed(corpus, Judge(), gated)
    change(corpus, 1)
    held = refreshed(corpus, Judge("undecided"), gated)
    other = refreshed(corpus, Judge("no_worse"), (*gated, "index.quantization=int8"))
    assert other.release != held.release
    assert live(corpus, store).generation.quantization == "int8"


def test_a_candidate_waits_where_what_is_live_cannot_be_asked_any_more(corpus: Corpus) -> None:
    """Else no refresh would ever end, and nobody could promote what it makes."""
    (corpus.folder / "ours_once.py").write_text(
        "from dataclasses import dataclass\n"
        "from components.retrievers.dense import Dense\n\n\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Ours(Dense):\n    pass\n"
    )
    corpus.fill(3)
    refreshed(corpus, Judge(), (*GATED, "retriever.use=ours_once:Ours"))
    (corpus.folder / "ours_once.py").unlink()
    sys.modules.pop("ours_once")
    held = refreshed(corpus, Judge(), GATED)
    assert "what is live cannot be compared with" in held.held
    assert "ours_once" in held.held
    assert releases.promote(corpus.load(), by="ann").number == held.release


def test_an_event_that_says_too_little_is_left_out(
    corpus: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    corpus.fill(3)
    refreshed(corpus)
    file = corpus.folder / "store" / "test" / "releases.jsonl"
    own = file.read_text()
    line = json.dumps({"what": "made", "at": "", "by": "", "release": 7})
    odd = [b"{}", b"[]", b"7", b"\xff", b'{"what": "live"}', line.encode()]
    file.write_bytes(b"\n".join(odd) + b"\n" + own.encode())
    change(corpus, 1)
    assert refreshed(corpus).release == 2
    assert states(corpus, ()) == {1: "was live", 2: "live"}
    assert "is left out" in caplog.text


def test_of_what_is_live_the_pointer_tells_where_the_history_has_lost_it(corpus: Corpus) -> None:
    corpus.fill(3)
    for number in range(3):
        change(corpus, number)
        refreshed(corpus)
    file = corpus.folder / "store" / "test" / "releases.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    left = [each for each in lines if (each["what"], each["release"]) != ("made", 3)]
    file.write_text("".join(f"{json.dumps(each)}\n" for each in left))
    assert states(corpus, ()) == {1: "was live", 2: "was live", 3: "live"}
    assert releases.rollback(corpus.load(), by="ann").number == 2
