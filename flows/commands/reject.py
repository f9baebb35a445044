"""`millrace reject`: a person gives the candidate up that is held."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.shared import (
    json_option,
    load,
    pipeline_argument,
    print_json,
    reason_option,
)


@click.command("reject")
@pipeline_argument
@click.option("--release", type=click.IntRange(0), help="That it must be; else it is refused.")
@reason_option
@json_option
def command(
    pipeline: Path,
    overrides: tuple[str, ...],
    release: int | None,
    reason: str,
    as_json: bool,
) -> int:
    """Give the candidate of PIPELINE up that is held; what is live stays."""
    from components.corpus import releases

    loaded = load(pipeline, overrides)
    given_up = releases.reject(loaded, by=releases.person(), reason=reason, release=release)
    if as_json:
        told = {"release": given_up.number, "generation": given_up.generation}
        print_json({"schema": 1, "pipeline": loaded.name, "rejected": told})
    else:
        click.echo(f"release {given_up.number} is rejected; what is live stays")
    return 0
