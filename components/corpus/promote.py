"""What readers see from now on: a candidate goes live, or is held until a person decides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from components.corpus import difference
from components.corpus.release import as_released, note_live, same_serving, serving
from components.corpus.request import Job
from components.corpus.survey import Survey, manifest, served
from components.errors import GuardStopped, MillraceError, Missing, Moved, UserError
from components.indexes import ledger as ledgers
from components.indexes.ledger import Event, Ledger, Listed, Verdict
from components.indexes.manifest import Entry, Generation, How, Release, Totals, plain
from components.registry import Choice


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A generation with the stages that would answer from it, beside what is live."""

    release: Release
    identity: str
    """Of all that it answers by: content, fingerprint, serving stages."""
    live: Release | None
    spare: str = ""
    """A generation that holds the same and is not needed; empty for none."""
    live_identity: str = ""
    changed: int = 0
    """Chunks of documents in which the two differ."""
    drift: int = 0
    """The same, of all releases since the last one that was tested, and of this one."""
    grown: bool = False
    """Whether it differs in content alone: it was made by the same, and answers by the same."""

    @property
    def share(self) -> float:
        """Of what is live, that has changed since the last test, from 0."""
        return self.drift / max(1, self.live.generation.totals.chunks) if self.live else 1.0


Judge = Callable[[Job, Candidate, Release, Ledger], Verdict]
"""Tests a candidate against what is live; what was said before of the same is told again. Raises
MillraceError.
"""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What is to become of a candidate."""

    candidate: Candidate
    how: How | None
    """None: it is held."""
    reason: str = ""
    """Why it is held, in a sentence."""
    verdict: Verdict | None = None


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What became of what a refresh has made."""

    release: int | None = None
    """The release that it is, live or held; None: nothing could be published."""
    how: How | None = None
    """How it went live; None: it did not, or was before."""
    held: str = ""
    """Why it waits for a person."""
    verdict: Verdict | None = None
    generation: str = ""
    """Its generation; empty where nothing could be published."""


def decide(job: Job, found: Survey, generation: Generation, judge: Judge | None) -> Decision | None:
    """Whether a finished generation may go live, by counts, coverage, and the gate where there is
    one; None where it is live already, or there is nothing to publish.

    Raises GuardStopped where it lacks documents that are served and still in the source; what a
    test raises.
    """
    job.check_same(found.fingerprint)
    live = job.corpus.live()
    if live is None and not generation.totals.documents:
        return None
    answering = serving(job.pipeline)
    same = live is not None and live.generation.name == generation.name
    if live and same and (not live.serving or same_serving(live.serving, answering)):
        return None
    own = manifest(job, generation)
    if live is None or same:
        held = _Held(own, own if same else {})
    else:
        held = _Held(own, *served(job, live.generation, found.base, own if found.draft else None))
        _check_coverage(job, found, live.generation, generation, held)
    history = ledgers.fold(job.corpus.events(), live)
    candidate = _candidate(job, held, generation, history, live, answering)
    return _decided(job, candidate, history, judge)


@dataclass(frozen=True)
class _Held:
    """What the manifests say, each read once."""

    own: Mapping[str, Entry]
    """Of the candidate."""
    served: Mapping[str, Entry]
    """Of what is live, see `served`."""
    unread: Totals | None = None
    """Where that is damaged, all that is known of it."""


def settle(job: Job, found: Survey, decision: Decision | None, generation: Generation) -> Settled:
    """Do what was decided, and write it into the history."""
    if decision is None:
        live = job.corpus.live()
        if live is None:
            return Settled()
        job.claim()
        job.corpus.confirm()
        return Settled(release=live.number, generation=live.generation.name)
    if decision.how is not None:
        try:
            return _publish(job, decision, decision.how)
        except Moved as error:
            decision = replace(decision, how=None, reason=f"{error}: somebody has decided")
    return _hold(job, decision)


def _decided(job: Job, candidate: Candidate, history: Ledger, judge: Judge | None) -> Decision:
    gate = job.pipeline.gate
    refused = history.refused(candidate.identity)
    failed = history.failed(candidate.identity, candidate.live_identity)
    verdict = None
    how: How | None = None
    reason = ""
    if candidate.live is None:
        how = "first"
    elif history.paused:
        reason = history.paused
    elif refused:
        reason = f"it is the same as release {refused.number}, which was {refused.state}"
    elif gate is None and failed:
        reason = failed
    elif gate is None:
        how = "not evaluated"
    elif candidate.grown and candidate.share < gate.small and not failed:
        how = "small"
    elif judge is None:
        raise MillraceError("the pipeline has a gate, and nobody to test").at(
            where=job.pipeline.name, hint="give evals.gate.judge to whoever runs the refresh"
        )
    elif unasked := _unasked(job, candidate.live):
        reason = f"what is live cannot be compared with: {unasked}"
    else:
        verdict = judge(job, candidate, candidate.live, history)
        how, reason = ("tested", "") if verdict.passed else (None, verdict.sentence)
    return Decision(candidate=candidate, how=how, reason=reason, verdict=verdict)


def _unasked(job: Job, live: Release) -> str:
    """Why what is live does not answer here; empty where it does."""
    if place := job.corpus.damage(live.generation):
        return f"{place}: it was found damaged"
    try:
        as_released(job.pipeline, live)
    except UserError as error:
        return f"{error}: {error.hint}"
    return ""


