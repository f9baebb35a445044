"""`millrace refresh`: bring a corpus up to date with its source."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows import STARTED
from flows.commands.shared import json_option, load, pipeline_argument, print_json

if TYPE_CHECKING:
    from components.corpus.report import Report, Survey
    from components.corpus.request import Job


@click.command("refresh")
@pipeline_argument
@click.option("--dry-run", is_flag=True, help="Say what would be done, write nothing.")
@click.option("--retry-failed", is_flag=True, help="Try documents again that failed before.")
@click.option(
    "--max-deletes",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Stop before deleting more than this share of the corpus.",
)
@click.option(
    "--max-missing",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Publish although so many documents that are served now cannot be used.",
)
@click.option("--adopt", is_flag=True, help="Take over a corpus of another source or machine.")
@click.option("--no-cache", is_flag=True, help="Encode everything anew, and keep no vector.")
@click.option("--engine-only", is_flag=True, help="Run without Prefect.")
@json_option
def command(
    pipeline: Path,
    overrides: tuple[str, ...],
    dry_run: bool,
    retry_failed: bool,
    max_deletes: float,
    max_missing: int,
    adopt: bool,
    no_cache: bool,
    engine_only: bool,
    as_json: bool,
) -> int:
    """Bring the corpus of PIPELINE up to date with its source: only what changed is encoded."""
    from components.corpus.request import Job, Request, new_run_id
    from flows import engines

    engines.chosen(load(pipeline, overrides).engine)  # is it installed?
    request = Request(
        pipeline=str(pipeline.resolve()),
        overrides=overrides,
        retry_failed=retry_failed,
        max_deletes=max_deletes,
        max_missing=max_missing,
        adopt=adopt,
        dry_run=dry_run,
        use_cache=not no_cache,
        run_id=new_run_id(),
    )
    report = _timed(Job(request), engine_only)
    if as_json:
        print_json(report.to_json())
    else:
        _show(report)
    return report.exit_code


def _timed(job: Job, engine_only: bool) -> Report:
    from components.corpus.run import timed

    start = time.perf_counter()
    report = _run(job, engine_only)
    return timed(report, time.perf_counter() - start, start - STARTED)


def _run(job: Job, engine_only: bool) -> Report:
    from components.corpus import run
    from components.errors import Unavailable
    from flows import engines
    from flows.progress import watching
    from infra.settings import settings

    if settings().prefect_api_url and not (engine_only or job.request.dry_run):
        with watching(0) as watcher:
            return _flow(job, None, watcher)
    with run.workplace(job) as folder:
        found = run.plan(job, folder)
        plain = engines.steps(job.pipeline.engine)
        with watching(found.work) as watcher:
            if engine_only or found.idle or job.request.dry_run:
                return run.carry_out(job, found, watcher, plain)
            try:
                return _flow(job, found, watcher)
            except Unavailable as error:  # nobody asked for a server, so none is needed
                click.echo(f"millrace: {error}; going on without Prefect", err=True)
                return run.carry_out(job, found, watcher, plain)


def _flow(job: Job, found: Survey | None, watcher: Any) -> Report:
    """The same steps as a Prefect flow, on the server at PREFECT_API_URL or one of its own.

    Raises Unavailable or BadOption where no server can be used and nothing was begun.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    from prefect.exceptions import PrefectHTTPStatusError

    from components.errors import BadOption, Unavailable
    from flows.refresh import call

    try:
        return call(job, found, watcher)
    except PrefectHTTPStatusError as error:
        if error.response.status_code not in (401, 403):
            raise
        raise BadOption("the Prefect server refuses the password").at(
            where="PREFECT_API_AUTH_STRING", hint="give it the server's USER:PASSWORD"
        ) from None
    except RuntimeError as error:
        if not any(sign in str(error) for sign in _NO_SERVER):
            raise
        raise Unavailable("the Prefect server does not answer").at(
            where="PREFECT_API_URL", hint="start it, unset the variable, or use --engine-only"
        ) from None


_NO_SERVER = ("Failed to reach API", "connect to ephemeral Prefect API server")
"""What Prefect says before it has begun anything."""
_QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # The first start on a machine creates a database and compiles a great deal.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "60",
    # The run's log goes to the server and its page; here our own progress and result are shown.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
}


def _show(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    found = report.to_json()
    console = Console(highlight=False)
    title = f"{'would refresh' if report.dry_run else 'refreshed'} {report.pipeline}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("added", "changed", "unchanged", "deleted", "failed", "stale"):
        table.add_column(name, justify="right")
    table.add_row(
        *(
            f"{found[name]:,}"
            for name in ("added", "changed", "unchanged", "deleted", "failed", "stale")
        )
    )
    console.print(table)
    if not report.dry_run:
        console.print(
            f"holds {found['documents']:,} documents, {found['pages']:,} pages, "
            f"{found['chunks']:,} chunks"
        )
        console.print(_outcome(report))
    for each in report.failures:
        console.print(f"failed  {each.id}: {each.reason}", markup=False, soft_wrap=True)


def _cached(report: Report) -> str:
    looked = report.cache.hits + report.cache.misses
    return f", {report.cache.hits / looked:.0%} from the cache" if report.cache.hits else ""


def _outcome(report: Report) -> str:
    found = report.to_json()
    rate = f", {found['tokens_per_second']:,.0f} a second" if report.tokens else ""
    work = f"{found['tokens']:,} tokens encoded in {found['seconds']:.1f} s{rate}{_cached(report)}"
    if not found["documents"]:
        return f"{work}; nothing was published: no document could be used"
    if not report.promoted:
        return f"{work}; generation {report.generation} stays live"
    return f"{work}; generation {report.generation} is live (not evaluated)"
