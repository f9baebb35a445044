"""The gate: a candidate goes live only if it is not shown, nor suspected, to answer worse.

On judged queries the candidate is compared, query by query, with what is live *and* with an anchor,
so that losses within the margin cannot add up night by night. The anchor is the last release that a
person promoted or that was better; of it only its scores are kept. The candidate passes where it is
no worse than both, on all queries and on every slice: all of these must hold at once, so none needs
a correction. Candidates that are tested at once do (Holm): any of them may pass by chance.

Without judgements it is measured how much the answers change, and too much holds the candidate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from math import ceil, isinf, log, log1p
from pathlib import Path
from statistics import fmean
from typing import Any

from components.corpus.promote import Candidate
from components.corpus.release import as_released
from components.corpus.request import Job
from components.indexes.ledger import Anchor, Ledger, Verdict
from components.indexes.manifest import Release
from components.spec import Pipeline
from components.spec.gate import Gate
from components.values import Query
from evals import extras
from evals.compare import costs
from evals.compare.costs import Cost
from evals.compare.evaluate import chosen, evaluate
from evals.compare.slices import parts
from evals.datasets import catalogue
from evals.datasets.judged import Judged
from evals.difference import compared
from evals.experiment.systems import System
from evals.questions import queries
from evals.significance import Comparison, Pair, Rules, compare
from evals.significance.verdict import FEWEST
from evals.significance.verdict import Verdict as VerdictOfPair

LIVE, CANDIDATE, ANCHOR = "live", "candidate", "anchor"
_DIGITS = 6
"""Of all scores: a ledger keeps the anchor's, and what is equal must stay so."""
_BLIND = (
    "nothing that is judged relevant is found, neither in what is live nor in the candidate: are "
    "these queries about this corpus?"
)
_LOSSES = 20
"""Queries that lose most, which a verdict names."""
PASSED: tuple[VerdictOfPair, ...] = ("better", "no_worse")
_RANK = {"better": 0, "no_worse": 1, "undecided": 2, "worse": 3}
Scores = Mapping[str, float]
"""By query."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A slice of the queries."""

    by: str
    value: str
    queries: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A comparison with one of those that a candidate is held against."""

    against: str
    """`live` or `anchor`."""
    found: Comparison
    part: Part | None = None

    @property
    def verdict(self) -> VerdictOfPair:
        """What is found; where too few queries differ for that, what their number says."""
        found = self.found
        if found.verdict == "undecided" and isinf(found.ci_low) and self._within:
            few = refuted(found.losses, found.questions, found.rules, found.comparisons)
            return "no_worse" if few else "undecided"
        return found.verdict

    @property
    def _within(self) -> bool:
        return all(0 <= each <= 1 for pair in self.found.per_query.values() for each in pair)

    @property
    def needed(self) -> int | None:
        """Queries that would decide: at which a loss of the margin is found with a chance of 80 %;
        where there are so many already, at which the interval excludes 0 or the margin, should the
        difference stay. None where that is not known.
        """
        found, rules = self.found, self.found.rules
        needed = found.questions_needed or 0
        if isinf(found.ci_low):
            level = rules.alpha / 2 / found.comparisons
            needed = max(needed, ceil(log(level) / log1p(-rules.margin)))
        elif needed <= found.questions:
            half = (found.ci_high - found.ci_low) / 2
            apart = max(found.difference + rules.margin, -found.difference)
            needed = ceil(found.questions * (half / apart) ** 2)
        return needed if needed > found.questions else None

    def to_json(self) -> dict[str, Any]:
        """Without the values of each query."""
        told = self.found.to_json()
        names = ("questions", "difference", "ci_low", "ci_high", "p", "wins", "losses", "ties")
        where = {"by": self.part.by, "value": self.part.value} if self.part else {}
        held = {name: told[name] for name in names}
        said = {"verdict": self.verdict, "queries_needed": self.needed}
        return {"against": self.against, **where, **held, **said}


def refuted(losing: int, questions: int, rules: Rules, family: int = 1) -> bool:
    """Whether so few queries lose anything that a mean loss of the margin is refuted, of values
    from 0 to 1: even if each lost all, that many or fewer would be seen too seldom.

    For comparisons in which so few queries differ that resamples know no bound. Raises
    MissingExtra.
    """
    with extras.needed("the gate needs"):
        from scipy.stats import binom
    seldom = float(binom.cdf(losing, questions, rules.margin))
    return seldom < rules.alpha / 2 / family


def weighed(
    candidates: Sequence[Scores],
    live: Scores,
    anchor: Scores,
    rules: Rules,
    slices: Sequence[Part] = (),
) -> list[list[Tested]]:
    """Every comparison that each candidate must stand; all have the same queries. Those with one of
    `live` and `anchor`, on all queries or on one slice, are one family over the candidates.

    Raises UserError where queries are missing, or a slice has none.
    """
    found: list[list[Tested]] = [[] for _ in candidates]
    for part in (None, *slices):
        for against, scores in ((LIVE, live), (ANCHOR, anchor)):
            pairs = [
                Pair(against, CANDIDATE, "", _of(part, scores), _of(part, own))
                for own in candidates
            ]
            for own, each in zip(found, compare(pairs, rules), strict=True):
                own.append(Tested(against=against, found=each, part=part))
    return found


def outcome(tested: Iterable[Tested]) -> VerdictOfPair:
    """Of all comparisons the worst; `better` where that is said of all queries, on no slice less
    than `no_worse`.
    """
    return worst(
        "better" if each.part and each.verdict == "no_worse" else each.verdict for each in tested
    )


def worst(said: Iterable[VerdictOfPair]) -> VerdictOfPair:
    """Of several verdicts on one candidate, at least one."""
    return max(said, key=lambda each: _RANK[each])


def _of(part: Part | None, scores: Scores) -> Scores:
    if part is None:
        return scores
    return {id: value for id, value in scores.items() if id in part.queries}


@dataclass(frozen=True)
class Judge:
    """Tests candidates by judged queries. Making it reads the data, and refuses what is wrong."""

    gate: Gate
    data: Judged
    metric: str

    @classmethod
    def of(cls, gate: Gate) -> Judge:
        """Raises UserError."""
        extras.check("the gate needs")
        data = catalogue.load(gate.data, gate.split, corpus=False)
        (metric,) = chosen(data, [gate.metric])
        made = cls(gate, data, metric)
        _ = made.slices
        return made

    @property
    def rules(self) -> Rules:
        """Margin and level, fixed before anything is measured."""
        return Rules(alpha=self.gate.alpha, margin=self.gate.margin)

    @cached_property
    def checksum(self) -> str:
        """Sha256 of what is asked and of what is right, in hex: the data set's own changes with its
        documents and the bytes of its files, which are no other questions.
        """
        data = self.data
        held = [
            [
                asdict(each),
                data.judgements.get(each.id),
                [*map(asdict, data.evidence.get(each.id, ()))],
            ]
            for each in sorted(data.questions, key=lambda each: each.id)
        ]
        facts = [data.unit, data.grade_scale, data.scope, held]
        told = json.dumps(facts, sort_keys=True, default=str)
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def slices(self) -> list[Part]:
        """Of enough queries each. Raises BadOption for a field that divides nothing."""
        return [
            Part(by=by, value=value, queries=frozenset(ids))
            for by in self.gate.slices
            for value, ids in parts(self.data, by).items()
            if len(ids) >= FEWEST
        ]

    def __call__(self, job: Job, candidate: Candidate, live: Release, ledger: Ledger) -> Verdict:
        """See `promote.Judge`."""
        checksum = self.checksum
        if known := ledger.verdict(candidate.identity, candidate.live_identity, checksum):
            return known
        systems = _systems(job, candidate, live)
        before, own = [self._scores(each) for each in systems]
        anchor, anchors = self._anchor(ledger, live, before)
        (tested,) = weighed([own], before, anchor, self.rules, self.slices)
        cost = self._cost(systems)
        slow = self._slow(cost)
        said = outcome(tested)
        blind = not any(before.values()) and not any(own.values())
        if blind:
            said, anchors = "undecided", []
        passed = said in PASSED and not slow
        if passed and said == "better":
            why = "it is better"
            anchors = [*anchors, self._as_anchor(candidate.release.number, own, why)]
        told = {
            "metric": self.metric,
            "margin": self.gate.margin,
            "alpha": self.gate.alpha,
            "name": self.data.name,
            "queries": len(self.data.questions),
            "live": live.number,
            "anchor": anchors[0].release if anchors else ledger.anchor,
            "means": {LIVE: fmean(before.values()), CANDIDATE: fmean(own.values())},
            "tests": [each.to_json() for each in tested],
            "queries_needed": _needed(tested) or None,
            "milliseconds": _milliseconds(cost),
            "losses": self._losses(before, own),
        }
        return Verdict(
            outcome="worse" if slow else said,
            passed=passed,
            sentence=_BLIND if blind else _sentence(self, said, tested, slow),
            data=checksum,
            told=told,
            anchors=anchors,
        )

    def _scores(self, system: System) -> Scores:
        found = evaluate(system, self.data, [self.metric], scoped=self.gate.scope)
        return {id: round(value, _DIGITS) for id, value in found.values[self.metric].items()}

    def _anchor(self, ledger: Ledger, live: Release, scores: Scores) -> tuple[Scores, list[Anchor]]:
        """The anchor's scores, and who is the anchor from now on where that is new."""
        kept = ledger.scores or {}
        if kept and all(kept.get(name, False) == it for name, it in self._measured.items()):
            return kept["values"], []
        if ledger.anchor in (None, live.number):
            why = "measured at the first test after it went live"
        elif ledger.scores:
            same = kept.get("data") == self.checksum
            changed = "metric or the scope has" if same else "queries have"
            why = f"the {changed} changed: it follows release {ledger.anchor}"
        else:
            why = f"release {ledger.anchor} was never measured on these queries"
        return scores, [self._as_anchor(live.number, scores, why)]

    def _as_anchor(self, number: int, scores: Scores, why: str) -> Anchor:
        return Anchor(release=number, scores={**self._measured, "values": dict(scores)}, why=why)

    @property
    def _measured(self) -> dict[str, Any]:
        """What scores are of: others say nothing about them."""
        return {"data": self.checksum, "metric": self.metric, "scope": self.gate.scope}

    def _cost(self, systems: Sequence[System]) -> Mapping[str, Cost]:
        if self.gate.p95_ms is None:
            return {}
        return costs.measure(systems, self.data.queries(scoped=self.gate.scope))

    def _slow(self, cost: Mapping[str, Cost]) -> str:
        """That answers take too long; empty where they do not."""
        if not cost or self.gate.p95_ms is None:
            return ""
        warm = cost[CANDIDATE].milliseconds_again["total"]["p95"]
        if warm <= self.gate.p95_ms:
            return ""
        return f"95 % of warm answers take up to {warm:.0f} ms, more than {self.gate.p95_ms:g} ms"

    def _losses(self, live: Scores, own: Scores) -> list[dict[str, Any]]:
        texts = {each.id: each.text for each in self.data.questions}
        lost = sorted((own[id] - live[id], id) for id in live if own[id] < live[id])
        return [
            {"id": id, "query": texts[id], LIVE: live[id], CANDIDATE: own[id]}
            for _, id in lost[:_LOSSES]
        ]


