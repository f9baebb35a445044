"""What phases are called where a person sees how far they are."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from components.outlook import Outlook
from components.phases import Done, Phase

_NOTHING = Done(units=0)


class Words(NamedTuple):
    """Of one kind of phase."""

    card: str
    """On the card of its artifact."""
    bar: str
    """Before its bar on a terminal."""
    line: str
    """Where no bar can be drawn."""
    when: Literal["begun", "under way", "done"]
    """The line is said: once, every now and then, or once."""


def of(phase: Phase[Any], done: Done = _NOTHING, seconds: float = 0.0) -> Words:
    """Those of a phase that is so far after so many seconds."""
    name, counts, total = phase.of, phase.counts, phase.total or 0
    if phase.name == "encode-and-write":
        whole = f" of {total:,}" if total else ""
        rate = done.tokens / max(1e-9, seconds)
        line = f"{done.units:,}{whole} {counts}, {done.chunks:,} chunks, {rate:,.0f} tokens/s"
        return Words("Documents committed", f"encoding {name}".strip(), line, "under way")
    if phase.name == "encode-anew":
        line = f"{done.units:,} of {total:,} {counts} encoded anew"
        return Words("Documents encoded anew", "encoding anew", line, "under way")
    if phase.name == "build":
        line = f"building the index of {name}"
        return Words(f"Index of {name}", f"index of {name}, {counts}", line, "begun")
    bar = f"{name}, {counts}"
    if counts == "questions":
        return Words(f"Questions to {name}", bar, f"{name} has answered {total:,} {counts}", "done")
    return Words(f"{counts.capitalize()} of {name}", bar, f"{name}: {total:,} {counts}", "done")


def ahead(phase: Phase[Any], left: Outlook) -> str:
    """What is left of a phase."""
    return f"{phase.of}: {left.units:,} {phase.counts} to go, {left}"
