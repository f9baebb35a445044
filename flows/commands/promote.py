"""`millrace promote`: a person lets the candidate go live that is held."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.shared import json_option, load, pipeline_argument, print_release, reason_option


@click.command("promote")
@pipeline_argument
@click.option("--release", type=click.IntRange(0), help="That it must be; else it is refused.")
@click.option("--force", is_flag=True, help="Although its test says that it is worse.")
@reason_option
@json_option
def command(
    pipeline: Path,
    overrides: tuple[str, ...],
    release: int | None,
    force: bool,
    reason: str,
    as_json: bool,
) -> int:
    """Make the candidate of PIPELINE live that is held. Later losses are counted from it."""
    from components.corpus import releases
    from components.errors import BadOption

    if force and not reason:
        raise BadOption("--force needs a reason, for the history").at(hint="--reason TEXT")
    loaded = load(pipeline, overrides)
    made = releases.promote(
        loaded, by=releases.person(), reason=reason, force=force, release=release
    )
    print_release(loaded.name, made, as_json)
    return 0
