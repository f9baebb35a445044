"""What a comparison leaves: TREC files, JSON, a history, and a page for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from evals.compare.costs import STAGES
from evals.compare.outcome import Measured, Outcome, Slice
from evals.experiment.outcome import VERDICTS
from evals.report import files, history, plots
from evals.report.examples import examples
from evals.report.templates import template
from evals.runs import write_judgements, write_run
from evals.significance.comparison import Comparison


def write(outcome: Outcome, out: Path, home: Path) -> None:
    """All files into `out`, and a line into the history of the data set in `home`. Raises as
    `files.writing` does.
    """
    with files.writing(out):
        out.mkdir(parents=True, exist_ok=True)
        write_judgements(outcome.data.judgements, out / "qrels.txt")
        for each in outcome.systems:
            name = files.file_name(each.name)
            write_run(_run(each), out / f"{name}.run", tag=name)
        history.remember(outcome, home)
        told = outcome.to_json()
        (out / "outcome.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
        text = page(outcome, history.points(outcome, home))
        (out / files.REPORT).write_text(text, encoding="utf-8")


def page(outcome: Outcome, points: plots.History) -> str:
    """The page; `points` are of the first metric. Raises MissingExtra."""
    first = outcome.first
    told = outcome.to_json()
    rendered: str = template("compare.html").render(
        outcome=outcome,
        told=told,
        notes=outcome.notes,
        first=[each for each in told["comparisons"] if each["metric"] == outcome.metrics[0]],
        verdicts=VERDICTS,
        stages=STAGES,
        slices=_grouped(outcome.slices),
        examples=[examples(outcome, each) for each in first],
        plots=_plots(outcome, first, points),
        differing=_differing(outcome.systems),
    )
    return rendered


def _plots(outcome: Outcome, first: Sequence[Comparison], points: plots.History) -> dict[str, str]:
    metric = outcome.metrics[0]
    found = dict.fromkeys(("differences", "likeness", "latency", "history"), "")
    if first:
        found["differences"] = plots.differences(first)
        found["likeness"] = plots.likeness(outcome.likeness)
    if any(each.cost for each in outcome.systems):
        found["latency"] = plots.quality_and_latency(outcome.systems, metric)
    if points:
        found["history"] = plots.history(points, metric)
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


def _run(measured: Measured) -> dict[str, dict[str, float]]:
    return {
        id: dict(zip(each.units, each.scores, strict=True))
        for id, each in measured.rankings.items()
    }
