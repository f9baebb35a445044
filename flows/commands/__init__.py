"""One module per verb."""

from __future__ import annotations

import click

from flows.commands import (
    answers,
    automations,
    compare,
    components,
    diff,
    doctor,
    models,
    promote,
    prune,
    questions,
    refresh,
    reject,
    releases,
    rollback,
    search,
    status,
)

_GO_ON = (refresh, compare, answers, questions, doctor, prune)
_OTHERS = (
    search,
    status,
    releases,
    diff,
    promote,
    reject,
    rollback,
    automations,
    components,
    models,
)
GO_ON = frozenset(module.command.name for module in _GO_ON)
"""Verbs that go on from what was done when they are run again."""


def register(group: click.Group) -> None:
    """Add every verb to the command line."""
    for module in (*_GO_ON, *_OTHERS):
        group.add_command(module.command)
