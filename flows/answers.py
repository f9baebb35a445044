"""Answering questions as a Prefect flow: tasks for each system, and one that concludes.

No parameter holds a key: they are in the environment, and files name their variables.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from evals.compare.files import folder, ready
from prefect import State, flow, task
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import Field

from components.corpus.write import Committed
from components.endpoint.ledger import Ledger
from components.errors import GuardStopped, MillraceError
from components.system import telling
from evals.answers import files, run, steps
from evals.answers import plan as planning
from evals.answers.asking import Progress
from evals.answers.outcome import Outcome
from evals.answers.plan import Plan
from evals.answers.run import Errors, Steps, Watch
from evals.experiment.systems import System
from flows import orchestrator, run_log, todo
from flows.states import stoppable, stopped
from infra import artifacts
from infra.markdown import plain


@dataclass
class Caller:
    """What a command hands to the flow that it runs in its own process, and gets back."""

    plan: Plan
    folder: Path
    """Of the report."""
    watch: Watch
    outcome: Outcome | None = None


T = TypeVar("T")
Tell = Callable[[System, int], None]
Step = Callable[[Plan, System, Ledger, Progress], None]
Counted = Callable[[Plan, System, Ledger, Watch], None]
CALLER: ContextVar[Caller | None] = ContextVar("answering", default=None)


@flow(name="answers")
@stoppable(lambda given: f"answers-{Path(given['data']).name}")
def answers(
    data: Annotated[str, Field(min_length=1, examples=["financebench"])],
    pipelines: Annotated[tuple[str, ...], Field(examples=[["pipelines/financebench.yaml"]])],
    setting: str = "shared",
    split: str = "test",
    hits: Annotated[int, Field(ge=1)] = 10,
    characters: Annotated[int, Field(ge=1)] = planning.CHARACTERS,
    judge: str = "",
    ragas: tuple[str, ...] = (),
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
        hits: How many an answerer is given.
        characters: Of a long context.
        judge: File that names a model to judge; empty: judged by rules.
        ragas: Metrics of ragas to measure besides, such as semantic_similarity.
        max_cost: The most that all calls may cost, those of earlier runs included.
        overrides: Other values, each as stage.option=value or NAME:stage.option=value.
        baseline: System that all others are compared with.
        live: Whether the pipelines' own live indexes are asked.
        out: Folder of the report; empty: a new one below home.
        home: Folder of what is kept: indexes, answers, ledgers.
    """
    caller = CALLER.get()
    try:
        with orchestrator.running(), telling(last=True):
            if caller is None:
                plan = planning.plan(
                    pipelines=pipelines,
                    data=data,
                    setting=setting,
                    split=split,
                    hits=hits,
                    characters=characters,
                    judge=judge or None,
                    ragas=ragas,
                    max_cost=max_cost,
                    overrides=overrides,
                    baseline=baseline,
                    live=live,
                    home=home,
                )
                place = Path(out) if out else folder(plan.data.name, plan.home)
                caller = Caller(plan, ready(place), Watch())
            with run_log.shown():
                outcome = _run(caller)
            files.write(outcome, caller.folder)
            caller.outcome = outcome
    except MillraceError as error:
        todo.show_error(f"answers-{Path(data).name}", error)
        return stopped(error)
    except Exception:
        todo.show(f"answers-{Path(data).name}", todo.FAULT)
        raise
    get_run_logger().info("the report is %s", caller.folder / files.REPORT)
    _show(outcome)
    if outcome.guarded:
        todo.show_error(f"answers-{Path(data).name}", limit(outcome))
        return stopped(limit(outcome))
    name = "Some unmeasured" if outcome.incomplete else "Completed"
    todo.show(f"answers-{Path(data).name}", todo.BY_STATE[name])
    return Completed(name=name, message=plain(outcome.verdict, 1000))


