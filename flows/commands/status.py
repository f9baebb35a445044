"""`millrace status`: what is live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from components.errors import line
from flows.commands.shared import json_option, load, pipeline_argument, print_json
from flows.commands.span import span
from flows.consoles import new_console

if TYPE_CHECKING:
    from components.errors import TooOld
    from components.indexes.manifest import Release

_SHOWN = 10
"""Names of fields."""
_CLOCKS = timedelta(minutes=5)
"""By which the clocks of two machines may differ."""


@click.command("status")
@pipeline_argument
@click.option(
    "--max-age",
    type=span,
    metavar="SPAN",
    help="End with 7 where no refresh has ended well for longer: 90m, 26h, 2d.",
)
@json_option
def command(
    pipeline: Path, overrides: tuple[str, ...], max_age: timedelta | None, as_json: bool
) -> int:
    """Say what is live for PIPELINE, since when, and how much it holds."""
    from dataclasses import asdict

    from components.corpus.release import corpus_of, differs, live
    from components.errors import NothingLive, TooOld
    from components.indexes import ledger as ledgers

    loaded = load(pipeline, overrides)
    corpus = corpus_of(loaded)
    try:
        release = live(loaded, corpus)
    except NothingLive as error:
        if max_age is None:
            raise
        raise TooOld(f"the corpus {loaded.name!r} was never refreshed").at(
            where=error.where, hint=error.hint
        ) from None
    too_old = _too_old(loaded.name, release, max_age) if max_age else None
    ledger = ledgers.ledger(corpus)
    generation = release.generation
    found = {
        "schema": 1,
        "pipeline": loaded.name,
        "release": release.number,
        "generation": generation.name,
        "fingerprint": generation.fingerprint,
        "since": release.since,
        "refreshed": release.refreshed,
        "fresh": too_old is None if max_age else None,
        "run_id": release.run_id,
        **asdict(generation.totals),
        "termless": generation.termless,
        "stages": {name: each.use for name, each in generation.stages.items()},
        "pending": differs(loaded, release),
        "damaged": corpus.damage(generation),
        "held": ledger.held,
        "paused": ledger.paused,
    }
    if as_json:
        print_json(found)
    else:
        _show(found)
    if too_old is None:
        return 0
    click.echo(f"millrace: {line(str(too_old), too_old.where, too_old.hint)}", err=True)
    return too_old.exit_code


def _too_old(name: str, release: Release, max_age: timedelta) -> TooOld | None:
    from components.corpus.release import age
    from components.errors import TooOld
    from infra.chart import duration

    since = age(release)
    if since < -_CLOCKS:
        return TooOld(f"was refreshed at {release.refreshed}, which is still to come").at(
            where=name, hint="is the clock right, here and where refreshes run? refresh it again"
        )
    if since <= max_age:
        return None
    told = duration(since.total_seconds())
    return TooOld(f"no refresh has ended well for {told}, since {release.refreshed}").at(
        where=name, hint="do refreshes run, and how do they end? run one to see"
    )


def _show(found: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for name in (
        "pipeline",
        "release",
        "generation",
        "since",
        "refreshed",
        "documents",
        "pages",
        "chunks",
        "tokens",
    ):
        value = found[name]
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    for name in ("failed", "stale"):
        if found[name]:
            table.add_row(name, str(found[name]))
    if languages := found["languages"]:
        told = ", ".join(f"{name} {count:,}" for name, count in languages.items())
        table.add_row("languages", told)
    if found["fields"]:
        table.add_row("fields", _names(found["fields"]))
    if found["termless"]:
        table.add_row("termless", f"{found['termless']:,} chunks, not found by words")
    if found["pending"]:
        table.add_row(
            "pending", "the pipeline file differs: the next refresh makes a release of it"
        )
    for name, told in _waiting(found):
        table.add_row(name, told)
    console = new_console()
    console.print(table)
    if found["damaged"]:
        said = f"damaged     see {found['damaged']}: the next refresh builds it anew"
        console.print(said, soft_wrap=True, markup=False)


def _waiting(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What waits for a person."""
    if found["held"] is not None:
        yield "held", f"release {found['held']} waits for a person: millrace releases"
    if found["paused"]:
        yield "paused", "what refreshes make is held until millrace promote"


def _names(fields: Mapping[str, int]) -> str:
    """Of what documents and chunks have to filter by, the most frequent first."""
    names = sorted(fields, key=lambda name: (-fields[name], name))
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(f"{name:.60}" for name in names[:_SHOWN]) + more
