"""`millrace models`: the embedding models that have a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flows.commands.shared import json_option, print_json
from flows.consoles import new_console

if TYPE_CHECKING:
    from components.encoders.profiles import Profile


@click.command("models")
@click.argument("name", required=False, metavar="[NAME]")
@json_option
def command(name: str | None, as_json: bool) -> int:
    """List the embedding models that have a name, or all that is known of one."""
    from components.encoders import profiles

    found = [_named(name)] if name else list(profiles.known().values())
    if as_json:
        print_json({"schema": 1, "models": [_describe(each) for each in found]})
    elif name:
        _show_one(found[0])
    else:
        _show(found)
    return 0


def _named(name: str) -> Profile:
    from components.encoders import profiles
    from components.errors import UnknownComponent

    found = profiles.find(name)
    if found is None:
        raise UnknownComponent(f"no model is called {name!r}").at(
            where="NAME", hint="`millrace models` lists those that have a name"
        )
    return found


def _describe(profile: Profile) -> dict[str, Any]:
    """What a profile says; null where it says nothing. `error`: why it cannot be used."""
    from dataclasses import asdict

    facts = asdict(profile)
    for name in ("model", "revision", "package", "weights_sha256", "licence"):
        facts[name] = facts[name] or None
    if "{task}" not in profile.query_prompt:
        facts["task"] = None
    del facts["unsupported"]
    return {
        **facts,
        "late": not profile.late_refusal,
        "late_error": profile.late_refusal or None,
        "error": profile.refusal or None,
    }


def _show(found: list[Profile]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("name", "width", "window", "pooling", "late", "licence"):
        right = heading in ("width", "window")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for each in found:
        facts = (each.width, each.window, each.pooling)
        cells = (*facts, "no" if each.late_refusal else "yes", each.licence)
        style = "dim" if each.refusal else ""
        name = f"{each.name} *" if each.refusal else each.name
        table.add_row(name, *(str(cell or "-") for cell in cells), style=style)
    console = new_console()
    console.print(table)
    console.print("\n* cannot be used: `millrace models NAME` says why", markup=False)


def _show_one(profile: Profile) -> None:
    import json

    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in _describe(profile).items():
        if value not in (None, "", ()):
            plain = isinstance(value, str) and value.isprintable() and value == value.strip()
            table.add_row(name, Text(str(value) if plain else json.dumps(value)))
    new_console().print(table)
