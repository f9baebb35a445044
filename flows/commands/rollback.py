"""`millrace rollback`: an earlier release is live again, at once."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.shared import json_option, load, pipeline_argument, print_release, reason_option


@click.command("rollback")
@pipeline_argument
@click.argument("release", default="")
@reason_option
@json_option
def command(
    pipeline: Path, overrides: tuple[str, ...], release: str, reason: str, as_json: bool
) -> int:
    """Make an earlier RELEASE of PIPELINE live again: a number, or its generation's name; without,
    the one before what is live. Works while a refresh runs. From then on candidates are held until
    you promote one.
    """
    from components.corpus import releases

    loaded = load(pipeline, overrides)
    made = releases.rollback(loaded, by=releases.person(), to=release, reason=reason)
    print_release(loaded.name, made, as_json)
    if not as_json:
        click.echo("what refreshes make from now on is held until millrace promote")
    return 0
