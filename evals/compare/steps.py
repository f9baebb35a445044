"""The steps of a comparison: plan, build, ask, judge. Plain functions, each safe to do again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from components.errors import BadOption, MillraceError, UserError
from evals.compare import costs, indexes, likeness, rankings, slices
from evals.compare.costs import Cost
from evals.compare.indexes import Built
from evals.compare.outcome import Measured, Outcome
from evals.compare.rankings import Asked
from evals.compare.systems import System, systems
from evals.compare.values import budgets, canonical, depth, values
from evals.datasets.judged import Judged
from evals.metrics import interval
from evals.significance.compare import compare
from evals.significance.comparison import Comparison
from evals.significance.pairing import Pair
from evals.significance.rules import Rules

METRICS = ("nDCG@10", "R@100", "RR@10")
OF_SPANS = ("nDCG@10", "R@10", "coverage@2000")
"""Where the data set judges spans."""
HOME = Path(".millrace/compare")
_EVERY_PAIR = 4
"""Systems of which every two are compared where no baseline is named."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for."""

    files: Sequence[Path]
    data: Judged
    overrides: Sequence[str] = ()
    metrics: Sequence[str] = ()
    baseline: str = ""
    """Name of the system that the others are compared with; empty: see `pairs`."""
    scoped: bool = False
    home: Path = HOME
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be done."""

    request: Request
    asked: Asked
    metrics: Sequence[str]
    systems: Sequence[System]

    def file(self, system: System) -> Path:
        """Where a system's rankings are kept."""
        return self.request.home / "rankings" / f"{rankings.key(system, self.asked)}.jsonl"

    def source(self, system: System) -> str:
        """The pipeline file of a system, for messages."""
        return str(self.request.files[0]) if self.request.files else system.name


def plan(request: Request) -> Plan:
    """Read and check everything that a person wrote. Raises UserError."""
    given = request.metrics or (OF_SPANS if request.data.unit == "span" else METRICS)
    metrics = list(dict.fromkeys(canonical(each) for each in given))
    asked = Asked(
        data=request.data,
        scoped=request.scoped,
        depth=depth(metrics),
        budgets=tuple(sorted({*Asked.budgets, *budgets(metrics)})),
    )
    request.data.queries(scoped=request.scoped)
    values({}, metrics, asked)
    home = request.home.resolve()
    found = systems(request.files, request.overrides, request.data, home)
    if not found:
        raise UserError("no pipeline to compare")
    if request.baseline and request.baseline not in [each.name for each in found]:
        raise BadOption(f"no system is called {request.baseline!r}").at(
            where="--baseline", hint=", ".join(each.name for each in found)
        )
    return Plan(request=request, asked=asked, metrics=metrics, systems=found)


def todo(of: Plan) -> list[list[System]]:
    """Systems without an answer to every question, by the index that they share."""
    return indexes.groups(
        [each for each in of.systems if rankings.finished(of.file(each), of.asked) is None]
    )


def build(of: Plan, system: System, progress: indexes.Progress = indexes.silent) -> Built:
    """The system's index. Raises MillraceError."""
    return indexes.build(system, of.source(system), progress)


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
        likeness=likeness.likeness(kept, measured),
        slices=slices.slices(of.request.data, measured, of.metrics[0]),
        corpus=slices.statistics(of.request.data),
        rules=of.request.rules,
    )


def _costs(of: Plan, kept: Sequence[System]) -> dict[str, Cost]:
    return costs.measure(kept, of.request.data.queries(scoped=of.request.scoped))


def _measured(of: Plan, system: System, cost: Cost | None) -> Measured:
    found = rankings.finished(of.file(system), of.asked)
    built = indexes.known(system)
    if found is None or built is None:
        raise MillraceError("its answers are not complete").at(where=system.name)
    made = values(found, of.metrics, of.asked)
    return Measured(
        name=system.name,
        stages={
            stage: {"use": each.use, **each.options}
            for stage, each in system.pipeline.stages.items()
        },
        fingerprint=system.fingerprint,
        built=built,
        cost=cost,
        values=made,
        intervals={name: interval(list(own.values())) for name, own in made.items()},
        rankings=found,
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
    a few systems, else with the first. More comparisons need a larger difference each.
    """
    if baseline not in names:
        if len(names) <= _EVERY_PAIR:
            return list(combinations(names, 2))
        baseline = names[0]
    return [(baseline, each) for each in names if each != baseline]
