"""`millrace doctor`: find what is damaged in a corpus, and mend that alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.commands.shared import json_option, load, pipeline_argument, prefect_option, print_json

if TYPE_CHECKING:
    from components.corpus.doctor.diagnosis import Diagnosis
    from components.corpus.request import Job

_SHOWN = 50
"""Findings that are told to a person."""


@click.command("doctor")
@pipeline_argument
@click.option("--repair", is_flag=True, help="Mend what is found, encoding only what is wrong.")
@click.option(
    "--sample",
    type=click.IntRange(0),
    default=32,
    show_default=True,
    help="Documents that are encoded anew and compared with what is stored.",
)
@prefect_option
@json_option
def command(
    pipeline: Path,
    overrides: tuple[str, ...],
    repair: bool,
    sample: int,
    prefect: bool | None,
    as_json: bool,
) -> int:
    """Look for damage in what is live for PIPELINE: end with 8 where something is wrong.

    Source, manifest, points, vectors, pointer, alias and cache are held against each other. Without
    --repair nothing is written, and nobody waits.
    """
    from components.corpus.request import Job, Request, new_run_id
    from components.machine import paths
    from flows import engines

    engines.chosen(load(pipeline, overrides).engine)  # is it installed?
    request = Request(pipeline=str(paths.named(pipeline)), overrides=overrides, run_id=new_run_id())
    diagnosis = _visited(Job(request), repair, sample, prefect)
    if as_json:
        print_json(diagnosis.to_json())
    else:
        _show(diagnosis)
    return diagnosis.exit_code


def _visited(job: Job, repair: bool, sample: int, prefect: bool | None) -> Diagnosis:
    """Here, or as a flow."""
    from components.corpus.doctor.run import doctor
    from flows import engines, orchestrator, terminal

    as_flow = orchestrator.chosen(prefect)
    with terminal.showing(rates=True) as by:
        if as_flow:
            from flows.doctor import Planned, call

            return call(Planned(job, repair, sample), by)
        return doctor(job, repair=repair, sample=sample, by=by, encoding=engines.encoding)


def _show(diagnosis: Diagnosis) -> None:
    from flows.findings import besides, outcome

    for each in diagnosis.findings[:_SHOWN]:
        click.echo(f"{each.check:<8} {each.where}: {each.what} ({outcome(each)})")
    if (rest := len(diagnosis.findings) - _SHOWN) > 0:
        click.echo(f"and {rest:,} more (--json names them all)")
    click.echo(f"{diagnosis.pipeline}: {diagnosis.summary()}")
    for line in besides(diagnosis):
        click.echo(line)
