"""A comparison as one HTML file, complete without a network."""

from __future__ import annotations

from collections.abc import Sequence

from evals.compare.costs import STAGES
from evals.compare.notes import notes
from evals.compare.outcome import VERDICTS, Measured, Outcome, Slice
from evals.report import plots
from evals.report.examples import examples
from evals.report.templates import template
from evals.significance.comparison import Comparison


def page(outcome: Outcome, history: plots.History) -> str:
    """The page; `history` is of the first metric. Raises MissingExtra."""
    first = [each for each in outcome.comparisons if each.metric == outcome.metrics[0]]
    told = outcome.to_json()
    rendered: str = template("page.html").render(
        outcome=outcome,
        told=told,
        notes=notes(outcome),
        first=[each for each in told["comparisons"] if each["metric"] == outcome.metrics[0]],
        verdicts=VERDICTS,
        stages=STAGES,
        slices=_grouped(outcome.slices),
        examples=[examples(outcome, each) for each in first],
        plots=_plots(outcome, first, history),
        differing=_differing(outcome.systems),
    )
    return rendered


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
