"""The refresh as a Prefect flow: the steps of `components.corpus` as a few coarse tasks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar, cast

from prefect import State, flow, task
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from pydantic import Field

from components.cache import Lookups
from components.corpus import run
from components.corpus.promote import promote
from components.corpus.report import Report
from components.corpus.request import Job, Request
from components.corpus.seal import Sealed, seal
from components.corpus.survey import Failed, Survey, guard, survey
from components.corpus.write import Committed, Progress, Written, write
from components.errors import MillraceError
from components.indexes.manifest import Generation, Totals
from components.system import telling
from components.values import LeftOut
from flows import engines, orchestrator, page, run_log, todo
from flows.states import Result, ended, stoppable, stopped, without_traceback
from infra import artifacts

LOGGED_FAILURES = 20
Given = ParamSpec("Given")
Outcome = TypeVar("Outcome")
logging.getLogger("prefect.flow_runs").addFilter(without_traceback)


@dataclass(frozen=True)
class Caller:
    """What a command hands to the flow that it runs in its own process: no parameters of a form."""

    progress: Progress = run.silent
    run_id: str = ""
    planned: Survey | None = None
    """A plan that was made already; the caller holds the corpus' lock and the plan's folder."""


CALLER: ContextVar[Caller] = ContextVar("caller", default=Caller())  # noqa: B039 (frozen)


def _task(name: str) -> Callable[[Callable[Given, Outcome]], Callable[Given, Outcome]]:
    """A task that shows an error of ours as one line instead of a traceback, and raises it."""

    def wrap(function: Callable[Given, Outcome]) -> Callable[Given, Outcome]:
        @task(name=name, task_run_name=name)
        @wraps(function)
        def step(*given: Given.args, **named: Given.kwargs) -> Outcome | State[Any]:
            try:
                with telling(last=True):
                    return function(*given, **named)
            except MillraceError as error:
                return stopped(error)

        def call(*given: Given.args, **named: Given.kwargs) -> Outcome:
            outcome = step(*given, **named)
            return outcome.result() if isinstance(outcome, State) else outcome

        return call

    return wrap


@_task("survey")
def _survey(request: Request, folder: str) -> dict[str, Any]:
    return asdict(survey(Job(request), Path(folder)))


@_task("guard")
def _guard(request: Request, found: dict[str, Any]) -> None:
    guard(Job(request), to_survey(found))


@_task("encode-and-write")
def _write(request: Request, found: dict[str, Any]) -> Written:
    job, planned = Job(request), to_survey(found)
    bar = artifacts.ProgressBar(f"{job.pipeline.name}-progress", "Documents committed")
    watcher = CALLER.get().progress

    def show(done: Committed) -> None:
        bar.show(done.steps / max(1, planned.work))
        watcher(done)

    written = write(job, planned, show, engines.chosen(job.pipeline.engine))
    bar.show(1.0)
    return written


@_task("check-and-optimise")
def _seal(request: Request, found: dict[str, Any], draft: str) -> Sealed:
    return seal(Job(request), to_survey(found), draft)


@_task("promote")
def _promote(request: Request, found: dict[str, Any], generation: Generation) -> bool:
    return promote(Job(request), to_survey(found), generation)


@_task("report")
def _report(found: dict[str, Any], report: dict[str, Any]) -> None:
    page.show(to_survey(found), to_report(report))


STEPS = run.Steps(
    survey=lambda job, folder: to_survey(_survey(job.request, str(folder))),
    guard=lambda job, found: _guard(job.request, asdict(found)),
    write=lambda job, found, progress: _write(job.request, asdict(found)),
    seal=lambda job, found, draft: _seal(job.request, asdict(found), draft),
    promote=lambda job, found, generation: _promote(job.request, asdict(found), generation),
)


def _run_id() -> str:
    """The caller's, or the random end of the flow run's own id."""
    return CALLER.get().run_id or str(flow_run.id).replace("-", "")[-12:]


def _name(file: str, overrides: tuple[str, ...]) -> str:
    """The corpus' name, or the file's where it cannot be read."""
    try:
        return Job(Request(pipeline=file, overrides=overrides, run_id="")).pipeline.name
    except MillraceError:
        return Path(file).stem  # the run itself will say what is wrong


def _run_name() -> str:
    """The corpus' name, and the run's id in the manifest."""
    given = flow_run.parameters
    name = _name(str(given["pipeline"]), tuple(given.get("overrides") or ()))
    return f"{name}-{_run_id()}"


def _named(_: Mapping[str, Any]) -> str:
    """The corpus' name, of the run's: reading the file again may be what the run stood still at."""
    return str(flow_run.name).removesuffix(f"-{_run_id()}")


Override = Annotated[str, Field(pattern=r"^\s*[a-z]+\.[^=]+=")]


@flow(name="refresh", flow_run_name=_run_name)
@stoppable(_named)
def refresh(
    pipeline: Annotated[str, Field(min_length=1, examples=["pipelines/sample.yaml"])],
    overrides: Annotated[tuple[Override, ...], Field(examples=[["splitter.max_tokens=96"]])] = (),
    retry_failed: bool = False,
    max_deletes: Annotated[float, Field(ge=0, le=1)] = 0.5,
    max_missing: Annotated[int, Field(ge=0)] = 0,
    adopt: bool = False,
    use_cache: bool = True,
    many_failed: Annotated[float, Field(ge=0, le=1)] = 0.1,
) -> State[Result]:
    """Bring a corpus up to date with its source: only what changed is encoded.

    Args:
        pipeline: Path of the pipeline file, relative to the folder that the worker runs it in.
        overrides: Other values than the file's, each as stage.option=value. No secrets: everybody
            who sees the run sees them.
        retry_failed: Try documents again that failed before.
        max_deletes: Stop before deleting more than this share of the corpus, from 0 to 1.
        max_missing: Publish although so many documents that are served now cannot be used.
        adopt: Take over a corpus of another source or machine.
        use_cache: Take vectors that were made before from the worker's cache, and keep new ones.
        many_failed: End as "Many failed" where more than this share of the documents could not be
            used, from 0 to 1.
    """
    request = Request(
        pipeline=pipeline,
        overrides=overrides,
        retry_failed=retry_failed,
        max_deletes=max_deletes,
        max_missing=max_missing,
        adopt=adopt,
        use_cache=use_cache,
        run_id=_run_id(),
    )
    start = time.perf_counter()
    try:
        with orchestrator.running(), telling(last=True), run_log.shown():
            found, report = _run(Job(request))
    except MillraceError as error:
        todo.show_error(_name(pipeline, overrides), error)
        return stopped(error)
    except Exception:
        todo.show(_name(pipeline, overrides), todo.FAULT)
        raise
    report = run.timed(report, time.perf_counter() - start, 0.0)
    _log(report)
    with suppress(Exception):  # it is published; the task itself shows what went wrong
        _report(asdict(found), asdict(report))
    todo.show(report.pipeline, todo.of_report(found, report))
    return ended(report, many_failed)


def call(job: Job, planned: Survey | None, progress: Progress) -> Report:
    """Run the flow in this process, as a command does. Raises what stops the run."""
    request = job.request
    token = CALLER.set(Caller(progress, request.run_id, planned))
    try:
        with orchestrator.running():
            state = refresh(
                pipeline=request.pipeline,
                overrides=request.overrides,
                retry_failed=request.retry_failed,
                max_deletes=request.max_deletes,
                max_missing=request.max_missing,
                adopt=request.adopt,
                use_cache=request.use_cache,
                return_state=True,
            )
            return to_report(cast(Result, state.result()))
    finally:
        CALLER.reset(token)


def _run(job: Job) -> tuple[Survey, Report]:
    planned = CALLER.get().planned
    if planned is not None:
        return planned, run.carry_out(job, planned, steps=STEPS)
    with run.workplace(job) as folder:
        found = run.plan(job, folder, STEPS)
        return found, run.carry_out(job, found, steps=STEPS)


def _log(report: Report) -> None:
    logger = get_run_logger()
    for each in report.failures[:LOGGED_FAILURES]:
        logger.warning("failed  %s: %s", each.id, each.reason)
    rest = len(report.failures) - LOGGED_FAILURES
    if rest > 0:
        logger.warning("and %s more failed: see the artifact %s-failures", rest, report.pipeline)
    logger.info("%s: %s", report.pipeline, page.summary(report))


def to_survey(found: Mapping[str, Any]) -> Survey:
    """A survey from its dictionary."""
    lists = ("gaps", "failures", "incomplete")
    failed = {name: tuple(Failed(**each) for each in found[name]) for name in lists}
    names = {name: tuple(found[name]) for name in ("gap_prefixes", "failed_before")}
    names["left_out"] = tuple(LeftOut(**each) for each in found["left_out"])
    return Survey(**{**found, **failed, **names, "before": Totals(**found["before"])})


def to_report(found: Mapping[str, Any]) -> Report:
    """A report from the flow's result."""
    failures = tuple(Failed(**each) for each in found["failures"])
    incomplete = tuple(Failed(**each) for each in found["incomplete"])
    left_out = tuple(LeftOut(**each) for each in found["left_out"])
    totals, cache = Totals(**found["totals"]), Lookups(**found["cache"])
    lists = {"failures": failures, "incomplete": incomplete, "left_out": left_out}
    return Report(**{**found, **lists, "totals": totals, "cache": cache})
