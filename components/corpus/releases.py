"""What a person does with releases: promote the one that is held, reject it, go back to another.

Going back needs no right to write: it works while a refresh is at it, which then publishes nothing.
"""

from __future__ import annotations

import getpass
import socket
from contextlib import suppress
from dataclasses import dataclass, field, replace

from components.corpus.release import corpus_of, live, note_live, tidy
from components.errors import BadOption, Damaged, Held, IndexFault, Missing, Moved
from components.indexes import ledger as ledgers
from components.indexes.contract import CorpusIndex
from components.indexes.ledger import Ledger, Listed
from components.indexes.manifest import BY_PERSON, How, Release, choices
from components.spec import Pipeline

_TRIES = 3
_NAMED = 20
"""Of the newest releases, those that a message names."""


@dataclass(frozen=True, kw_only=True)
class History:
    """The releases of a corpus, and which of them can still answer."""

    ledger: Ledger
    corpus: CorpusIndex = field(repr=False)
    _found: dict[str, bool] = field(default_factory=dict, repr=False)
    """By generation: there may be thousands, and each costs a server a question."""

    @property
    def there(self) -> frozenset[str]:
        """Names of the generations that are there, of those that are listed."""
        named = {number: each.generation for number, each in self.ledger.releases.items()}
        return frozenset(name for number, name in named.items() if self.can_answer(number))

    def can_answer(self, number: int) -> bool:
        """Whether a release can be gone back to. Raises as the corpus."""
        listed = self.ledger.releases.get(number)
        if listed is None:
            return False
        name = listed.generation
        if name not in self._found:
            self._found[name] = _there(self.corpus, name)
        return self._found[name]


def person() -> str:
    """Who this is, for the history."""
    name = "somebody"
    with suppress(Exception):  # no such user in a container
        name = getpass.getuser()
    return f"{name}@{socket.gethostname()}"


def history(corpus: CorpusIndex) -> History:
    """What has become of a corpus' releases. Writes nothing. Raises IndexFault."""
    return History(ledger=ledgers.ledger(corpus), corpus=corpus)


def promote(
    pipeline: Pipeline,
    *,
    by: str,
    reason: str = "",
    force: bool = False,
    release: int | None = None,
) -> Release:
    """Make the candidate that is held the live one. `release`: that it must be. Where none is held
    after something was taken back, what is live is confirmed: refreshes publish again.

    Raises Held where its test says that it is worse, unless that is forced; BadOption where none is
    held; Busy, Moved, IndexFault.
    """
    corpus = corpus_of(pipeline)
    with corpus.lock():
        now = corpus.live()
        told = ledgers.fold(corpus.events(), now)
        alone = told.paused and not told.waiting and release in (None, told.live)
        confirmed = told.listed(told.live) if alone else None
        waiting = confirmed or _waiting(pipeline, told, release)
        worse = not confirmed and (waiting.verdict or {}).get("outcome") == "worse"
        if worse and not force:
            raise Held(f"release {waiting.number} was tested and is worse: {waiting.reason}").at(
                where=pipeline.name, hint="publish it all the same: --force --reason TEXT"
            )
        how: How = "forced" if worse else "promoted"
        made = _go_live(corpus, now, waiting, how, by, reason or waiting.reason)
        tidy(corpus)
        return made


def reject(pipeline: Pipeline, *, by: str, reason: str = "", release: int | None = None) -> Listed:
    """Give the candidate up that is held. No refresh publishes the same by itself any more.

    Raises BadOption where none is held; Busy, IndexFault.
    """
    corpus = corpus_of(pipeline)
    with corpus.lock():
        waiting = _waiting(pipeline, ledgers.ledger(corpus), release)
        corpus.record([ledgers.event("rejected", waiting.number, by, why=reason)])
        tidy(corpus)
        return waiting


def rollback(pipeline: Pipeline, *, by: str, to: str = "", reason: str = "") -> Release:
    """Make an earlier release live again: by its number or its generation's name, else the one
    before what is live. From then on every candidate is held, until a person promotes one.

    What a refresh publishes meanwhile is gone back from as well. Raises BadOption where it is not
    there any more, Missing where it was removed meanwhile, NothingLive, Busy, Moved where somebody
    else has decided, IndexFault.
    """
    corpus = corpus_of(pipeline)
    now = live(pipeline, corpus)
    told = History(ledger=ledgers.fold(corpus.events(), now), corpus=corpus)
    target = _target(pipeline, told, to)
    if target.number == now.number:
        raise BadOption(f"release {target.number} is live").at(where=pipeline.name)
    for _ in range(_TRIES - 1):
        ledgers.settle(corpus)
        try:
            return _go_live(corpus, now, target, "rolled back", by, reason)
        except Moved:
            now = live(pipeline, corpus)
            if now.how in BY_PERSON:
                raise
    return _go_live(corpus, now, target, "rolled back", by, reason)


def chosen(told: History, name: str, where: str) -> Listed:
    """A release that can answer, by its number or its generation's name. Raises BadOption."""
    found = [
        each
        for each in told.ledger.releases.values()
        if name in (str(each.number), each.generation)
    ]
    found.sort(key=lambda each: bool(each.lives))  # of one generation, rather what was live
    if found and told.can_answer(found[-1].number):
        return found[-1]
    newest = list(told.ledger.releases)[-_NAMED:]
    able = [str(each) for each in newest if told.can_answer(each)]
    gone = f"release {name} is no longer there" if found else f"there is no release {name!r}"
    raise BadOption(gone).at(where=where, hint=f"there are: {', '.join(able) or 'none'}")


def _target(pipeline: Pipeline, told: History, to: str) -> Listed:
    if to:
        found = chosen(told, to, pipeline.name)
        if not found.lives:
            raise BadOption(f"release {found.number} was never live").at(
                where=pipeline.name, hint="millrace promote makes the one live that is held"
            )
        return found
    before = next((n for n in reversed(told.ledger.before) if told.can_answer(n)), None)
    if before is None:
        raise BadOption("no earlier release is there any more").at(
            where=pipeline.name, hint="index.keep says how many generations are kept"
        )
    return told.ledger.releases[before]


def _waiting(pipeline: Pipeline, told: Ledger, release: int | None) -> Listed:
    waiting = told.waiting
    if waiting is None:
        raise BadOption("no candidate is held").at(
            where=pipeline.name, hint="millrace releases lists what there is"
        )
    if release is not None and release != waiting.number:
        raise BadOption(f"release {release} is not held, {waiting.number} is").at(pipeline.name)
    return waiting


def as_release(corpus: CorpusIndex, listed: Listed) -> Release:
    """A release of the history, to be asked. Raises Missing."""
    return Release(
        generation=corpus.generation(listed.generation),
        since="",
        run_id=listed.run_id,
        number=listed.number,
        serving=choices(listed.serving),
    )


def _go_live(
    corpus: CorpusIndex, now: Release | None, listed: Listed, how: How, by: str, why: str
) -> Release:
    """`now`: what was live when it was decided."""
    release = as_release(corpus, listed)
    if place := corpus.damage(release.generation):
        corpus.generation(listed.generation)  # raises Missing where it was made room for meanwhile
        raise Damaged(f"release {listed.number} was found damaged").at(
            where=place, hint="choose another one: millrace releases"
        )
    release = replace(release, how=how, by=by, why=why, over=now.number if now else None)
    made = corpus.publish(release.generation, listed.run_id, release)
    note_live(corpus, made)
    return made


def _there(corpus: CorpusIndex, name: str) -> bool:
    try:
        found = corpus.generation(name)
    except (Missing, IndexFault):
        return False
    return bool(found.finished_at)
