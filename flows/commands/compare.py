"""`millrace compare`: which of several pipelines, or generations, finds more; how sure is that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.commands.shared import (
    baseline_option,
    data_option,
    home_option,
    json_option,
    limit_option,
    listed,
    out_option,
    prefect_option,
    prepare,
    print_json,
    sample_option,
    split_option,
    sweep_option,
)
from flows.consoles import new_console

if TYPE_CHECKING:
    from evals.compare.outcome import Measured, Outcome
    from evals.compare.plan import Plan


@click.command("compare")
@click.argument("pipelines", type=click.Path(), nargs=-1)
@click.option(
    "--live",
    type=click.Path(),
    default="",
    help="A pipeline whose live index is measured as it is, instead of PIPELINES.",
)
@click.option(
    "--candidate",
    "candidates",
    multiple=True,
    metavar="GENERATION",
    help="Another index of that pipeline, to compare with the live one; may be repeated.",
)
@data_option
@split_option
@limit_option
@sample_option
@sweep_option
@click.option(
    "--metrics",
    default="",
    callback=listed,
    help="Such as nDCG@10,R@100,RR@10; the first one decides.",
)
@baseline_option
@click.option("--scope", is_flag=True, help="Ask each question within the data set's scope.")
@click.option("--margin", default=0.03, show_default=True, help="A loss that does not matter.")
@out_option
@home_option(".millrace/compare", "what comparisons keep: indexes, answers, history")
@click.option("--no-timing", is_flag=True, help="Do not measure how long answers take.")
@prefect_option
@json_option
def command(
    out: Path | None, no_timing: bool, prefect: bool | None, as_json: bool, **given: Any
) -> int:
    """Compare PIPELINES on a data set with judged questions.

    Each pipeline's source is replaced by the data set's documents. What was built or answered
    before is not done again. With --live, indexes that are there are measured: nothing is built.
    """
    prepare()
    from evals.compare import plan as planning
    from evals.compare import request
    from evals.report import files

    plan = planning.plan(request.read(**given))
    folder = files.ready(out or files.folder(plan.request.data.name, plan.request.home))
    outcome = _compared(given, plan, folder, prefect, timed=not no_timing)
    if as_json:
        print_json({**outcome.to_json(), "report": str(folder / files.REPORT)})
    else:
        _show(outcome, folder / files.REPORT)
    return 3 if outcome.excluded else 0


def _compared(
    given: Mapping[str, Any], plan: Plan, folder: Path, prefect: bool | None, *, timed: bool
) -> Outcome:
    from evals.compare.run import run
    from evals.report import compare
    from flows import orchestrator, terminal

    as_flow = orchestrator.chosen(prefect)
    with terminal.showing() as by:
        if as_flow:
            from flows.compare import call

            return call(given, plan, folder, by, timed=timed)
        outcome = run(plan, by, timed=timed)
    compare.write(outcome, folder, plan.request.home)
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
    yield from (f"note  {each}" for each in outcome.notes)
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
