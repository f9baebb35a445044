"""A comparison, read and checked before anything is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components import paths
from components.errors import BadOption, UserError
from evals import extras
from evals.compare import rankings
from evals.compare.evaluate import asking, chosen
from evals.compare.ranking import Asked
from evals.compare.request import Request
from evals.experiment.live import served
from evals.experiment.systems import System, systems


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
    found = _systems(request)
    if not found:
        raise UserError("no pipeline to compare")
    if request.baseline and request.baseline not in [each.name for each in found]:
        raise BadOption(f"no system is called {request.baseline!r}").at(
            where="--baseline", hint=", ".join(each.name for each in found)
        )
    return Plan(request=request, asked=asked, metrics=metrics, systems=found)


def _systems(request: Request) -> list[System]:
    if request.live:
        return served(request.live, request.candidates, request.overrides)
    return systems(request.files, request.overrides, request.data, paths.named(request.home))
