"""Every system on every set: the comparison's own phases, indexes and answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from components import spec
from components.errors import BadOption, MillraceError, SourceMissing
from components.phases import Runner, plainly
from evals import extras
from evals.compare.evaluate import evaluate
from evals.compare.plan import plan
from evals.compare.request import Request
from evals.compare.run import answered
from evals.datasets import catalogue
from evals.datasets.judged import Judged
from evals.defaults.sets import Entry, Listed, of_each
from evals.experiment import indexes
from evals.experiment.systems import System
from evals.significance.compare import compare
from evals.significance.comparison import Comparison
from evals.significance.pairing import Pair
from evals.significance.rules import Rules

METRIC = "nDCG@10"
SYSTEMS = Path(__file__).with_name("systems")
BEHIND = 0.01
"""What a candidate may lie behind the best system of a set without being named."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the table is made of."""

    listed: Listed
    files: Sequence[Path]
    """Pipelines; the systems have their names."""
    home: Path
    questions: int
    """Of a set, at most: a sample."""
    seed: int
    rules: Rules


@dataclass(frozen=True, kw_only=True)
class Row:
    """A set, measured."""

    name: str
    unit: str
    questions: int
    sampled_from: int
    """How many questions it has."""
    means: Mapping[str, float]
    """By system."""
    comparisons: Sequence[Comparison]
    """Of the others (a) with the candidates (b); one family for each candidate."""
    left_out: Mapping[str, str]
    """Systems, with the reason."""
    failed: Mapping[str, int]
    """Documents that a system could not use, by system, where there are any."""

    def of(self, candidate: str) -> list[Comparison]:
        return [each for each in self.comparisons if each.b == candidate]

    def behind(self, candidate: str) -> Comparison | None:
        """The comparison with the best of the others, where that is ahead by more than `BEHIND`."""
        worst = min(self.of(candidate), key=lambda each: each.difference, default=None)
        return worst if worst and worst.difference < -BEHIND else None

    def to_json(self) -> dict[str, Any]:
        """Without the single questions."""
        told = [each.to_json() for each in self.comparisons]
        return {
            "name": self.name,
            "unit": self.unit,
            "questions": self.questions,
            "sampled_from": self.sampled_from,
            "means": dict(self.means),
            "comparisons": [{k: v for k, v in each.items() if k != "per_query"} for each in told],
            "left_out": dict(self.left_out),
            "failed_documents": dict(self.failed),
        }


@dataclass(frozen=True, kw_only=True)
class Table:
    """What was found."""

    systems: Sequence[str]
    candidates: Sequence[str]
    rows: Sequence[Row]
    failed: Mapping[str, str]
    """Sets that could not be measured, with the reason."""
    rules: Rules = field(repr=False)
    seed: int

    def whole(self, systems: Sequence[str]) -> list[Row]:
        """Sets that all these systems were measured on."""
        return [row for row in self.rows if all(each in row.means for each in systems)]

    def mean(self, system: str, rows: Sequence[Row]) -> float | None:
        """Over sets; None where it was not measured on all of them."""
        return mean([row.means for row in rows], system)

    def behind(self, candidate: str) -> dict[str, Comparison]:
        """By set, see `Row.behind`."""
        found = {row.name: row.behind(candidate) for row in self.rows}
        return {name: each for name, each in found.items() if each}

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        shared = self.whole(self.systems)
        return {
            "schema": 1,
            "metric": METRIC,
            "margin": self.rules.margin,
            "alpha": self.rules.alpha,
            "seed": self.seed,
            "systems": list(self.systems),
            "candidates": list(self.candidates),
            "sets": [row.to_json() for row in self.rows],
            "failed": dict(self.failed),
            "means": {each: self.mean(each, self.rows) for each in self.systems},
            "means_where_all_are_measured": {
                "sets": [row.name for row in shared],
                "means": {each: self.mean(each, shared) for each in self.systems},
            },
            "behind": {
                each: {
                    name: {
                        "best": found.a,
                        "difference": found.difference,
                        "interval": [found.ci_low, found.ci_high],
                        "verdict": found.verdict,
                    }
                    for name, found in self.behind(each).items()
                }
                for each in self.candidates
            },
        }


