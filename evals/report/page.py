"""A comparison as one HTML file, complete without a network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.errors import MissingExtra
from evals.compare.costs import STAGES
from evals.compare.outcome import VERDICTS, Measured, Outcome, Slice
from evals.report import plots
from evals.report.examples import examples
from evals.significance.comparison import Comparison

_PART = re.compile(r"[^\[,=/_]*[\[,=/_]?")


def page(outcome: Outcome, history: plots.History) -> str:
    """The page; `history` is of the first metric. Raises MissingExtra."""
    first = [each for each in outcome.comparisons if each.metric == outcome.metrics[0]]
    told = outcome.to_json()
    template = _template()
    rendered: str = template.render(
        outcome=outcome,
        told=told,
        first=[each for each in told["comparisons"] if each["metric"] == outcome.metrics[0]],
        verdicts=VERDICTS,
        stages=STAGES,
        slices=_grouped(outcome.slices),
        examples=[examples(outcome, each) for each in first],
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
    environment.filters["parts"] = _PART.findall
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
