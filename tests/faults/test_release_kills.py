"""Whatever is done with releases, and wherever it is killed: one is live, whole, and as it was or
as it was meant to be; and who does the same again ends where an undisturbed one does.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components import spec
from components.corpus.release import corpus_of
from components.errors import BadOption
from tests.corpora import Corpus
from tests.faults.releasing import GATED, Case, Found, Verb, answers, change, copied, found
from tests.faults.steps import stepping

DENSE = "retriever.use=dense"
PLAIN, TESTED = Verb("refresh"), Verb("refresh", GATED)
WORSE, BETTER = Verb("refresh", GATED, "undecided"), Verb("refresh", GATED, "better")
HELD = (PLAIN, change(1), WORSE)
"""A live release, and a candidate that waits."""
TWO = (PLAIN, change(1), PLAIN)
CASES: Mapping[str, Case] = {
    "promote": Case(HELD, Verb("promote")),
    "promote other stages": Case(
        (PLAIN, Verb("refresh", (*GATED, DENSE), "undecided")), Verb("promote")
    ),
    "reject": Case(HELD, Verb("reject")),
    "rollback": Case(TWO, Verb("rollback 1")),
    "rollback of stages": Case((PLAIN, Verb("refresh", (DENSE,))), Verb("rollback 1")),
    "rollback while one is held": Case((*TWO, change(2), WORSE), Verb("rollback 1")),
    "forward again": Case((*TWO, Verb("rollback 1")), Verb("rollback 2")),
    "prune": Case(
        tuple(
            each
            for night in range(3)
            for each in (change(night), Verb("refresh", ("index.keep=9",)))
        ),
        Verb("prune", ("index.keep=1",)),
    ),
    "refresh, not evaluated": Case((PLAIN, change(1)), PLAIN),
    "refresh, the first": Case((), PLAIN),
    "refresh, tested": Case((*TWO, change(2)), TESTED),
    "refresh, better": Case((PLAIN, change(1)), BETTER),
    "refresh, small": Case(
        (PLAIN, change(1)), Verb("refresh", ("gate.data=./q", "gate.small=0.9"))
    ),
    "refresh, held": Case((PLAIN, change(1)), WORSE),
    "refresh, held in another's place": Case((*HELD, change(2)), WORSE),
    "refresh, published in a held one's place": Case((*HELD, change(2)), TESTED),
    "refresh, after going back": Case((*TWO, Verb("rollback 1"), change(2)), PLAIN),
    "refresh, of what was rejected": Case((*HELD, Verb("reject")), PLAIN),
    "refresh, other stages": Case((PLAIN,), Verb("refresh", (DENSE,))),
}
OFTEN = ("promote", "rollback", "refresh, tested")
"""The cases of which some steps are tried by default."""


def tried() -> Iterator[Any]:
    """A store, a case, and how many steps apart it is killed. On a server every scene is built
    anew, so that it is some there and all in the embedded index.
    """
    for case in CASES:
        if case in OFTEN:
            yield pytest.param("qdrant_edge", case, 9)
            yield pytest.param("qdrant", case, 13)
        yield pytest.param("qdrant_edge", case, 1, marks=pytest.mark.slow)
        yield pytest.param("qdrant", case, 7, marks=pytest.mark.slow)


@dataclass(frozen=True)
class Scene:
    """The same case from its beginning, as often as it takes."""

    corpus: Corpus
    store: Sequence[str]
    case: Case

    def begun(self, name: str) -> tuple[str, ...]:
        """The overrides of one that nobody has touched."""
        if self.store:
            own = (*self.store, f"index.namespace={name}")
            self.case.begin(self.corpus, own)
            return own
        prepared, place = self.corpus.folder / "prepared", self.corpus.folder / name
        if not prepared.exists():
            prepared.mkdir()
            self.case.begin(self.corpus, (f"index.path={prepared}",))
        copied(prepared, place)
        return (f"index.path={place}",)

    def done(self, own: Sequence[str]) -> None:
        """Nobody needs it any more."""
        if not self.store:
            shutil.rmtree(own[0].removeprefix("index.path="))

    def do(self, own: Sequence[str]) -> None:
        self.case.verb.do(self.corpus.file, own)

    def next_night(self, own: Sequence[str]) -> Found:
        """A refresh, as the case's is where it is one."""
        verb = self.case.verb if self.case.verb.name == "refresh" else PLAIN
        verb.do(self.corpus.file, own)
        return self.found(own)

    def found(self, own: Sequence[str]) -> Found:
        return found(self.corpus.file, own)


@pytest.mark.parametrize(("store", "case", "every"), tried(), indirect=["store"])
def test_killed_at_any_step(
    corpus: Corpus, store: tuple[str, ...], case: str, every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_LEASE", "1")
    scene, file = Scene(corpus, store, CASES[case]), corpus.file
    own = scene.begun("undisturbed")
    nothing_was = not CASES[case].nights
    old = None if nothing_was else answers(file, own)
    scene.do(own)
    new, meant = answers(file, own), scene.found(own)
    then = scene.next_night(own)
    for at in itertools.count(min(every, 2), every):
        own = scene.begun(f"n{at}")
        with stepping(scene.case.verb.of(file, own), "writes", corpus.folder, at, dies=True) as it:
            if it.end() != "signal 9":
                break
        if corpus_of(spec.load(file, own)).live() is None:
            assert nothing_was, at
        else:
            assert answers(file, own) in (old, new), at
            scene.found(own)
        with suppress(BadOption):  # there is nothing left to do
            scene.do(own)
            assert scene.found(own) == meant, at
        assert scene.next_night(own) == then, at
        assert _left(file, own, scene.case.verb.overrides) == [], at
        scene.done(own)
    assert at > 2, "some were killed"


def _left(file: Path, own: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """What stays although nobody wants it."""
    corpus = corpus_of(spec.load(file, (*own, *overrides)))
    with corpus.lock():
        corpus.prune()
    left = [each.name for each in corpus.surplus()]
    if folder := getattr(corpus, "folder", None):
        left += [each.name for each in folder.iterdir() if each.name.startswith(".")]
        left += [each.name for each in folder.iterdir() if each.name.endswith(".removed")]
    return left
