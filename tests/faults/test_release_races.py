"""Two who change what is live at once: the second begins and ends while the first stands still, at
each of its steps in turn.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from components.errors import BadOption
from tests.corpora import Corpus
from tests.faults.refreshing import DONE, ending
from tests.faults.releasing import Answers, Case, Verb, answers, change, found
from tests.faults.steps import Kind, stepping
from tests.faults.test_release_kills import HELD, PLAIN, TWO, WORSE, Scene

_STANDS = 0.4
"""Seconds that somebody may be kept waiting who then waits for the one that stands still."""
_AT_ONCE = 3.0
"""Seconds in which going back must end, on a machine that does much else."""
KEEPING = Verb("refresh", ("index.keep=3",))
pytestmark = pytest.mark.slow
REFRESH = replace(PLAIN, whole=True)
BACK, FIRST = Verb("rollback"), Verb("rollback 1")
FASTER = {DONE, "Moved", "Busy", "BadOption", "Missing"}
"""How one may end where another is faster: what is live is another, or being changed, nothing is
held any more, or what was to be live has been removed.
"""


@dataclass(frozen=True)
class Both:
    """How they ended."""

    one: str
    other: str
    at: str
    """Where the one stood still."""
    seconds: float
    """That the other took after the one went on, or all in all."""


def at_once(scene: Scene, other: Verb, own: Sequence[str], kind: Kind, at: int) -> Both | None:
    """None: the one has no such step."""
    file, ended = scene.corpus.file, []
    with stepping(scene.case.verb.of(file, own), kind, scene.corpus.folder, at) as one:
        step = one.await_step()
        if not step or step == "the end":
            return None
        begun = time.monotonic()

        def act() -> None:
            ended.append(ending(lambda: other.do(file, own)))
            ended.append(str(time.monotonic() - begun))

        thread = threading.Thread(target=act)
        thread.start()
        thread.join(_STANDS)
        if thread.is_alive():
            begun = time.monotonic()
        one.go_on()
        said = one.end()
        thread.join()
    return Both(said, ended[0], step, float(ended[1]))


@pytest.mark.parametrize(
    ("store", "to", "kind", "every"),
    [
        ("qdrant_edge", "1", "calls", 13),
        ("qdrant_edge", "", "writes", 37),
        ("qdrant", "", "calls", 13),
        ("qdrant", "1", "writes", 17),
    ],
    indirect=["store"],
)
def test_going_back_at_any_step_of_a_refresh(
    corpus: Corpus, store: tuple[str, ...], to: str, kind: Kind, every: int
) -> None:
    """It is live what the person said, whether the refresh had published already or not."""
    scene = Scene(corpus, store, Case((*TWO, change(2)), REFRESH))
    was = answered(scene, PLAIN, FIRST)
    for at in itertools.count(every // 2 + 1, every):
        own = scene.begun(f"n{at}")
        both = at_once(scene, Verb(f"rollback {to}".strip()), own, kind, at)
        if both is None:
            break
        now = found(corpus.file, own)
        assert answers(corpus.file, own) in was, (at, both)
        if both.other == DONE:
            assert both.seconds < _AT_ONCE, both
            published = "not evaluated" in now.lives.get(3, ())
            assert now.live == (1 if to or not published else 2), (at, both)
            assert both.one == (DONE if published else "Held"), (at, both)
            assert now.states[3] == ("rolled back" if published else "held"), (at, both)
            assert now.paused
        else:  # it was made room for
            assert (to, both.other, both.one, now.live) == ("1", "BadOption", DONE, 3), (at, both)
        scene.next_night(own)
        assert found(corpus.file, own).live == now.live
        scene.done(own)
    assert at > every


FOLLOWED = (*HELD, Verb("promote"), change(2), WORSE)
"""A release that was promoted, and another candidate that waits."""
THREE = (*TWO, change(2), KEEPING)
PAIRS: Mapping[str, tuple[Case, Verb]] = {
    "promote": (Case(FOLLOWED, Verb("promote")), FIRST),
    "rollback": (Case(FOLLOWED, BACK), Verb("promote")),
    "two rollbacks": (Case(THREE, BACK), FIRST),
    "the same": (Case(THREE, BACK), BACK),
    "reject": (Case(FOLLOWED, Verb("reject")), BACK),
    "reject and promote": (Case(HELD, Verb("reject")), Verb("promote")),
}
"""What one does, and another meanwhile."""
OFTEN = ("promote", "rollback", "two rollbacks")
ON_A_SERVER = ("promote", "two rollbacks", "reject and promote")


def tried() -> Iterator[Any]:
    """A store, a pair, and the kind of step at which the one stands still, at each of so many."""
    for pair in PAIRS:
        if pair in OFTEN:
            yield "qdrant_edge", pair, "calls", 5
        yield pytest.param("qdrant_edge", pair, "calls", 2, marks=pytest.mark.slow)
        yield pytest.param("qdrant_edge", pair, "writes", 3, marks=pytest.mark.slow)
        if pair in ON_A_SERVER:
            yield pytest.param("qdrant", pair, "calls", 7, marks=pytest.mark.slow)


@pytest.mark.parametrize(("store", "pair", "kind", "every"), tried(), indirect=["store"])
def test_two_people_at_once(
    corpus: Corpus,
    store: tuple[str, ...],
    pair: str,
    kind: Kind,
    every: int,
) -> None:
    """One of them at least gets what they want, and who does not is told so."""
    case, other = PAIRS[pair]
    scene, one = Scene(corpus, store, case), case.verb
    was = answered(scene, *{one, other})
    for at in itertools.count(every // 2 + 1, every):
        own = scene.begun(f"n{at}")
        both = at_once(scene, other, own, kind, at)
        if both is None:
            break
        assert {both.one, both.other} <= FASTER, (at, both)
        assert DONE in (both.one, both.other), (at, both)
        now = found(corpus.file, own)
        assert answers(corpus.file, own) in was, (at, both)
        if "Moved" in (both.one, both.other) or "Busy" in (both.one, both.other):
            done = one if both.one == DONE else other
            alone = scene.begun(f"alone{at}")
            done.do(corpus.file, alone)
            assert now == found(corpus.file, alone), (at, both)
            scene.done(alone)
        scene.done(own)
    assert at > every


def answered(scene: Scene, *verbs: Verb) -> list[tuple[int, Answers]]:
    """What the releases answer that are live before, and after each."""
    own = scene.begun("before")
    told = [answers(scene.corpus.file, own)]
    for number, each in enumerate(verbs):
        own = scene.begun(f"after-{number}")
        each.do(scene.corpus.file, own)
        told.append(answers(scene.corpus.file, own))
        with suppress(BadOption):
            for following in verbs:
                following.do(scene.corpus.file, own)
                told.append(answers(scene.corpus.file, own))
    return told
