"""What a long run did and found, and how it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LARGEST = 2.6
"""Times the size of a fresh index that the index may have in the end."""
SHOWN = 20
"""Findings that are told one by one."""


@dataclass(kw_only=True)
class Told:
    """What was done and what was found, so far."""

    refreshes: int = 0
    checks: int = 0
    edits: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    """By `disturbance: ending`."""
    lost: int = 0
    """Documents, chunks and entries that a fresh build has and the corpus had not."""
    twice: int = 0
    """Points that are there more than once, or belong to no document."""
    stale: int = 0
    """Documents and chunks that a fresh build has not, or that say something else there."""
    unexpected: int = 0
    """Refreshes that ended as none may, and temporary folders that stayed."""
    findings: list[str] = field(default_factory=list)
    largest: float = 0.0
    """Times the size of a fresh index, the worst of all checks."""
    size: float = 0.0
    """The same at the last check."""
    seconds: float = 0.0
    begun: int = 0
    """How often the run was begun or gone on with."""

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Told:
        """Of what was written down."""
        counted = {"edits": Counter(found["edits"]), "endings": Counter(found["endings"])}
        return cls(**{**found, **counted})

    def find(self, where: str, what: str) -> None:
        """Note a finding."""
        self.findings.append(f"{where}: {what}")

    @property
    def well(self) -> bool:
        """Whether nothing was found."""
        counted = self.lost + self.twice + self.stale + self.unexpected
        return not counted and self.size <= LARGEST


def show(store: str, told: Told, skipped: Sequence[str]) -> None:
    """Print tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    done = Table(title=f"what was done to it ({store})", title_justify="left", box=None)
    done.add_column("times", justify="right")
    done.add_column("")
    for name, times in sorted(told.edits.items()):
        done.add_row(f"{times:,}", name)
    for name, times in sorted(told.endings.items()):
        done.add_row(f"{times:,}", name)
    console.print(done)
    found = Table(title="what was found", title_justify="left", box=None)
    found.add_column("", justify="right")
    found.add_column("")
    for name, value in _found(told).items():
        found.add_row(value, name)
    console.print(found)
    for line in (*skipped, *told.findings[:SHOWN]):
        console.print(line, markup=False, soft_wrap=True)


def _found(told: Told) -> Mapping[str, str]:
    return {
        "refreshes": f"{told.refreshes:,}",
        "comparisons with a fresh build": f"{told.checks:,}",
        "lost": f"{told.lost:,}",
        "twice": f"{told.twice:,}",
        "stale": f"{told.stale:,}",
        "ended as none may": f"{told.unexpected:,}",
        f"times a fresh index in the end, at most {LARGEST}": f"{told.size:.2f}",
        "at its largest": f"{told.largest:.2f}",
        "seconds a refresh": f"{told.seconds / max(1, told.refreshes):.1f}",
    }
