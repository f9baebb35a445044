"""`millrace components`: the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from flows.commands.shared import json_option, print_json
from flows.consoles import new_console

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


@click.command("components")
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@json_option
def command(stages: tuple[str, ...], as_json: bool) -> int:
    """List the components of these stages, or of all, with their options and defaults."""
    from components import registry
    from components.registry import plugins

    for stage in stages:
        registry.check_stage(stage)
    catalogue = _catalogue(stages)
    unusable = [asdict(each) for each in plugins.misfits(registry.CATALOGUE)]
    if as_json:
        print_json({"schema": 1, "stages": catalogue, "unusable": unusable})
    else:
        _show(catalogue, unusable)
    return 0


def _catalogue(stages: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    from components import registry
    from components.stages import STAGES

    return {
        stage: [_describe(stage, name, target) for name, target in registry.names(stage).items()]
        for stage in STAGES
        if stage in stages or not stages
    }


def _describe(stage: str, name: str, target: str) -> dict[str, Any]:
    """One component; `package` is null where it is built in, `error` where it can be used."""
    from components.errors import MillraceError

    listed = {"name": name, "class": target, "package": _package(stage, name)}
    try:
        return {**listed, **_read(stage, name), "error": None}
    except MillraceError as error:  # a broken plug-in must not hide the others
        reason = str(error)
    except Exception as error:  # whatever a stranger's class does when it is asked
        reason = f"{type(error).__name__}: {error}"
    return {**listed, "help": reason, "options": [], "missing": [name], "error": reason}


def _read(stage: str, name: str) -> dict[str, Any]:
    import inspect

    from components import registry

    component = registry.load(stage, name)
    return {
        "help": (inspect.getdoc(component) or "").partition("\n\n")[0].replace("\n", " "),
        "options": [asdict(each) for each in registry.help_of(component)],
        "missing": registry.missing_packages(component),
    }


def _package(stage: str, name: str) -> str | None:
    from components import registry
    from components.registry import plugins

    if name in registry.CATALOGUE[stage]:
        return None
    return ", ".join(each.package for each in plugins.of_stage(stage)[name])


def _default(option: dict[str, Any]) -> str:
    """On one line, as a pipeline file would have it."""
    import json

    default = option["default"]
    if option["required"]:
        return "required"
    if isinstance(default, str) and default.isprintable():
        return default
    return json.dumps(default)


def _show(catalogue: dict[str, list[dict[str, Any]]], unusable: list[dict[str, Any]]) -> None:

    console = new_console()
    for stage, found in catalogue.items():
        if found:
            console.print(f"\n[bold]{stage}[/bold]", _table(found, console.width), sep="\n")
    if unusable:
        console.print("\n[bold]cannot be used[/bold]")
    for each in unusable:
        line = f"{each['entry_point']} (of {each['package']}): {each['reason']}"
        console.print(line, markup=False)


def _table(found: list[dict[str, Any]], width: int) -> Table:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(width=min(32, width // 2), overflow="fold")
    table.add_column()
    for each in found:
        origin = each["package"] or "built in"
        table.add_row(Text.assemble((each["name"], "bold"), "  ", (origin, "dim")), _help(each))
        for option in each["options"]:
            value = Text(f"{option['name']}={_default(option)}", overflow="fold")
            table.add_row(Padding(value, (0, 0, 0, 2)), Text(option["help"]))
    return table


def _help(listed: dict[str, Any]) -> Text:
    from rich.text import Text

    if listed["error"]:
        return Text(f"cannot be used: {listed['error']}", style="red", overflow="fold")
    missing = f" (needs: {', '.join(listed['missing'])})" if listed["missing"] else ""
    return Text(listed["help"] + missing)