def mean(sets: Sequence[Mapping[str, float]], name: str) -> float | None:
    """Over sets, each with means by name; None where it is not there for all of them."""
    known = [each[name] for each in sets if name in each]
    return fmean(known) if known and len(known) == len(sets) else None


def pipelines(folder: Path, without: Sequence[str] = ()) -> list[Path]:
    """The pipeline files of a folder, by name. Raises SourceMissing, BadOption for
    one that is to be left out and is not there, UserError.
    """
    files = {spec.read(each).name: each for each in folder.glob("*.yaml")}
    if not files:
        raise SourceMissing("no pipeline is there").at(where=str(folder))
    for name in without:
        if files.pop(name, None) is None:
            raise BadOption(f"no system is called {name!r}").at(
                where="--leave-out", hint=f"there are: {', '.join(files)}"
            )
    return [files[name] for name in sorted(files)]


def measure(
    wanted: Wanted, by: Runner = plainly, begun: Callable[[str], None] = lambda name: None
) -> Table:
    """Set by set; one that cannot be measured is named, and the rest goes on. `begun` is told of
    each. Raises BadOption for systems that are not there.
    """
    extras.check("a comparison needs")
    names = [spec.read(each).name for each in wanted.files]
    listed = wanted.listed
    kept = [each for each in listed.candidates if each in names]
    if not kept:
        raise BadOption(f"none of the candidates is there: {', '.join(listed.candidates)}").at(
            hint=f"systems: {', '.join(names)}"
        )
    rows, failed = of_each(listed.sets, begun, lambda entry: _row(wanted, entry, kept, by))
    return Table(
        systems=[*(each for each in names if each not in kept), *kept],
        candidates=kept,
        rows=rows,
        failed=failed,
        rules=wanted.rules,
        seed=wanted.seed,
    )


def _row(wanted: Wanted, entry: Entry, candidates: Sequence[str], by: Runner) -> Row:
    whole = catalogue.load(entry.data, entry.split)
    data = whole.sampled(wanted.questions, wanted.seed)
    made = plan(
        Request(
            files=_suited(wanted, data),
            data=data,
            metrics=(METRIC,),
            scoped=entry.scoped,
            home=wanted.home,
            rules=wanted.rules,
        )
    )
    left_out = answered(made, by)
    asked = [each for each in made.systems if each.name not in left_out]
    values = {
        each.name: evaluate(each, data, made.metrics, scoped=entry.scoped, home=wanted.home).values[
            METRIC
        ]
        for each in asked
    }
    if not values:
        raise MillraceError("no system could be measured").at(hint="; ".join(left_out.values()))
    return Row(
        name=entry.name,
        unit=data.unit,
        questions=len(data.questions),
        sampled_from=len(whole.questions),
        means={name: fmean(each.values()) for name, each in values.items()},
        comparisons=_comparisons(values, candidates, wanted.rules),
        left_out=left_out,
        failed=_failed(asked),
    )


def _failed(systems: Sequence[System]) -> dict[str, int]:
    built = {each.name: indexes.known(each) for each in systems}
    return {name: len(each.failed) for name, each in built.items() if each and each.failed}


def _suited(wanted: Wanted, data: Judged) -> list[Path]:
    apart = () if data.unit == "document" else wanted.listed.of_documents
    return [each for each in wanted.files if spec.read(each).name not in apart]


def _comparisons(
    values: Mapping[str, Mapping[str, float]], candidates: Sequence[str], rules: Rules
) -> list[Comparison]:
    found = []
    for candidate in candidates:
        pairs = [
            Pair(other, candidate, METRIC, own, values[candidate])
            for other, own in values.items()
            if candidate in values and other not in candidates
        ]
        found += compare(pairs, rules) if pairs else []
    return found
