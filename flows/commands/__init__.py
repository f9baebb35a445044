"""One module per verb."""

from __future__ import annotations

import click

from flows.commands import (
    answers,
    compare,
    components,
    models,
    questions,
    refresh,
    search,
    status,
)


def register(group: click.Group) -> None:
    """Add every verb to the command line."""
    for module in (refresh, search, status, compare, answers, questions, components, models):
        group.add_command(module.command)
