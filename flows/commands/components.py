"""`millrace components`: the catalogue."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from flows.commands.shared import json_option, print_json


@click.command("components")
@json_option
def command(as_json: bool) -> int:
    """List every component by stage, with its options and their defaults."""
    catalogue = _catalogue()
    if as_json:
        print_json({"schema": 1, "stages": catalogue})
    else:
        _show(catalogue)
    return 0


def _catalogue() -> dict[str, list[dict[str, Any]]]:
    from components import registry
    from components.stages import STAGES

    return {
        stage: [_describe(stage, name, target) for name, target in registry.names(stage).items()]
        for stage in STAGES
    }


def _describe(stage: str, name: str, target: str) -> dict[str, Any]:
    import inspect

    from components import registry
    from components.errors import MillraceError

    try:
        component = registry.load(stage, name)
        options = [asdict(each) for each in registry.help_of(component)]
    except MillraceError as error:  # a broken plug-in must not hide the others
        return {"name": name, "class": target, "help": str(error), "options": [], "missing": [name]}
    return {
        "name": name,
        "class": target,
        "help": (inspect.getdoc(component) or "").partition("\n\n")[0].replace("\n", " "),
        "options": options,
        "missing": registry.missing_packages(component),
    }


def _default(option: dict[str, Any]) -> str:
    """On one line, as a pipeline file would have it."""
    import json

    default = option["default"]
    if option["required"]:
        return "required"
    if isinstance(default, str) and default.isprintable():
        return default
    return json.dumps(default)


def _show(catalogue: dict[str, list[dict[str, Any]]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    for stage, found in catalogue.items():
        if not found:
            continue
        console.print(f"\n[bold]{stage}[/bold]")
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(min_width=14, no_wrap=True)
        table.add_column(min_width=26, overflow="fold")
        table.add_column()
        for each in found:
            missing = f" (needs: {', '.join(each['missing'])})" if each["missing"] else ""
            table.add_row(Text(each["name"], style="bold"), "", Text(each["help"] + missing))
            for option in each["options"]:
                value = f"{option['name']}={_default(option)}"
                table.add_row("", Text(value, overflow="fold"), Text(option["help"]))
        console.print(table)