def limit(outcome: Outcome) -> GuardStopped:
    """What says that the money is spent."""
    return GuardStopped(outcome.guarded)


def call(plan: Plan, folder: Path, watch: Watch) -> Outcome:
    """Run the flow in this process, as a command does. Raises what stops the run, but for the
    limit of money, of which the outcome tells.
    """
    caller = Caller(plan, folder, watch)
    token = CALLER.set(caller)
    try:
        with orchestrator.running():
            state = answers(
                data=plan.data_as,
                pipelines=tuple(map(str, plan.files)),
                setting=plan.setting,
                split=plan.data.split,
                hits=plan.hits,
                characters=plan.characters,
                judge=plan.judge_as,
                ragas=plan.ragas,
                max_cost=plan.max_cost,
                overrides=tuple(plan.overrides),
                baseline=plan.baseline,
                live=plan.live,
                out=str(folder),
                home=str(plan.home),
                return_state=True,
            )
            if caller.outcome is None:
                state.result()
    finally:
        CALLER.reset(token)
    if caller.outcome is None:
        raise MillraceError("the flow ended without an outcome")
    return caller.outcome


def _run(caller: Caller) -> Outcome:
    """The steps as tasks. They take no parameters: Prefect looks into every one."""
    plan, watch = caller.plan, caller.watch

    def build(_: Plan, system: System, watch: Watch) -> None:
        bar = artifacts.ProgressBar(_key(plan, system, "index"), f"Index of {system.name}")

        def show(done: Committed) -> None:
            bar.show(0.5)
            watch.building(system, done)

        _as_task("build", system.name, lambda: steps.build(plan, system, show))
        bar.show(1.0)

    def counted(name: str, what: str, do: Step, tell: Tell) -> Counted:
        def step(_: Plan, system: System, spent: Ledger, __: Watch) -> None:
            show = _counter(plan, system, what, tell)
            _as_task(name, system.name, lambda: do(plan, system, spent, show))

        return step

    def conclude(_: Plan, excluded: Errors, halted: Errors) -> Outcome:
        return _as_task("conclude", "", lambda: steps.conclude(plan, excluded, halted))

    by = Steps(
        build=build,
        ask=counted("ask", "answers", steps.ask, watch.asking),
        judge=counted("judge", "judgements", steps.judge, watch.judging),
        measure=counted("measure", "metrics", steps.measure, watch.measuring),
        conclude=conclude,
    )
    return run.run(plan, watch, by)


def _as_task(name: str, of: str, do: Callable[[], T]) -> T:
    """What it gives goes past Prefect, which would look into it."""
    found: list[T] = []

    @task(name=name, task_run_name=f"{name} {of}".strip())
    def step() -> None:
        found.append(do())

    step()
    return found[0]


def _counter(plan: Plan, system: System, what: str, tell: Tell) -> Progress:
    """Shows how many of the questions are done."""
    bar = artifacts.ProgressBar(_key(plan, system, what), f"{what} of {system.name}".capitalize())
    done = 0

    def show(more: int) -> None:
        nonlocal done
        done += more
        bar.show(done / len(plan.data.questions))
        tell(system, more)

    return show


def _show(outcome: Outcome) -> None:
    """The artifacts: a table of rates, and one of where answers were lost."""
    slug = artifacts.slug(f"answers-{outcome.data.name}-{outcome.setting}")
    rates = [
        {"system": each.name, **each.whole.counts, "cost": round(each.usage.cost, 4)}
        for each in outcome.systems
    ]
    artifacts.table(f"{slug}-verdicts", rates, plain(outcome.verdict, 1000))
    losses = [{"system": each.name, **each.whole.losses} for each in outcome.systems]
    artifacts.table(f"{slug}-losses", losses, "Where answers that are not correct were lost.")


def _key(plan: Plan, system: System, what: str) -> str:
    return artifacts.slug(f"answers-{plan.data.name}-{system.name}-{what}-progress")
