"""`millrace status`: what is live."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.shared import json_option, load, pipeline_argument, print_json


@click.command("status")
@pipeline_argument
@json_option
def command(pipeline: Path, overrides: tuple[str, ...], as_json: bool) -> int:
    """Say what is live for PIPELINE, since when, and how much it holds."""
    from dataclasses import asdict

    from components.corpus.release import corpus_of, differs, live

    loaded = load(pipeline, overrides)
    corpus = corpus_of(loaded)
    release = live(loaded, corpus)
    generation = release.generation
    found = {
        "schema": 1,
        "pipeline": loaded.name,
        "generation": generation.name,
        "fingerprint": generation.fingerprint,
        "since": release.since,
        "run_id": release.run_id,
        **asdict(generation.totals),
        "stages": {name: each.use for name, each in generation.stages.items()},
        "pending": differs(loaded, release),
        "damaged": corpus.damage(generation),
    }
    if as_json:
        print_json(found)
        return 0
    _show(found)
    return 0


def _show(found: dict[str, object]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for name in ("pipeline", "generation", "since", "documents", "pages", "chunks", "tokens"):
        value = found[name]
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    for name in ("failed", "stale"):
        if found[name]:
            table.add_row(name, str(found[name]))
    if found["pending"]:
        table.add_row("pending", "the pipeline file differs: the next refresh will build it")
    console = Console(highlight=False)
    console.print(table)
    if found["damaged"]:
        said = f"damaged     see {found['damaged']}: the next refresh builds it anew"
        console.print(said, soft_wrap=True, markup=False)
