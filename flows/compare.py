"""The comparison as a Prefect flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from prefect import State, flow
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import Field

from components.phases import Runner
from evals.compare import plan as planning
from evals.compare import request
from evals.compare.outcome import Outcome
from evals.compare.plan import Plan
from evals.compare.run import run
from evals.report import compare as report
from evals.report import files, history, plots
from flows import shell
from flows.shell import Ended, carry_out, tasks
from infra import artifacts, chart
from infra.markdown import plain


@dataclass(frozen=True)
class Planned:
    """A comparison, and where its report goes."""

    plan: Plan
    folder: Path
    timed: bool


@flow(name="compare")
def compare(
    data: Annotated[str, Field(min_length=1, examples=["sample"])],
    pipelines: Annotated[tuple[str, ...], Field(examples=[["pipelines/sample.yaml"]])] = (),
    live: str = "",
    candidates: tuple[str, ...] = (),
    split: str = "test",
    limit: Annotated[int | None, Field(ge=1)] = None,
    sample: Annotated[int | None, Field(ge=1)] = None,
    overrides: tuple[str, ...] = (),
    metrics: tuple[str, ...] = (),
    baseline: str = "",
    scope: bool = False,
    margin: Annotated[float, Field(gt=0)] = 0.03,
    timed: bool = True,
    out: str = "",
    home: str = str(request.HOME),
) -> State[Any]:
    """Which of several pipelines, or of several generations of one, finds more; how sure is that.

    Args:
        data: A folder or a name of judged questions.
        pipelines: Paths of pipeline files, relative to the folder that the worker runs in.
        live: Instead of these: a pipeline file whose live index is measured as it is.
        candidates: Other generations of that pipeline, compared with the live one.
        split: Split of the judgements.
        limit: Ask the first questions only, so many.
        sample: Ask so many questions, drawn at random.
        overrides: Other values, each as stage.option=value or NAME:stage.option=value.
        metrics: Such as nDCG@10; the first one decides.
        baseline: System that all others are compared with.
        scope: Ask each question within the data set's scope.
        margin: A loss that does not matter.
        timed: Whether to measure how long answers take.
        out: Folder of the report; empty: a new one below home.
        home: Folder of what comparisons keep.
    """

    def planned() -> Planned:
        asked = request.read(
            pipelines=pipelines,
            live=live,
            candidates=candidates,
            data=data,
            split=split,
            limit=limit,
            sample=sample,
            overrides=overrides,
            metrics=metrics,
            baseline=baseline,
            scope=scope,
            margin=margin,
            home=home,
        )
        plan = planning.plan(asked)
        folder = Path(out) if out else files.folder(asked.data.name, asked.home)
        return Planned(plan, files.ready(folder), timed)

    return carry_out(f"compare-{Path(data).name}", planned, _compared)


def call(form: Mapping[str, Any], plan: Plan, folder: Path, by: Runner, *, timed: bool) -> Outcome:
    """Run the flow in this process, as a command does that was given all the rest of the form.
    Raises what stops the run.
    """
    planned = Planned(plan, folder, timed)
    outcome: Outcome = shell.call(
        compare, {**form, "timed": timed, "out": str(folder)}, planned, by
    )
    return outcome


def _compared(planned: Planned, by: Runner) -> Ended:
    data, home = planned.plan.request.data.name, planned.plan.request.home
    by = tasks(by, lambda phase: f"compare-{data}-{phase.of}-progress")
    outcome = run(planned.plan, by, timed=planned.timed)
    report.write(outcome, planned.folder, home)
    get_run_logger().info("the report is %s", planned.folder / files.REPORT)
    _show(outcome, home)
    name = "Some left out" if outcome.excluded else "Completed"
    return Ended(outcome, Completed(name=name, message=outcome.verdict[:1000]))


def _show(outcome: Outcome, home: Path) -> None:
    """The artifacts: a table, and the verdict with its plots."""
    slug = artifacts.slug(f"compare-{outcome.data.name}")
    rows = [
        {"system": each.name, **{name: round(own.mean, 4) for name, own in each.intervals.items()}}
        for each in outcome.systems
    ]
    artifacts.table(f"{slug}-metrics", rows, plain(outcome.verdict, 1000))
    first = [each for each in outcome.comparisons if each.metric == outcome.metrics[0]]
    drawn = {
        "differences with their intervals": plots.differences(first) if first else "",
        f"{outcome.metrics[0]} over runs": plots.history(
            history.points(outcome, home), outcome.metrics[0]
        ),
    }
    images = [chart.embedded(svg, name) for name, svg in drawn.items() if svg]
    told = [plain(each, 1000) for each in outcome.notes]
    text = "\n\n".join([plain(outcome.verdict, 2000), *told, *images])
    artifacts.markdown(f"{slug}-verdict", text + "\n", plain(outcome.verdict, 300))