def _systems(job: Job, candidate: Candidate, live: Release) -> list[System]:
    """What is live, by its own stages, and the candidate by those of the file."""
    file, pipeline = job.request.pipeline, job.pipeline
    return [
        System(LIVE, as_released(pipeline, live), file, served=live, live=True),
        System(CANDIDATE, pipeline, file, served=candidate.release),
    ]


def _milliseconds(cost: Mapping[str, Cost]) -> dict[str, Any]:
    """The p95 of an answer, warm and cold."""
    return {
        name: {
            "warm_p95": each.milliseconds_again["total"]["p95"],
            "cold_p95": each.milliseconds["total"]["p95"],
        }
        for name, each in cost.items()
    }


def _needed(tested: Iterable[Tested]) -> int:
    """Queries that would decide all that is undecided, of each slice; 0 where that is not known."""
    return max((each.needed or 0 for each in tested if each.verdict == "undecided"), default=0)


def _sentence(judge: Judge, said: VerdictOfPair, tested: Sequence[Tested], slow: str) -> str:
    """The verdict, for people: the comparison that decides, with its numbers."""
    whole = [each for each in tested if each.part is None]
    decides = max(
        whole if said in PASSED else tested,
        key=lambda each: _RANK[each.verdict],
    )
    found = decides.found
    on = f" on {decides.part.by} {decides.part.value}" if decides.part else ""
    than = "what is live" if decides.against == LIVE else "the anchor"
    words = {
        "better": f"better than {than}",
        "no_worse": f"no worse than {than}",
        "worse": f"worse than {than}",
        "undecided": f"not shown to be no worse than {than}",
    }
    level = f"{100 * (1 - judge.gate.alpha):g} %"
    shown = (
        f"{found.wins} gain, {found.losses} lose"
        if isinf(found.ci_low)
        else f"{level} interval {found.ci_low:+.3f} to {found.ci_high:+.3f}"
    )
    text = (
        f"{words[decides.verdict]}{on}: {judge.metric} {found.difference:+.3f} ({shown}, "
        f"margin {judge.gate.margin:g}) over {found.questions} queries"
    )
    if said == "undecided" and (needed := _needed(tested)):
        text += f"; about {needed:,} would decide"
    return f"{text}; {slow}" if slow else text


