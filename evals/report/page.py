"""A comparison as one HTML file, complete without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import MissingExtra
from evals.compare.outcome import Measured, Outcome, Slice
from evals.compare.rankings import Seen
from evals.datasets.judged import Question
from evals.report import plots
from evals.significance.comparison import Comparison

_SHOWN = 5
"""Questions of each side of a comparison that are shown with their hits, and hits of each."""
_STAGES = ("encode", "retrieve", "rerank", "total")


@dataclass(frozen=True)
class Example:
    """A question on which two systems differ."""

    question: Question
    a: float
    b: float
    hits_a: Sequence[Seen]
    hits_b: Sequence[Seen]
    relevant: frozenset[str]
    """Documents that answer it."""


@dataclass(frozen=True)
class Examples:
    """Where b wins most and where it loses most, by the first metric."""

    comparison: Comparison
    wins: Sequence[Example]
    losses: Sequence[Example]


def page(outcome: Outcome, history: plots.History) -> str:
    """The page; `history` is of the first metric. Raises MissingExtra."""
    first = [each for each in outcome.comparisons if each.metric == outcome.metrics[0]]
    template = _template()
    rendered: str = template.render(
        outcome=outcome,
        told=outcome.to_json(),
        first=first,
        stages=_STAGES,
        slices=_grouped(outcome.slices),
        examples=[_examples(outcome, each) for each in first],
        plots=_plots(outcome, first, history),
        differing=_differing(outcome.systems),
    )
    return rendered


def _template() -> Any:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ModuleNotFoundError as error:
        raise MissingExtra("the report needs the package 'jinja2'").at(
            hint='pip install "millrace[evals]"'
        ) from error
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _plots(outcome: Outcome, first: Sequence[Comparison], history: plots.History) -> dict[str, str]:
    metric = outcome.metrics[0]
    found = dict.fromkeys(("differences", "likeness", "latency", "history"), "")
    if first:
        found["differences"] = plots.differences(first)
        found["likeness"] = plots.likeness(outcome.likeness)
    if any(each.cost for each in outcome.systems):
        found["latency"] = plots.quality_and_latency(outcome.systems, metric)
    if history:
        found["history"] = plots.history(history, metric)
    return found


def _grouped(slices: Sequence[Slice]) -> dict[str, list[Slice]]:
    found: dict[str, list[Slice]] = {}
    for each in slices:
        found.setdefault(each.by, []).append(each)
    return found


def _differing(systems: Sequence[Measured]) -> list[tuple[str, list[str]]]:
    """Options in which the systems differ, with each system's value."""
    told = [
        {
            f"{stage}.{name}": str(value)
            for stage, options in each.stages.items()
            if stage not in ("source", "index")
            for name, value in options.items()
        }
        for each in systems
    ]
    names = dict.fromkeys(name for each in told for name in each)
    rows = [(name, [each.get(name, "") for each in told]) for name in names]
    return [(name, values) for name, values in rows if len(set(values)) > 1]


def _examples(outcome: Outcome, comparison: Comparison) -> Examples:
    by_name = {each.name: each for each in outcome.systems}
    questions = {each.id: each for each in outcome.data.questions}
    ordered = sorted(
        comparison.per_query.items(), key=lambda each: (each[1][0] - each[1][1], each[0])
    )

    def example(id: str, values: tuple[float, float]) -> Example:
        grades = outcome.data.judgements[id]
        return Example(
            question=questions[id],
            a=values[0],
            b=values[1],
            hits_a=by_name[comparison.a].rankings[id].hits[:_SHOWN],
            hits_b=by_name[comparison.b].rankings[id].hits[:_SHOWN],
            relevant=frozenset(
                unit if outcome.data.unit == "document" else unit.rpartition("#")[0]
                for unit, grade in grades.items()
                if grade > 0
            ),
        )

    wins = [example(id, pair) for id, pair in ordered[:_SHOWN] if pair[1] > pair[0]]
    losses = [example(id, pair) for id, pair in reversed(ordered[-_SHOWN:]) if pair[1] < pair[0]]
    return Examples(comparison, wins, losses)
