"""The history of a corpus' releases: which were made, tested and held, and what went live when.

Events are added and never changed. What is live is said by the index' pointer alone: of a going
live that the history lacks, because its process was killed in between, the pointer tells.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Protocol

from components.indexes.manifest import Generation, How, Release, now, plain

Event = Mapping[str, Any]
"""`what`, `at` (ISO 8601 in UTC), `by` and `release`, and what each kind says besides: JSON."""
State = Literal["made", "held", "live", "was live", "rolled back", "rejected", "replaced"]
Verdicts = Literal["better", "no_worse", "worse", "undecided", "alike", "shifted"]
_log = logging.getLogger(__name__)
_CHOSEN: tuple[How, ...] = ("first", "promoted", "forced", "rolled back")
"""Goings live that a person decided, or that had nothing before them."""
_UNTESTED: tuple[How, ...] = ("small", "repaired", "not evaluated")
REFUSED: tuple[State, ...] = ("rejected", "rolled back")
_UNDECIDED: tuple[State, ...] = ("made", "held", "replaced")


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A release from which losses are counted, however small each of them is."""

    release: int
    scores: Mapping[str, Any]
    """`data`, `metric` and `values` by query."""
    why: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a gate says of a candidate."""

    outcome: Verdicts
    passed: bool
    sentence: str
    data: str
    """Checksum of the queries, with their judgements where there are any."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """Its numbers, as JSON."""
    anchors: Sequence[Anchor] = ()
    """Whose scores later candidates are compared with too, where these are new."""
    again: bool = False
    """Whether it was given before, and is only told again."""

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        told = {"outcome": self.outcome, "passed": self.passed, "sentence": self.sentence}
        return {**told, "data": self.data, "again": self.again, **self.told}


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A release in the history."""

    number: int
    generation: str
    fingerprint: str
    identity: str
    """Of all that it answers by: content, fingerprint, serving stages."""
    serving: Mapping[str, Any] = field(default_factory=dict)
    """Of each stage that answers `use` and `options`, as JSON."""
    documents: int = 0
    chunks: int = 0
    changed: int = 0
    """Chunks in which it differs from what was live when it was made."""
    drift: int = 0
    """The same, of all releases since the last one that was tested, this one included."""
    run_id: str = ""
    at: str = ""
    by: str = ""
    why: str = ""
    state: State = "made"
    reason: str = ""
    """Why it is held."""
    verdict: Mapping[str, Any] | None = None
    """The last, see `Verdict.to_json`."""
    lives: tuple[Event, ...] = ()
    """When it went live, how, by whom and why."""

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What the history says now."""

    releases: Mapping[int, Listed] = field(default_factory=dict)
    """By number, in order."""
    events: Sequence[Event] = ()
    missing: Sequence[Event] = ()
    """What the pointer tells and nobody has added yet; it counts all the same."""
    live: int | None = None
    held: int | None = None
    paused: str = ""
    """Why no refresh publishes by itself until a person promotes: what was taken back stays so."""
    anchor: int | None = None
    """The release that losses within the margin are counted from."""
    scores: Mapping[str, Any] | None = None
    """Of the anchor: `data`, `metric` and `values` by query; None where they were not measured."""
    before: tuple[int, ...] = ()
    """What was live before what is, and was not taken back, the latest last."""
    unfit: frozenset[str] = frozenset()
    """Generations that no refresh goes on from: held, rejected or taken back."""

    def listed(self, number: int | None) -> Listed | None:
        """The release of that number."""
        return None if number is None else self.releases.get(number)

    @property
    def waiting(self) -> Listed | None:
        """The candidate that is held."""
        return self.listed(self.held)

    @property
    def kept(self) -> str:
        """Name of the generation that is held; empty for none."""
        return self.waiting.generation if self.waiting else ""

    @property
    def next_number(self) -> int:
        """Of the next release."""
        return max(self.releases, default=0) + 1

    def alike(self, identity: str) -> Listed | None:
        """The newest release that answers by the same."""
        found = [each for each in self.releases.values() if each.identity == identity]
        return found[-1] if found else None

    def refused(self, identity: str) -> Listed | None:
        """The newest release that answers by the same, of those on which somebody or something has
        decided: None where that was for it, or never.
        """
        found = [
            each
            for each in self.releases.values()
            if each.identity == identity and each.state not in _UNDECIDED
        ]
        return found[-1] if found and found[-1].state in REFUSED else None

    def failed(self, candidate: str, live: str) -> str:
        """Why the first of these two identities did not pass its last test against the other, on
        whatever data; empty where it did, or had none.
        """
        said = [
            each["verdict"]
            for each in self.events
            if each["what"] == "tested" and (each["candidate"], each["live"]) == (candidate, live)
        ]
        return "" if not said or said[-1]["passed"] else str(said[-1]["sentence"])

    def verdict(self, candidate: str, live: str, data: str) -> Verdict | None:
        """What was said before of these two identities and these data."""
        asked = {"candidate": candidate, "live": live, "data": data}
        for each in self.events:
            if each["what"] == "tested" and all(each[name] == asked[name] for name in asked):
                told = dict(each["verdict"])
                known = {name: told.pop(name) for name in ("outcome", "passed", "sentence", "data")}
                told.pop("again", None)
                return Verdict(**known, told=told, again=True)
        return None


def event(what: str, release: int, by: str, **more: Any) -> Event:
    """That something happened to a release, now."""
    return {"what": what, "at": now(), "by": by, "release": release, **more}


def fold(events: Iterable[Event], release: Release | None) -> Ledger:
    """What the events come to, less those that say too little. `release`: what the pointer says is
    live.
    """
    all_events: list[Event] = []
    folding = _Folding()
    for each in events:
        try:
            folding.take(each)
        except (KeyError, TypeError, ValueError) as error:  # somebody has edited it
            _log.warning("an event of the history is left out: %r in %s", error, dict(each))
        else:
            all_events.append(each)
    missing = _missing(all_events, release) if release else []
    for each in missing:
        folding.take(each)
    return folding.ledger(all_events, missing)


def _missing(events: Sequence[Event], release: Release) -> list[Event]:
    went = [each for each in events if each["what"] == "live"]
    told = went and (went[-1]["release"], went[-1]["at"]) == (release.number, release.since)
    known = any(each["what"] == "made" and each["release"] == release.number for each in events)
    if told and known:
        return []
    found: list[Event] = []
    if not known:
        found.append(made(release, identity="", by=release.by, why="before there was a history"))
    return [*found, went_live(release)]


def made(release: Release, *, identity: str, by: str, why: str, **more: Any) -> Event:
    """That there is such a release, which may go live."""
    generation = release.generation
    return {
        **event("made", release.number, by, why=why),
        "generation": generation.name,
        "fingerprint": generation.fingerprint,
        "identity": identity,
        "serving": plain(release.serving),
        "documents": generation.totals.documents,
        "chunks": generation.totals.chunks,
        "run_id": release.run_id,
        **more,
    }


def went_live(release: Release) -> Event:
    """What the pointer says of how a release went live."""
    how = release.how or "first"
    told = {"how": how, "why": release.why, "over": release.over, "run_id": release.run_id}
    return {**event("live", release.number, release.by, **told), "at": release.since}


class History(Protocol):
    """What an index keeps of its releases, see `CorpusIndex`."""

    def live(self) -> Release | None: ...

    def events(self) -> list[Event]: ...

    def record(self, events: Sequence[Event]) -> None: ...


def ledger(corpus: History) -> Ledger:
    """What the history of a corpus says now. Raises IndexFault."""
    return fold(corpus.events(), corpus.live())


def settle(corpus: History) -> None:
    """Add to the history what it lacks, because a process was killed. Raises IndexFault."""
    if missing := ledger(corpus).missing:
        corpus.record(missing)


class _Folding:
    """The events, one after the other."""

    def __init__(self) -> None:
        self._releases: dict[int, Listed] = {}
        self._live: int | None = None
        self._held: int | None = None
        self._paused = ""
        self._anchor: int | None = None
        self._scores: Mapping[str, Any] | None = None
        self._measured: dict[int, Mapping[str, Any]] = {}
        """Scores of candidates, until they go live."""
        self._unfit: set[str] = set()
        self._way: list[int] = []
        """What was live and was not taken back, the latest last."""

    def ledger(self, events: Sequence[Event], missing: Sequence[Event]) -> Ledger:
        return Ledger(
            releases=dict(sorted(self._releases.items())),
            events=events,
            missing=missing,
            live=self._live,
            held=self._held,
            paused=self._paused,
            anchor=self._anchor,
            scores=self._scores,
            before=tuple(self._way[:-1]),
            unfit=frozenset(self._unfit),
        )

    def take(self, told: Event) -> None:
        """An event of an unknown kind is of a later version, and says nothing here. Raises
        KeyError, TypeError or ValueError for what is none.
        """
        number, _, _ = int(told["release"]), told["at"], told["by"]
        if told["what"] == "made":
            self._make(number, told)
        elif number in self._releases:
            known: dict[str, Callable[[int, Event], None]] = {
                "tested": self._test,
                "held": self._hold,
                "live": self._go_live,
                "rejected": self._reject,
                "anchor": self._anchored,
                "spare": self._spare,
            }
            if take := known.get(str(told["what"])):
                take(number, told)

    def _make(self, number: int, told: Event) -> None:
        fields = {name: told[name] for name in Listed.__dataclass_fields__ if name in told}
        self._releases[number] = Listed(number=number, **fields)

    def _test(self, number: int, told: Event) -> None:
        self._set(number, verdict=told["verdict"])

    def _hold(self, number: int, told: Event) -> None:
        self._replace(number)
        self._held = number
        self._set(number, state="held", reason=told["reason"])
        self._give_up(self._releases[number].generation)

    def _spare(self, number: int, told: Event) -> None:
        self._give_up(told["generation"])

    def _go_live(self, number: int, told: Event) -> None:
        how, before = told["how"], self._live
        if number == before and told in self._releases[number].lives[-1:]:
            return  # told by its own process, and by who found it missing meanwhile
        self._live = number
        if before is not None and before != number:
            self._set(before, state="was live")
        if how == "rolled back":
            self._take_back(number)
            self._paused = f"release {number} was rolled back to at {told['at']} by {told['by']}"
        else:
            self._replace(number)
            if how == "repaired":  # it takes the place of what was broken
                del self._way[-1:]
            if self._releases[number].lives and number in self._way:
                self._way.remove(number)
            self._way.append(number)
        if how in ("promoted", "forced"):
            self._paused = ""
        listed = self._releases[number]
        drift = listed.drift if how in (*_UNTESTED, "rolled back") else 0
        self._set(number, state="live", drift=drift, lives=(*listed.lives, told), reason="")
        self._unfit.discard(listed.generation)
        better = how == "tested" and (listed.verdict or {}).get("outcome") == "better"
        if how in _CHOSEN or better or self._anchor is None:
            self._anchor, self._scores = number, self._measured.pop(number, None)

    def _take_back(self, number: int) -> None:
        """All that was live after the one that is rolled back to."""
        way = self._way
        later = (at for at, each in enumerate(way) if each > number)
        at = way.index(number) if number in way else next(later, len(way))
        for each in way[at:]:
            if each != number:
                self._set(each, state="rolled back")
                self._give_up(self._releases[each].generation)
        way[at:] = [number]

    def _reject(self, number: int, told: Event) -> None:
        if self._held == number:
            self._held = None
        self._set(number, state="rejected", reason=str(told.get("why", "")))
        self._give_up(self._releases[number].generation)

    def _anchored(self, number: int, told: Event) -> None:
        if number == self._live:
            self._anchor, self._scores = number, told["scores"]
        else:
            self._measured[number] = told["scores"]

    def _give_up(self, generation: str) -> None:
        """No refresh goes on from it, unless it is what is live, with other stages."""
        live = self._releases[self._live] if self._live is not None else None
        if live is None or live.generation != generation:
            self._unfit.add(generation)

    def _replace(self, number: int) -> None:
        """The candidate that was held gives way to this one."""
        if self._held is not None and self._held != number:
            self._set(self._held, state="replaced")
        self._held = None

    def _set(self, number: int, **changes: Any) -> None:
        self._releases[number] = replace(self._releases[number], **changes)


def fit(generations: Iterable[Generation], ledger: Ledger) -> list[Generation]:
    """Those that a refresh may go on from."""
    return [each for each in generations if each.name not in ledger.unfit]