@dataclass(frozen=True)
class Watch:
    """Holds candidates whose answers to queries without judgements change too much."""

    gate: Gate
    queries: Sequence[Query]

    @classmethod
    def of(cls, gate: Gate) -> Watch:
        """Raises UserError."""
        return cls(gate, queries.read(Path(gate.queries)))

    def __call__(self, job: Job, candidate: Candidate, live: Release, ledger: Ledger) -> Verdict:
        """See `promote.Judge`."""
        data = queries.checksum(self.queries)
        if known := ledger.verdict(candidate.identity, candidate.live_identity, data):
            return known
        found = compared(job.pipeline, live, candidate.release, self.queries)
        moved, most = found.shift.value, self.gate.max_shift
        sentence = (
            f"the first ten {found.unit}s change by {moved:.2f} on average (1 - Jaccard@10; "
            f"at most {most:g} may pass) over {len(self.queries)} queries without judgements"
        )
        told = {
            "queries": len(self.queries),
            "live": live.number,
            "shift": moved,
            "max_shift": most,
            "rank_similarity": found.shift.rank_similarity,
            "unit": found.unit,
            "most_changed": found.changed(_LOSSES),
        }
        passed = moved <= most
        return Verdict(
            outcome="alike" if passed else "shifted",
            passed=passed,
            sentence=sentence,
            data=data,
            told=told,
        )


def judge(pipeline: Pipeline) -> Judge | Watch | None:
    """Who tests a pipeline's candidates, its data read and checked; None where it has no gate.

    Raises UserError.
    """
    gate = pipeline.gate
    if gate is None:
        return None
    return Judge.of(gate) if gate.data else Watch.of(gate)
