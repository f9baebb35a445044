"""`millrace answers`: which of several pipelines answers right, how sure is that."""

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
    max_cost_option,
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
    from evals.answers.outcome import Measured, Outcome, Part
    from evals.answers.plan import Plan

UNMEASURED, LIMIT = 3, 4
"""Exit codes."""


@click.command("answers")
@click.argument("pipelines", type=click.Path(), nargs=-1, required=True)
@data_option
@click.option(
    "--setting",
    default="shared",
    show_default=True,
    help="What is answered from: shared, single, oracle, long_context or closed_book.",
)
@split_option
@limit_option
@sample_option
@click.option(
    "-k",
    "hits",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="Hits that an answerer is given.",
)
@click.option(
    "--characters",
    type=click.IntRange(1),
    default=400_000,
    show_default=True,
    help="Of a long context.",
)
@click.option(
    "--judge",
    type=click.Path(),
    default="",
    help="A file that names a model to judge; without one, rules judge.",
)
@click.option(
    "--ragas",
    default="",
    callback=listed,
    help="Metrics of ragas besides: semantic_similarity, rouge, chrf, string_similarity …",
)
@click.option(
    "--labels",
    type=click.Path(),
    default="",
    help="Answers with people's labels, a file or FinanceBench's folder: corrects the rates.",
)
@click.option(
    "--label-sample",
    type=click.Path(path_type=Path),
    help="A new file, with a sample of the answers for a person to label.",
)
@click.option(
    "--label-count",
    type=click.IntRange(1),
    default=60,
    show_default=True,
    help="Answers of each system in that sample.",
)
@max_cost_option
@sweep_option
@baseline_option
@click.option("--live", is_flag=True, help="Ask the pipelines' own live indexes; build nothing.")
@out_option
@home_option(".millrace/answers", "what is kept: indexes, answers, ledgers")
@prefect_option
@json_option
def command(
    out: Path | None,
    prefect: bool | None,
    as_json: bool,
    label_sample: Path | None,
    label_count: int,
    **given: Any,
) -> int:
    """Have PIPELINES answer the questions of a data set, and judge the answers.

    Each pipeline's source is replaced by the data set's documents, unless its live index is asked.
    What was built, answered or judged before is not done again.
    """
    prepare()
    from evals import by_hand
    from evals.answers import plan as planning
    from evals.report import files

    if label_sample:
        by_hand.check_new(label_sample)
    plan = planning.plan(**given)
    folder = files.ready(out or files.folder(plan.data.name, plan.home))
    outcome = _answered(given, plan, folder, prefect)
    if label_sample:
        _sample(outcome, plan, label_sample, label_count)
    if as_json:
        print_json({**outcome.to_json(), "report": str(folder / files.REPORT)})
    else:
        _show(outcome, folder / files.REPORT)
    if outcome.guarded:
        return LIMIT
    return UNMEASURED if outcome.incomplete else 0


def _answered(given: Mapping[str, Any], plan: Plan, folder: Path, prefect: bool | None) -> Outcome:
    from evals.answers.run import run
    from evals.report import answers
    from flows import orchestrator, terminal

    as_flow = orchestrator.chosen(prefect)
    with terminal.showing() as by:
        if as_flow:
            from flows.answers import call

            return call(given, plan, folder, by)
        outcome = run(plan, by)
    answers.write(outcome, folder)
    return outcome


def _sample(outcome: Outcome, plan: Plan, file: Path, count: int) -> None:
    from evals.answers import sampling
    from evals.judging import label_file

    drawn = sampling.sample(outcome, plan, count)
    label_file.write(drawn, file)
    told = f"{len(drawn)} answers to label are in {file}; give it back with --labels"
    new_console(stderr=True).print(told, markup=False, soft_wrap=True)


def _show(outcome: Outcome, report: Path) -> None:
    console = new_console(piped=160)
    for table in _tables(outcome):
        console.print(table, markup=False)
        console.print()
    for line in _told(outcome):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"report: {report}", markup=False, soft_wrap=True)


