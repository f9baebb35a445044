"""One module per verb."""

from __future__ import annotations

import click

from flows.commands import (
    answers,
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
    verbs = (refresh, search, status, prune, compare, answers, questions, components, models)
    for module in verbs:
        group.add_command(module.command)
