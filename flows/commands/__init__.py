"""One module per verb."""

from __future__ import annotations

import click

from flows.commands import (
    answers,
    automations,
    compare,
    components,
    models,
    prune,
    questions,
    refresh,
    search,
    status,
)


def register(group: click.Group) -> None:
    """Add every verb to the command line."""
    runs = (refresh, search, status, prune, compare, answers, questions)
    for module in (*runs, automations, components, models):
        group.add_command(module.command)
