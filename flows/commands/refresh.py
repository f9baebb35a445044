"""`millrace refresh`: bring a corpus up to date with its source."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.errors import line
from flows import STARTED
from flows.commands.shared import json_option, load, pipeline_argument, prefect_option, print_json
from flows.consoles import new_console

if TYPE_CHECKING:
    from components.corpus.report import Report
    from components.corpus.request import Job

_ALIKE = 50
"""Documents with one reason that are all named."""
_SHOWN_ALIKE = 10
"""Of more than those."""


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
@prefect_option
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
    prefect: bool | None,
    as_json: bool,
) -> int:
    """Bring the corpus of PIPELINE up to date with its source: only what changed is encoded."""
    from components.corpus.request import Job, Request, new_run_id
    from components.machine import paths
    from flows import engines

    loaded = load(pipeline, overrides)
    engines.chosen(loaded.engine)  # is it installed?
    request = Request(
        pipeline=str(paths.named(pipeline)),
        overrides=overrides,
        retry_failed=retry_failed,
        max_deletes=max_deletes,
        max_missing=max_missing,
        adopt=adopt,
        dry_run=dry_run,
        use_cache=not no_cache,
        run_id=new_run_id(),
    )
    start = time.perf_counter()
    report = _refreshed(Job(request), prefect)
    seconds = time.perf_counter() - start
    report = replace(report, seconds=seconds, startup_seconds=start - STARTED)
    if as_json:
        print_json(report.to_json())
    else:
        _show(report)
    if report.error:
        told = line(str(report.error), report.error.where, report.error.hint)
        click.echo(f"millrace: {told}", err=True)
    return report.exit_code


def _refreshed(job: Job, prefect: bool | None) -> Report:
    """Here or as a flow, of which a server that is named sees all. One that has to be started is
    worth it where there is something to do.
    """
    from components.corpus import run
    from flows import engines, gates, orchestrator, terminal

    judge = gates.judge(job.pipeline)  # what it needs is missed before the work

    asked = False if job.request.dry_run else prefect
    named = orchestrator.named(asked) and orchestrator.chosen(asked)
    with (
        terminal.showing(rates=True) as by,
        nullcontext() if named else run.planned(job, by) as found,
    ):
        if found is None or (not found.idle and orchestrator.chosen(asked)):
            from flows.refresh import call

            return call(job, found, by)
        return run.carry_out(job, found, by, engines.encoding, judge)


def _show(report: Report) -> None:
    from rich.table import Table

    from components.corpus.report import COUNTED

    found = report.to_json()
    console = new_console()
    title = f"{'would refresh' if report.dry_run else 'refreshed'} {report.pipeline}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in COUNTED:
        table.add_column(name, justify="right")
    table.add_row(*(f"{found[name]:,}" for name in COUNTED))
    console.print(table)
    if not report.dry_run:
        console.print(
            f"holds {found['documents']:,} documents, {found['pages']:,} pages, "
            f"{found['chunks']:,} chunks"
        )
        console.print(_outcome(report))
    told = _named("failed", [(each.id, each.reason) for each in report.failures])
    told += _named("incomplete", [(each.id, each.reason) for each in report.incomplete])
    told += _named("left out", [(each.where, each.reason) for each in report.left_out])
    for each in told:
        console.print(each, markup=False, soft_wrap=True)


def _named(what: str, found: list[tuple[str, str]]) -> list[str]:
    """A line each, but only a few of very many with one and the same reason."""
    reasons = Counter(reason for _, reason in found)
    shown: Counter[str] = Counter()
    lines = []
    for name, reason in found:
        shown[reason] += 1
        if reasons[reason] <= _ALIKE or shown[reason] <= _SHOWN_ALIKE:
            lines.append(f"{what}  {name}: {reason}")
        elif shown[reason] == reasons[reason]:
            rest = reasons[reason] - _SHOWN_ALIKE
            lines.append(f"{what}  and {rest:,} more: {reason} (--json names them all)")
    return lines


def _cached(report: Report) -> str:
    looked = report.cache.hits + report.cache.misses
    return f", {report.cache.hits / looked:.0%} from the cache" if report.cache.hits else ""


def _outcome(report: Report) -> str:
    found = report.to_json()
    rate = f", {found['tokens_per_second']:,.0f} a second" if report.tokens else ""
    work = f"{found['tokens']:,} tokens encoded in {found['seconds']:.1f} s{rate}{_cached(report)}"
    work += ", in two passes" if report.passes > 1 else ""
    if not found["documents"]:
        return f"{work}; nothing was published: no document could be used"
    if report.held:
        return f"{work}; generation {report.generation} is held"
    if not report.promoted:
        return f"{work}; generation {report.generation} stays live"
    made = f"release {report.release}, generation {report.generation}"
    return f"{work}; {made}, is live ({_how(report)})"


def _how(report: Report) -> str:
    if report.verdict:
        return report.verdict.sentence
    said = {"first": "not evaluated", "small": "a small change, not tested"}
    return said.get(report.how or "", report.how or "")
