"""The refresh as a Prefect flow: the steps of `components.corpus` as a few coarse tasks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.runtime import flow_run

from components.corpus import refresh as steps
from components.corpus import run
from components.corpus.report import Failed, Report, Survey
from components.corpus.request import Job, Request, new_run_id
from components.corpus.write import Committed, Progress
from components.indexes.manifest import Generation, Totals
from infra import artifacts

WATCHER: ContextVar[Progress] = ContextVar("watcher", default=run.silent)
"""Who else wants to see progress: the terminal of the command that runs the flow."""


@task(name="survey")
def _survey(request: Request, folder: str) -> dict[str, Any]:
    return asdict(steps.survey(Job(request), Path(folder)))


@task(name="guard")
def _guard(request: Request, found: dict[str, Any]) -> None:
    steps.guard(Job(request), to_survey(found))


@task(name="encode-and-write")
def _write(request: Request, found: dict[str, Any]) -> steps.Written:
    job, survey = Job(request), to_survey(found)
    bar = artifacts.ProgressBar(f"{job.pipeline.name}-progress", "Documents committed")
    watcher = WATCHER.get()

    def show(done: Committed) -> None:
        bar.show(done.steps / max(1, survey.work))
        watcher(done)

    return steps.write(job, survey, show)


@task(name="check-and-optimise")
def _seal(request: Request, found: dict[str, Any], draft: str) -> steps.Sealed:
    return steps.seal(Job(request), to_survey(found), draft)


@task(name="promote")
def _promote(request: Request, found: dict[str, Any], generation: Generation) -> bool:
    return steps.promote(Job(request), to_survey(found), generation)


@task(name="report")
def _report(report: dict[str, Any]) -> None:
    name = report["pipeline"]
    told = ("documents", "pages", "chunks", "tokens", "seconds", "tokens_per_second")
    counts = ("added", "changed", "unchanged", "deleted", "failed", "stale", *told)
    rows = [{"what": count, "value": report[count]} for count in counts]
    rows += [
        {"what": f"seconds: {part}", "value": value} for part, value in report["spent"].items()
    ]
    artifacts.table(f"{name}-counts", rows, f"Refresh of {name}")
    if report["failures"]:
        lines = [f"- `{each['id']}`: {each['reason']}" for each in report["failures"]]
        artifacts.markdown(f"{name}-failures", "\n".join(lines), "Documents that failed")


STEPS = run.Steps(
    survey=lambda job, folder: to_survey(_survey(job.request, str(folder))),
    guard=lambda job, found: _guard(job.request, asdict(found)),
    write=lambda job, found, progress: _write(job.request, asdict(found)),
    seal=lambda job, found, draft: _seal(job.request, asdict(found), draft),
    promote=lambda job, found, generation: _promote(job.request, asdict(found), generation),
)


def _run_name() -> str:
    """The pipeline file's stem."""
    return Path(str(flow_run.parameters["pipeline"])).stem


@flow(name="refresh", flow_run_name=_run_name, validate_parameters=False)
def refresh(
    pipeline: str,
    overrides: list[str] | None = None,
    retry_failed: bool = False,
    max_deletes: float = 0.5,
    max_missing: int = 0,
    adopt: bool = False,
    run_id: str | None = None,
    planned: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Bring a corpus up to date with its source.

    Args:
        pipeline: path of the pipeline file.
        overrides: `stage.option=value`, as for `--set`.
        retry_failed: try documents again that failed before.
        max_deletes: largest share of the corpus that the run may delete.
        max_missing: how many documents that are served now a new fingerprint may lack.
        adopt: take over a corpus that was built from another source.
        run_id: given by the command line; made here otherwise.
        planned: a plan that was already made, by a caller that holds the corpus' lock.
    """
    request = Request(
        pipeline=pipeline,
        overrides=tuple(overrides or ()),
        retry_failed=retry_failed,
        max_deletes=max_deletes,
        max_missing=max_missing,
        adopt=adopt,
        run_id=run_id or new_run_id(),
    )
    start = time.perf_counter()
    report = _run(Job(request), planned)
    report = run.timed(report, time.perf_counter() - start, 0.0)
    _report(report.to_json())
    return asdict(report)


def _run(job: Job, planned: dict[str, Any] | None) -> Report:
    if planned is not None:
        return run.carry_out(job, to_survey(planned), steps=STEPS)
    return run.run(job, steps=STEPS)


def to_survey(found: Mapping[str, Any]) -> Survey:
    """A survey from its dictionary."""
    failed = {name: tuple(Failed(**each) for each in found[name]) for name in ("gaps", "failures")}
    prefixes = tuple(found["gap_prefixes"])
    return Survey(**{**found, **failed, "gap_prefixes": prefixes})


def to_report(found: Mapping[str, Any]) -> Report:
    """A report from the flow's result."""
    failures = tuple(Failed(**each) for each in found["failures"])
    return Report(**{**found, "failures": failures, "totals": Totals(**found["totals"])})
