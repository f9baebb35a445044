"""`millrace prune`: remove what a corpus keeps no longer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.commands.shared import json_option, load, pipeline_argument, print_json

if TYPE_CHECKING:
    from components.indexes.contract import CorpusIndex
    from components.indexes.retention import Surplus
    from components.spec import Pipeline


@click.command("prune")
@pipeline_argument
@click.option("--dry-run", is_flag=True, help="Say what would be removed; write nothing.")
@json_option
def command(pipeline: Path, overrides: tuple[str, ...], dry_run: bool, as_json: bool) -> int:
    """Remove what the corpus of PIPELINE keeps no longer, as every refresh does in the end.

    That is whatever is beyond index.keep generations: older ones, drafts that nobody goes on with,
    what killed runs left. What is live stays, and what a search has open.
    """
    loaded = load(pipeline, overrides)
    corpus = _corpus(loaded)
    with nullcontext() if dry_run else corpus.lock():
        found = corpus.surplus()
        gone = {each.name for each in found} if dry_run else set(corpus.prune())
    if as_json:
        print_json({"schema": 1, "pipeline": loaded.name, **_as_json(found, gone, dry_run)})
    else:
        _show(found, gone, dry_run)
    return 0


def _corpus(pipeline: Pipeline) -> CorpusIndex:
    from components.corpus.release import corpus_of
    from components.errors import NothingLive

    corpus = corpus_of(pipeline)
    if corpus.owner() is None:
        raise NothingLive(f"the corpus {pipeline.name!r} has no index yet").at(
            where=str(pipeline.stages["index"].options.get("path", "")),
            hint="there is nothing to remove",
        )
    return corpus


def _as_json(found: Sequence[Surplus], gone: Collection[str], dry_run: bool) -> dict[str, Any]:
    removed = [each for each in found if each.name in gone]
    return {
        "dry_run": dry_run,
        "removed": [asdict(each) for each in removed],
        "in_use": [asdict(each) for each in found if each.name not in gone],
        "bytes": _total([each.bytes for each in removed]),
        "points": _total([each.points for each in removed]),
    }


def _total(counts: Sequence[int | None]) -> int | None:
    """Of what was counted; None where nothing was."""
    known = [each for each in counts if each is not None]
    return sum(known) if known else None


def _show(found: Sequence[Surplus], gone: Collection[str], dry_run: bool) -> None:
    if not found:
        click.echo("nothing to remove")
        return
    for each in found:
        told = "in use" if each.name not in gone else "would go" if dry_run else "removed"
        click.echo(f"{told:<9} {each.name}  {each.reason}, {_size(each.bytes, each.points)}")
    removed = [each for each in found if each.name in gone]
    size = _size(_total([e.bytes for e in removed]), _total([e.points for e in removed]))
    click.echo(f"{'would free' if dry_run else 'freed'} {size}")


def _size(count: int | None, points: int | None) -> str:
    return f"{points or 0:,} points" if count is None else f"{count / 2**20:,.1f} MiB"
