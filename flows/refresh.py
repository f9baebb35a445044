"""The refresh as a Prefect flow."""

from __future__ import annotations

import time
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from prefect import State, flow
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from pydantic import Field

from components.corpus import run
from components.corpus.report import Report
from components.corpus.request import Job, Request
from components.corpus.survey import Survey
from components.phases import Phase, Runner
from flows import approval, engines, gates, page, shell, todo, verdict_page
from flows.named import corpus_name
from flows.shell import Ended, carry_out, tasks
from flows.states import ended

LOGGED_FAILURES = 20
_LONGEST = 31 * 24
"""Hours."""


@dataclass(frozen=True)
class Planned:
    """A refresh."""

    job: Job
    found: Survey | None = None
    """What there is to do; who knows that already has the right to do it."""


def _run_id() -> str:
    """The caller's, or the random end of the flow run's own id."""
    planned = shell.planned()
    return planned.job.request.run_id if planned else str(flow_run.id).replace("-", "")[-12:]


def _run_name() -> str:
    """The corpus' name, and the run's id in the manifest."""
    given = flow_run.parameters
    name = corpus_name(str(given["pipeline"]), tuple(given.get("overrides") or ()))
    return f"{name}-{_run_id()}"


Override = Annotated[str, Field(pattern=r"^\s*[a-z]+\.[^=]+=")]


@flow(name="refresh", flow_run_name=_run_name)
def refresh(
    pipeline: Annotated[str, Field(min_length=1, examples=["pipelines/sample.yaml"])],
    overrides: Annotated[tuple[Override, ...], Field(examples=[["splitter.max_tokens=96"]])] = (),
    retry_failed: bool = False,
    max_deletes: Annotated[float, Field(ge=0, le=1)] = 0.5,
    max_missing: Annotated[int, Field(ge=0)] = 0,
    adopt: bool = False,
    use_cache: bool = True,
    many_failed: Annotated[float, Field(ge=0, le=1)] = 0.1,
    wait_for_person: Annotated[float, Field(ge=0, le=_LONGEST)] = 0.0,
) -> State[None]:
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
        wait_for_person: Hours in which a person may decide on this page about a candidate that is
            held, while the run is paused; 0: it ends as "Held" at once.
    """

    def planned() -> Planned:
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
        return Planned(Job(request))

    def refreshed(planned: Planned, by: Runner) -> Ended:
        return _refreshed(planned, by, many_failed, wait_for_person)

    named = str(flow_run.name or "").removesuffix(f"-{_run_id()}")
    return carry_out(named or corpus_name(pipeline, overrides), planned, refreshed)


def call(job: Job, found: Survey | None, by: Runner) -> Report:
    """Run the flow in this process, as a command does. Raises what stops the run."""
    form = asdict(job.request)
    del form["run_id"], form["dry_run"]
    report: Report = shell.call(refresh, form, Planned(job, found), by)
    return report


def _refreshed(planned: Planned, by: Runner, many: float, hours: float) -> Ended:
    start = time.perf_counter()
    job, name = planned.job, planned.job.pipeline.name
    judge = gates.judge(job.pipeline)
    by = tasks(by, lambda phase: f"{name}-{'meanwhile' if phase.of else 'progress'}")
    with nullcontext(planned.found) if planned.found else run.planned(job, by) as found:
        report = run.carry_out(job, found, by, engines.encoding, judge)
    report = replace(report, seconds=time.perf_counter() - start)
    _log(report)
    until = datetime.now(UTC) + timedelta(hours=hours) if report.held and hours else None
    verdict: UUID | None = None
    with suppress(Exception):  # it is published; the task itself shows what went wrong
        verdict = by(Phase(name="report", work=lambda _: _show(job, found, report, until)))
    state = ended(report, many)
    if until:
        state, report = approval.awaited(job, report, hours) or (state, report)
        with suppress(Exception):
            verdict_page.show(job, report, shown=verdict)
    return Ended(report, state, todo.of_report(found, report))


def _show(job: Job, found: Survey, report: Report, until: datetime | None) -> UUID | None:
    page.show(found, report)
    return verdict_page.show(job, report, until)


def _log(report: Report) -> None:
    logger = get_run_logger()
    for each in report.failures[:LOGGED_FAILURES]:
        logger.warning("failed  %s: %s", each.id, each.reason)
    rest = len(report.failures) - LOGGED_FAILURES
    if rest > 0:
        logger.warning("and %s more failed: see the artifact %s-failures", rest, report.pipeline)
    logger.info("%s: %s", report.pipeline, page.summary(report))
