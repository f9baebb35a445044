"""`millrace compare`: which of several pipelines, or generations, finds more; how sure is that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.commands.shared import json_option, prefect_option, prepare, print_json
from flows.consoles import new_console

if TYPE_CHECKING:
    from evals.compare.steps import Plan

    from evals.compare.outcome import Measured, Outcome


@click.command("compare")
@click.argument("pipelines", type=click.Path(path_type=Path), nargs=-1)
@click.option(
    "--live",
    type=click.Path(path_type=Path),
    help="A pipeline whose live index is measured as it is, instead of PIPELINES.",
)
@click.option(
    "--candidate",
    "candidates",
    multiple=True,
    metavar="GENERATION",
    help="Another index of that pipeline, to compare with the live one; may be repeated.",
)
@click.option(
    "--data", required=True, help="A folder, or a name; a wrong one lists those there are."
)
@click.option("--split", default="test", show_default=True, help="Split of the judgements.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="[NAME:]STAGE.OPTION=VALUE",
    help="Another value for all pipelines, or for one; a list makes a sweep.",
)
@click.option("--metrics", default="", help="Such as nDCG@10,R@100,RR@10; the first one decides.")
@click.option("--baseline", default="", help="System that all others are compared with.")
@click.option("--scope", is_flag=True, help="Ask each question within the data set's scope.")
@click.option("--margin", default=0.03, show_default=True, help="A loss that does not matter.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the report.")
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=Path(".millrace/compare"),
    show_default=True,
    help="Folder of what comparisons keep: indexes, answers, history.",
)
@click.option("--no-timing", is_flag=True, help="Do not measure how long answers take.")
@prefect_option
@json_option
def command(
    pipelines: tuple[Path, ...],
    live: Path | None,
    candidates: tuple[str, ...],
    data: str,
    split: str,
    overrides: tuple[str, ...],
    metrics: str,
    baseline: str,
    scope: bool,
    margin: float,
    out: Path | None,
    home: Path,
    no_timing: bool,
    prefect: bool | None,
    as_json: bool,
) -> int:
    """Compare PIPELINES on a data set with judged questions.

    Each pipeline's source is replaced by the data set's documents. What was built or answered
    before is not done again. With --live, indexes that are there are measured: nothing is built.
    """
    prepare()
    from evals.compare import files, request, steps

    asked = request.read(
        pipelines=pipelines,
        live=live,
        candidates=candidates,
        data=data,
        split=split,
        overrides=overrides,
        metrics=tuple(filter(None, (each.strip() for each in metrics.split(",")))),
        baseline=baseline,
        scope=scope,
        margin=margin,
        home=home,
    )
    plan = steps.plan(asked)
    folder = files.ready(out or files.folder(asked.data.name, home))
    outcome = _run(plan, folder, prefect, timed=not no_timing)
    if as_json:
        print_json({**outcome.to_json(), "report": str(folder / files.REPORT)})
    else:
        _show(outcome, folder / files.REPORT)
    return 3 if outcome.excluded else 0


def _run(plan: Plan, folder: Path, prefect: bool | None, *, timed: bool) -> Outcome:
    from evals.compare import files
    from evals.compare.run import run
    from flows import orchestrator
    from flows.comparing import watching

    as_flow = orchestrator.chosen(prefect)
    with watching(plan) as watch:
        if as_flow:
            from flows.compare import call

            return call(plan, folder, watch, timed=timed)
        outcome = run(plan, watch, timed=timed)
    files.write(outcome, folder, plan.request.home)
    return outcome


def _show(outcome: Outcome, report: Path) -> None:
    from rich.table import Table

    console = new_console()
    table = Table(box=None, pad_edge=False)
    table.add_column("system", overflow="fold")
    for metric in outcome.metrics:
        table.add_column(metric, justify="right")
    for name in ("ms p50", "ms p95", "vectors"):
        table.add_column(name, justify="right")
    for each in outcome.systems:
        total = each.cost.milliseconds["total"] if each.cost else {}
        table.add_row(
            each.name,
            *(f"{each.intervals[metric].mean:.4f}" for metric in outcome.metrics),
            *(f"{total[share]:.1f}" if total else "–" for share in ("p50", "p95")),
            f"{each.built.chunks:,}",
        )
    console.print(table, markup=False)
    for line in _told(outcome):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"report: {report}", markup=False, soft_wrap=True)


def _told(outcome: Outcome) -> Iterator[str]:
    """What the table does not say, a line each."""
    from evals.compare.notes import notes

    for name, reason in outcome.excluded.items():
        yield f"left out  {name}: {reason}"
    for each in outcome.systems:
        if failed := each.built.failed:
            yield f"could not be used  {each.name}: {len(failed)} documents, {failed[0]} is one"
        if each.absent.documents.count:
            yield f"not held  {_absent(each)}"
    for reason, found in outcome.data.left_out.items():
        yield f"not measured  {reason}: {found.count}"
    yield from _warm(outcome)
    yield from (f"note  {each}" for each in notes(outcome))
    yield from (str(each) for each in outcome.comparisons if each.metric == outcome.metrics[0])
    yield outcome.verdict


def _warm(outcome: Outcome) -> Iterator[str]:
    """Beside the table's milliseconds, which are those of new questions."""
    timed = [
        f"{each.name} {each.cost.milliseconds_again['total']['p50']:.1f}"
        for each in outcome.systems
        if each.cost
    ]
    if timed:
        yield f"ms p50 of a question that was just asked: {', '.join(timed)}; of a new one: above"


def _absent(measured: Measured) -> str:
    documents, questions = measured.absent.documents, measured.absent.questions
    told = f"{measured.name}: {documents.count} relevant documents, {documents.first[0]} is one"
    return f"{told}; {questions.count} questions without any" if questions.count else told