def _tables(outcome: Outcome) -> Iterator[object]:
    from rich.table import Table

    from evals.answers.losses import LOSSES
    from evals.answers.outcome import MEASURED

    verdicts = Table(box=None, pad_edge=False)
    losses = Table(box=None, pad_edge=False)
    for table, names in ((verdicts, (*MEASURED, "unmeasured", "recall")), (losses, LOSSES)):
        table.add_column("system", overflow="fold")
        table.add_column("questions", no_wrap=True)
        for name in names:
            table.add_column(name, justify="right", no_wrap=True)
    for each in outcome.systems:
        for name, part in each.parts.items():
            label = f"{name} ({part.questions})"
            counted = (_rate(part, verdict) for verdict in MEASURED)
            recall = part.retrieval.get("recall")
            verdicts.add_row(
                each.name,
                label,
                *counted,
                str(part.counts["unmeasured"]),
                "–" if recall is None else f"{recall:.3f}",
            )
            losses.add_row(each.name, label, *(str(part.losses[kind]) for kind in LOSSES))
    yield verdicts
    yield losses
    if any(each.correct for each in outcome.systems):
        yield _corrected(outcome)


def _corrected(outcome: Outcome) -> object:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("system", "correct by"):
        table.add_column(name, overflow="fold")
    for name in ("judged", "raw", "as people would", "labels"):
        table.add_column(name, justify="right", no_wrap=True)
    for system in outcome.systems:
        for each in system.correct:
            raw, found = each.raw, each.corrected
            table.add_row(
                system.name,
                each.by,
                str(each.judged),
                "–" if raw is None else f"{raw:.2f}",
                f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]" if found else "–",
                str(each.labels or "–"),
            )
    return table


def _rate(part: Part, verdict: str) -> str:
    found = part.rates.get(verdict)
    count = part.counts[verdict]
    return f"{count}  {found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]" if found else str(count)


def _told(outcome: Outcome) -> Iterator[str]:
    """What the tables do not say, a line each."""
    for name, reason in outcome.excluded.items():
        yield f"left out  {name}: {reason}"
    if any(rate.corrected for each in outcome.systems for rate in each.correct):
        yield "note  as people would: the share of all answers that people would call correct"
    for each in outcome.systems:
        yield from _of_system(each)
    for name, reason in outcome.lacking.items():
        yield f"not measured  {name}: {reason}"
    for reason, found in outcome.data.left_out.items():
        yield f"not measured  {reason}: {found.count}"
    yield from (f"note  {each}" for each in outcome.notes)
    if outcome.ledger.known.calls or outcome.ledger.unsure.calls:
        yield _money(outcome)
    if outcome.rest:
        yield f"for all questions  {outcome.rest.units:,} answers to go, {outcome.rest}"
    yield from (str(each) for each in outcome.comparisons)
    yield outcome.verdict


def _of_system(measured: Measured) -> Iterator[str]:
    if measured.disagreements:
        yield f"{measured.name}: rules and model disagree on {_disagreed(measured)}"
    for each in measured.correct:
        if each.why:
            yield f"{measured.name}: correct by {each.by} is not corrected: {each.why}"
    if measured.stopped:
        yield f"stopped  {measured.name}: {measured.stopped}"
    if measured.undecided:
        yield (
            f"{measured.name}: {measured.undecided} answers are beyond the rules, such as prose; "
            "--judge FILE asks a model, --ragas semantic_similarity says how alike they are"
        )
    if measured.unsupported:
        yield (
            f"{measured.name}: {measured.unsupported} answers have figures that stand in nothing "
            "that they cite"
        )


def _disagreed(measured: Measured) -> str:
    found = measured.disagreements
    told = (
        f"{len(ids)} {rules} by the rules, {model} by the model"
        for (rules, model), ids in found.items()
    )
    return f"{sum(map(len, found.values()))} answers: {'; '.join(told)}"


def _money(outcome: Outcome) -> str:
    known, unsure = outcome.ledger.known, outcome.ledger.unsure
    told = (
        f"calls  {known.calls:,}, tokens {known.input_tokens:,} in and {known.output_tokens:,} "
        f"out, cost {known.cost:.4f}"
    )
    return (
        f"{told}; at most {unsure.cost:.4f} for {unsure.calls} without an end"
        if unsure.calls
        else told
    )
