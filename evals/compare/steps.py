"""The steps of a comparison: plan, build, ask, judge. Plain functions, each safe to do again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from components import paths
from components.errors import BadOption, MillraceError, UserError
from evals import extras
from evals.compare import costs, indexes, likeness, rankings, slices, texts
from evals.compare.costs import Cost
from evals.compare.evaluate import asking, chosen, evaluate
from evals.compare.indexes import Built
from evals.compare.live import served
from evals.compare.outcome import Measured, Outcome
from evals.compare.ranking import Asked
from evals.compare.request import Request
from evals.compare.systems import System, systems
from evals.metrics import interval
from evals.significance.compare import compare
from evals.significance.comparison import Comparison
from evals.significance.pairing import Pair

_EVERY_PAIR = 4
"""Systems of which every two are compared where no baseline is named."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be done."""

    request: Request
    asked: Asked
    metrics: Sequence[str]
    systems: Sequence[System]

    def file(self, system: System) -> Path:
        """Where a system's rankings are kept."""
        return rankings.place(self.request.home, system, self.asked)


def plan(request: Request) -> Plan:
    """Read and check everything that a person wrote. Raises UserError, IndexFault."""
    extras.check("a comparison needs")
    metrics = chosen(request.data, request.metrics)
    asked = asking(request.data, metrics, scoped=request.scoped)
    found = _systems(request)
    if not found:
        raise UserError("no pipeline to compare")
    if request.baseline and request.baseline not in [each.name for each in found]:
        raise BadOption(f"no system is called {request.baseline!r}").at(
            where="--baseline", hint=", ".join(each.name for each in found)
        )
    return Plan(request=request, asked=asked, metrics=metrics, systems=found)


def _systems(request: Request) -> list[System]:
    if request.live:
        return served(request.live, request.candidates, request.overrides)
    return systems(request.files, request.overrides, request.data, paths.named(request.home))


def todo(of: Plan) -> list[list[System]]:
    """Systems without an answer to every question, by the index that they share."""
    return indexes.groups(
        [
            each
            for each in of.systems
            if indexes.known(each) is None or not rankings.finished(of.file(each), of.asked)
        ]
    )


def build(of: Plan, system: System, progress: indexes.Progress = indexes.silent) -> Built:
    """The system's index. Raises MillraceError."""
    return indexes.build(system, progress)


def ask(of: Plan, system: System, progress: rankings.Progress = rankings.silent) -> None:
    """Have the system answer every question; the answers are kept. Raises MillraceError."""
    rankings.rankings(system, of.asked, of.file(system), progress)


def judge(of: Plan, excluded: Mapping[str, str], *, timed: bool = True) -> Outcome:
    """What can be concluded from the answers. Systems in `excluded` are left out.

    Raises UserError where none is left; MillraceError.
    """
    kept = [each for each in of.systems if each.name not in excluded]
    if not kept:
        name, reason = next(iter(excluded.items()))
        raise MillraceError(f"no system could be measured; {name}: {reason}")
    spent = _costs(of, kept) if timed else {}
    measured = [_measured(of, each, spent.get(each.name)) for each in kept]
    return Outcome(
        data=of.request.data,
        scoped=of.request.scoped,
        metrics=of.metrics,
        systems=measured,
        excluded=excluded,
        comparisons=_comparisons(of, measured),
        likeness=likeness.likeness(
            kept, measured, of.request.data.corpus or of.request.data.checksum, of.request.home
        ),
        slices=slices.slices(of.request.data, measured, of.metrics[0]),
        corpus=texts.statistics(of.request.data, of.request.home),
        rules=of.request.rules,
    )


def _costs(of: Plan, kept: Sequence[System]) -> dict[str, Cost]:
    return costs.measure(kept, of.request.data.queries(scoped=of.request.scoped))


def _measured(of: Plan, system: System, cost: Cost | None) -> Measured:
    request = of.request
    built = indexes.known(system)
    if built is None:
        raise MillraceError("its index is not complete").at(where=system.name)
    found = evaluate(system, request.data, of.metrics, scoped=request.scoped, home=request.home)
    return Measured(
        name=system.name,
        stages={stage: {"use": each.use, **each.options} for stage, each in system.stages.items()},
        fingerprint=system.fingerprint,
        generation=system.served.generation.name if system.served else "",
        live=system.live,
        built=built,
        cost=cost,
        values=found.values,
        intervals={name: interval(list(own.values())) for name, own in found.values.items()},
        rankings=found.rankings,
        absent=found.absent,
        namesakes=found.namesakes,
    )


def _comparisons(of: Plan, measured: Sequence[Measured]) -> list[Comparison]:
    by_name = {each.name: each for each in measured}
    found = [
        Pair(a, b, metric, by_name[a].values[metric], by_name[b].values[metric])
        for metric in of.metrics
        for a, b in pairs([each.name for each in measured], of.request.baseline)
    ]
    return compare(found, of.request.rules) if found else []


def pairs(names: Sequence[str], baseline: str) -> list[tuple[str, str]]:
    """Who is compared with whom, the baseline first: with the one that is named, else every two of
    a few systems, else with the first; nobody where the one that is named is missing. More
    comparisons need a larger difference each.
    """
    if baseline and baseline not in names:
        return []
    if not baseline:
        if len(names) <= _EVERY_PAIR:
            return list(combinations(names, 2))
        baseline = names[0]
    return [(baseline, each) for each in names if each != baseline]
