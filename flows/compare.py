"""The comparison as a Prefect flow: a task per index and per system, and one that judges."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from evals.compare.notes import notes
from evals.compare.steps import Plan
from prefect import State, flow, task
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import Field

from components.corpus.write import Committed
from components.errors import MillraceError
from components.system import telling
from evals.compare import files, request, run, steps
from evals.compare.outcome import Outcome
from evals.compare.run import Steps, Watch
from evals.experiment.systems import System
from evals.report import plots
from flows import orchestrator, run_log, todo
from flows.states import stoppable, stopped
from infra import artifacts, chart
from infra.markdown import plain


@dataclass
class Caller:
    """What a command hands to the flow that it runs in its own process, and gets back."""

    plan: Plan
    folder: Path
    """Of the report."""
    watch: Watch
    timed: bool
    outcome: Outcome | None = None


CALLER: ContextVar[Caller | None] = ContextVar("comparing", default=None)


@flow(name="compare")
@stoppable(lambda given: f"compare-{Path(given['data']).name}")
def compare(
    data: Annotated[str, Field(min_length=1, examples=["sample"])],
    pipelines: Annotated[tuple[str, ...], Field(examples=[["pipelines/sample.yaml"]])] = (),
    live: str = "",
    candidates: tuple[str, ...] = (),
    split: str = "test",
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
        overrides: Other values, each as stage.option=value or NAME:stage.option=value.
        metrics: Such as nDCG@10; the first one decides.
        baseline: System that all others are compared with.
        scope: Ask each question within the data set's scope.
        margin: A loss that does not matter.
        timed: Whether to measure how long answers take.
        out: Folder of the report; empty: a new one below home.
        home: Folder of what comparisons keep.
    """
    caller = CALLER.get()
    try:
        with orchestrator.running(), telling(last=True):
            if caller is None:
                asked = request.read(
                    pipelines=pipelines,
                    live=live,
                    candidates=candidates,
                    data=data,
                    split=split,
                    overrides=overrides,
                    metrics=metrics,
                    baseline=baseline,
                    scope=scope,
                    margin=margin,
                    home=home,
                )
                plan = steps.plan(asked)
                folder = Path(out) if out else files.folder(asked.data.name, asked.home)
                caller = Caller(plan, files.ready(folder), Watch(), timed=timed)
            with run_log.shown():
                outcome = caller.outcome = _run(caller)
            files.write(outcome, caller.folder, caller.plan.request.home)
    except MillraceError as error:
        todo.show_error(f"compare-{Path(data).name}", error)
        return stopped(error)
    except Exception:
        todo.show(f"compare-{Path(data).name}", todo.FAULT)
        raise
    get_run_logger().info("the report is %s", caller.folder / files.REPORT)
    _show(outcome, caller.plan.request.home)
    name = "Some left out" if outcome.excluded else "Completed"
    todo.show(f"compare-{Path(data).name}", todo.BY_STATE[name])
    return Completed(name=name, message=outcome.verdict[:1000])


def call(plan: Plan, folder: Path, watch: Watch, *, timed: bool) -> Outcome:
    """Run the flow in this process, as a command does. Raises what stops the run."""
    asked = plan.request
    caller = Caller(plan, folder, watch, timed)
    token = CALLER.set(caller)
    try:
        with orchestrator.running():
            state = compare(
                data=asked.data_as,
                pipelines=tuple(map(str, asked.files)),
                live=str(asked.live or ""),
                candidates=tuple(asked.candidates),
                split=asked.data.split,
                overrides=tuple(asked.overrides),
                metrics=tuple(asked.metrics),
                baseline=asked.baseline,
                scope=asked.scoped,
                margin=asked.rules.margin,
                timed=timed,
                out=str(folder),
                home=str(asked.home),
                return_state=True,
            )
            state.result()
    finally:
        CALLER.reset(token)
    if caller.outcome is None:
        raise MillraceError("the flow ended without an outcome")
    return caller.outcome


def _run(caller: Caller) -> Outcome:
    """The steps as tasks. They take names: Prefect looks into every parameter."""
    plan = caller.plan

    def build(_: Plan, system: System, watch: Watch) -> Any:
        @task(name="build", task_run_name=f"build {system.name}")
        def step() -> None:
            bar = artifacts.ProgressBar(_key(plan, system.name), f"Index of {system.name}")

            def show(done: Committed) -> None:
                bar.show(0.5)
                watch.building(system, done)

            steps.build(plan, system, show)
            bar.show(1.0)

        return step()

    def ask(_: Plan, system: System, watch: Watch) -> None:
        @task(name="ask", task_run_name=f"ask {system.name}")
        def step() -> None:
            bar = artifacts.ProgressBar(_key(plan, system.name), f"Questions to {system.name}")
            answered = 0

            def show(more: int) -> None:
                nonlocal answered
                answered += more
                bar.show(answered / len(plan.asked.data.questions))
                watch.asking(system, more)

            steps.ask(plan, system, show)

        step()

    def judge(_: Plan, excluded: dict[str, str], timed: bool) -> Outcome:
        found: list[Outcome] = []

        @task(name="judge")
        def step() -> None:
            found.append(steps.judge(plan, excluded, timed=timed))

        step()
        return found[0]

    return run.run(plan, caller.watch, Steps(build, ask, judge), timed=caller.timed)


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
            files.points(outcome, home), outcome.metrics[0]
        ),
    }
    images = [chart.embedded(svg, name) for name, svg in drawn.items() if svg]
    told = [plain(each, 1000) for each in notes(outcome)]
    text = "\n\n".join([plain(outcome.verdict, 2000), *told, *images])
    artifacts.markdown(f"{slug}-verdict", text + "\n", plain(outcome.verdict, 300))


def _key(plan: Plan, system: str) -> str:
    return artifacts.slug(f"compare-{plan.asked.data.name}-{system}-progress")