def _candidate(
    job: Job,
    held: _Held,
    generation: Generation,
    history: Ledger,
    live: Release | None,
    answering: Mapping[str, Choice],
) -> Candidate:
    own = identity(generation, held.own, answering)
    known = history.alike(own)
    spare = ""
    waiting = _waiting(job, known)
    if waiting and waiting.name != generation.name:
        # It stays as it was tested; what was made once more is not needed.
        spare, generation = generation.name, waiting
    again = known
    if known and (known.generation != generation.name or known.state in ledgers.REFUSED):
        again = None
    release = Release(
        generation=generation,
        since="",
        run_id=job.request.run_id,
        number=again.number if again else history.next_number,
        serving=answering,
        by=f"refresh {job.request.run_id}",
        over=live.number if live else None,
    )
    if live is None:
        return Candidate(release=release, identity=own, live=None, spare=spare)
    unread = held.unread
    changed = difference.chunks(held.served, held.own) if unread is None else unread.chunks
    grown = live.generation.form == generation.form and same_serving(live.serving, answering)
    listed = history.listed(live.number)
    return Candidate(
        release=release,
        identity=own,
        spare=spare,
        live=live,
        live_identity=identity(live.generation, held.served, live.serving),
        changed=changed,
        # Until it is tested, all is another that is made or answered by something else.
        drift=(changed if grown else generation.totals.chunks) + (listed.drift if listed else 0),
        grown=grown,
    )


def _waiting(job: Job, listed: Listed | None) -> Generation | None:
    """The generation of a release that is held; None where it is not, or can no longer answer."""
    if listed is None or listed.state != "held":
        return None
    try:
        found = job.corpus.generation(listed.generation)
    except Missing:
        return None
    return None if job.corpus.damage(found) else found


def identity(
    generation: Generation, entries: Mapping[str, Entry], answering: Mapping[str, Choice]
) -> str:
    """16 hex digits of all that decides what is answered, whenever and however it was made."""
    digest = hashlib.sha256()
    made = [*generation.form, plain(answering)]
    digest.update(json.dumps(made, sort_keys=True).encode())
    for id in sorted(entries):
        each = entries[id]
        digest.update(json.dumps((id, *difference.content(each))).encode())
    return digest.hexdigest()[:16]


def _publish(job: Job, decision: Decision, how: How) -> Settled:
    release = replace(decision.candidate.release, how=how, why=_why(decision))
    job.claim()
    job.corpus.record(_events(decision, ledgers.ledger(job.corpus)))
    made = job.corpus.publish(release.generation, job.request.run_id, release)
    note_live(job.corpus, made)
    return _outcome(decision, how=how)


def _hold(job: Job, decision: Decision) -> Settled:
    release, reason = decision.candidate.release, decision.reason
    history = ledgers.ledger(job.corpus)
    events = _events(decision, history)
    waiting = history.waiting
    if not waiting or (waiting.number, waiting.reason) != (release.number, reason):
        events.append(ledgers.event("held", release.number, release.by, reason=reason))
    job.corpus.record(events)
    return _outcome(decision, held=reason)


def _outcome(decision: Decision, *, how: How | None = None, held: str = "") -> Settled:
    release = decision.candidate.release
    return Settled(
        release=release.number,
        how=how,
        held=held,
        verdict=decision.verdict,
        generation=release.generation.name,
    )


def _events(decision: Decision, history: Ledger) -> list[Event]:
    """What the history does not say yet of a candidate, and of its test."""
    candidate, verdict = decision.candidate, decision.verdict
    release, by = candidate.release, candidate.release.by
    found: list[Event] = []
    if release.number not in history.releases:
        size = {"changed": candidate.changed, "drift": candidate.drift}
        why = _made_for(candidate)
        found.append(ledgers.made(release, identity=candidate.identity, by=by, why=why, **size))
    if candidate.spare:
        found.append(ledgers.event("spare", release.number, by, generation=candidate.spare))
    if verdict and not verdict.again:
        keys = {"candidate": candidate.identity, "live": candidate.live_identity}
        told = {**keys, "data": verdict.data, "verdict": verdict.to_json()}
        found.append(ledgers.event("tested", release.number, by, **told))
        found += [
            ledgers.event("anchor", each.release, by, scores=each.scores, why=each.why)
            for each in verdict.anchors
        ]
    return found


def _made_for(candidate: Candidate) -> str:
    """What a release was made for."""
    if candidate.live is None:
        return "the first"
    if candidate.live.generation.name == candidate.release.generation.name:
        return "other stages answer"
    return "the source has changed" if candidate.grown else "the pipeline file has changed"


def _why(decision: Decision) -> str:
    if decision.verdict:
        return decision.verdict.sentence
    candidate = decision.candidate
    if decision.how == "small":
        return (
            f"{candidate.drift:,} of {candidate.live.generation.totals.chunks:,} chunks have "
            "changed since the last test"
            if candidate.live
            else ""
        )
    return ""


def _check_coverage(
    job: Job, found: Survey, live: Generation, candidate: Generation, held: _Held
) -> None:
    """A generation of another fingerprint holds no older chunks to fall back on, nor does a draft
    that was recovered of what it had lost.
    """
    own, unread = held.own, held.unread
    unlisted = tuple(found.gap_prefixes)
    missing = [
        document_id
        for document_id, entry in held.served.items()
        if entry.chunks
        and (
            not own[document_id].chunks if document_id in own else document_id.startswith(unlisted)
        )
    ]
    lacking = len(missing)
    if unread:  # it had more than can be named
        lacking = max(lacking, unread.documents - found.doomed - candidate.totals.documents)
    if lacking > job.request.max_missing:
        one = f", {missing[0]!r} is one" if missing else ""
        raise GuardStopped(
            f"{candidate.name} lacks {lacking} documents that {live.name} serves{one}: "
            "it was not published"
        ).at(
            where=job.pipeline.name,
            hint=f"mend them, or publish without them: --max-missing {lacking}",
        )
