"""Answering questions as a Prefect flow.

No parameter holds a key: they are in the environment, and files name their variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from prefect import State, flow
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import Field

from components.errors import GuardStopped
from components.phases import Phase, Runner
from evals.answers import plan as planning
from evals.answers.outcome import Outcome
from evals.answers.plan import Plan
from evals.answers.run import run
from evals.metrics import Interval
from evals.report import answers as report
from evals.report import files
from flows import shell, todo
from flows.shell import Ended, carry_out, tasks
from flows.states import stopped
from infra import artifacts
from infra.markdown import plain


@dataclass(frozen=True)
class Planned:
    """What is asked of whom, and where the report goes."""

    plan: Plan
    folder: Path


@flow(name="answers")
def answers(
    data: Annotated[str, Field(min_length=1, examples=["financebench"])],
    pipelines: Annotated[tuple[str, ...], Field(examples=[["pipelines/financebench.yaml"]])],
    setting: str = "shared",
    split: str = "test",
    limit: Annotated[int | None, Field(ge=1)] = None,
    sample: Annotated[int | None, Field(ge=1)] = None,
    hits: Annotated[int, Field(ge=1)] = 10,
    characters: Annotated[int, Field(ge=1)] = planning.CHARACTERS,
    judge: str = "",
    ragas: tuple[str, ...] = (),
    labels: str = "",
    max_cost: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None,
    overrides: tuple[str, ...] = (),
    baseline: str = "",
    live: bool = False,
    out: str = "",
    home: str = str(planning.HOME),
) -> State[Any]:
    """Which of several pipelines answers more questions right; how sure is that, and why not all.

    Args:
        data: A folder or a name of questions with answers and evidence.
        pipelines: Paths of pipeline files, relative to the folder that the worker runs in.
        setting: What is answered from: shared, single, oracle, long_context, closed_book.
        split: Split of the judgements.
        limit: Ask the first questions only, so many.
        sample: Ask so many questions, drawn at random.
        hits: How many an answerer is given.
        characters: Of a long context.
        judge: File that names a model to judge; empty: judged by rules.
        ragas: Metrics of ragas to measure besides, such as semantic_similarity.
        labels: Answers with people's labels, by which rates are corrected; empty: none.
        max_cost: The most that all calls may cost, those of earlier runs included.
        overrides: Other values, each as stage.option=value or NAME:stage.option=value.
        baseline: System that all others are compared with.
        live: Whether the pipelines' own live indexes are asked.
        out: Folder of the report; empty: a new one below home.
        home: Folder of what is kept: indexes, answers, ledgers.
    """

    def planned() -> Planned:
        plan = planning.plan(
            pipelines=pipelines,
            data=data,
            setting=setting,
            split=split,
            limit=limit,
            sample=sample,
            hits=hits,
            characters=characters,
            judge=judge,
            ragas=ragas,
            labels=labels,
            max_cost=max_cost,
            overrides=overrides,
            baseline=baseline,
            live=live,
            home=home,
        )
        folder = Path(out) if out else files.folder(plan.data.name, plan.home)
        return Planned(plan, files.ready(folder))

    return carry_out(f"answers-{Path(data).name}", planned, _answered)


def call(form: Mapping[str, Any], plan: Plan, folder: Path, by: Runner) -> Outcome:
    """Run the flow in this process, as a command does that was given all the rest of the form.
    Raises what stops the run, but for the limit of money, of which the outcome tells.
    """
    planned = Planned(plan, folder)
    outcome: Outcome = shell.call(answers, {**form, "out": str(folder)}, planned, by)
    return outcome


def _answered(planned: Planned, by: Runner) -> Ended:
    data = planned.plan.data.name

    def key(phase: Phase[Any]) -> str:
        what = "index" if phase.name == "build" else phase.counts
        return f"answers-{data}-{phase.of}-{what}-progress"

    outcome = run(planned.plan, tasks(by, key))
    report.write(outcome, planned.folder)
    get_run_logger().info("the report is %s", planned.folder / files.REPORT)
    _show(outcome)
    if outcome.guarded:
        limit = GuardStopped(outcome.guarded)
        return Ended(outcome, stopped(limit), todo.of_error(limit))
    name = "Some unmeasured" if outcome.incomplete else "Completed"
    return Ended(outcome, Completed(name=name, message=plain(outcome.verdict, 1000)))


def _show(outcome: Outcome) -> None:
    """The artifacts: tables of rates, of where answers were lost, and of corrected rates."""
    slug = artifacts.slug(f"answers-{outcome.data.name}-{outcome.setting}")
    rates = [
        {"system": each.name, **each.whole.counts, "cost": round(each.usage.cost, 4)}
        for each in outcome.systems
    ]
    artifacts.table(f"{slug}-verdicts", rates, plain(outcome.verdict, 1000))
    losses = [{"system": each.name, **each.whole.losses} for each in outcome.systems]
    artifacts.table(f"{slug}-losses", losses, "Where answers that are not correct were lost.")
    corrected = [
        {"system": system.name, "correct by": each.by, **_told(each.corrected)}
        for system in outcome.systems
        for each in system.correct
        if each.corrected
    ]
    if corrected:
        told = "The share of all answers that people would call correct, by labels."
        artifacts.table(f"{slug}-correct", corrected, told)


def _told(found: Interval) -> dict[str, float]:
    ends = {"share": found.mean, "low": found.low, "high": found.high}
    return {name: round(each, 3) for name, each in ends.items()}
