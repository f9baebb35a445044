"""`millrace releases`: what went live, what is held, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flows.commands.shared import json_option, load, pipeline_argument, print_json
from flows.consoles import new_console

if TYPE_CHECKING:
    from components.corpus.releases import History
    from components.indexes.ledger import Event, Listed

_SHOWN = 10
"""Releases, the newest, where not all are asked for; what is live is shown as well."""


@click.command("releases")
@pipeline_argument
@click.option("--all", "everything", is_flag=True, help="All releases, and all that happened.")
@json_option
def command(pipeline: Path, overrides: tuple[str, ...], everything: bool, as_json: bool) -> int:
    """List the releases of PIPELINE: what is live, what was, what is held, and the verdicts."""
    from components.corpus.release import corpus_of
    from components.corpus.releases import history

    loaded = load(pipeline, overrides)
    found = history(corpus_of(loaded))
    listed = list(found.ledger.releases.values())
    shown = listed if everything else _newest(found, listed)
    if as_json:
        print_json(_as_json(loaded.name, found, shown, everything))
        return 0
    if not listed:
        click.echo("no release yet: run millrace refresh first")
        return 0
    _show(found, shown)
    if everything:
        _show_events(found.ledger.events)
    _show_waiting(found)
    return 0


def _newest(found: History, listed: Sequence[Listed]) -> list[Listed]:
    """The newest, and those before them that are live, are held, or were live before."""
    ledger = found.ledger
    wanted = {ledger.live, ledger.held, *ledger.before[-_SHOWN:]}
    return [
        each
        for rank, each in enumerate(reversed(listed))
        if rank < _SHOWN or (each.number in wanted and found.can_answer(each.number))
    ][::-1]


def _as_json(
    name: str, found: History, shown: Sequence[Listed], everything: bool
) -> dict[str, Any]:
    told = {
        "schema": 1,
        "pipeline": name,
        "live": found.ledger.live,
        "held": found.ledger.held,
        "paused": found.ledger.paused,
        "anchor": found.ledger.anchor,
        "releases": [
            {**each.to_json(), "can_answer": found.can_answer(each.number)} for each in shown
        ],
    }
    return {**told, "history": list(found.ledger.events)} if everything else told


def _show(found: History, shown: Sequence[Listed]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_edge=False)
    for name in ("release", "state", "made (UTC)", "documents", "chunks"):
        words = name in ("state", "made (UTC)")
        table.add_column(name, justify="left" if words else "right", no_wrap=True)
    for each in reversed(shown):
        gone = "" if found.can_answer(each.number) else ", gone"
        table.add_row(
            str(each.number),
            f"{each.state}{gone}",
            each.at[:16].replace("T", " "),
            f"{each.documents:,}",
            f"{each.chunks:,}",
        )
    new_console().print(table)
    click.echo()
    for each in reversed(shown):
        click.echo(f"{each.number}: {_why(each)}; generation {each.generation}")


def _why(listed: Listed) -> str:
    went = listed.lives[-1] if listed.lives else None
    how = f"{went['how']} by {went['by']}" if went else ""
    told = listed.reason or (str(went["why"]) if went else "") or listed.why
    return ": ".join(filter(None, (how, told)))


def _show_events(events: Sequence[Event]) -> None:
    click.echo()
    for each in events:
        what = f"live, {each['how']}" if each["what"] == "live" else each["what"]
        told = each.get("reason") or each.get("why") or ""
        if each["what"] == "tested":
            told = each["verdict"]["sentence"]
        line = f"{each['at'][:19]}  release {each['release']:>4}  {what:<19}  {each['by']}  {told}"
        click.echo(line.rstrip())


def _show_waiting(found: History) -> None:
    waiting, paused = found.ledger.waiting, found.ledger.paused
    if waiting:
        click.echo(f"\nrelease {waiting.number} is held: {waiting.reason}")
        click.echo("decide: millrace promote, or millrace reject")
    if paused:
        click.echo(f"\n{paused}: what refreshes make is held until millrace promote")
