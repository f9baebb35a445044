"""A comparison, read and checked before anything is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.errors import UserError
from components.machine import paths
from evals import extras
from evals.compare import rankings
from evals.compare.evaluate import asking, chosen
from evals.compare.ranking import Asked
from evals.compare.request import Request
from evals.experiment.chosen import systems
from evals.experiment.systems import System


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be done."""

    request: Request
    asked: Asked
    metrics: Sequence[str]
    systems: Sequence[System]

    def file(self, system: System) -> Path:
        """Where a system's rankings are kept."""
        return rankings.place(self.request.home, system, self.asked)


def plan(request: Request) -> Plan:
    """Read and check everything that a person wrote. Raises UserError, IndexFault."""
    extras.check("a comparison needs")
    metrics = chosen(request.data, request.metrics)
    asked = asking(request.data, metrics, scoped=request.scoped)
    found = systems(
        [request.live] if request.live else request.files,
        request.overrides,
        request.data,
        paths.named(request.home),
        live=request.live is not None,
        candidates=request.candidates,
        baseline=request.baseline,
    )
    if not found:
        raise UserError("no pipeline to compare")
    return Plan(request=request, asked=asked, metrics=metrics, systems=found)
