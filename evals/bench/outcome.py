"""All that a benchmark found, with every single reading."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.bench.estimate import Estimate
from evals.bench.memory import Alone
from evals.bench.rounds import Measured


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Contenders by name; those that could not take part are in `missing` only."""

    at: str
    machine: Mapping[str, Any]
    texts: Mapping[str, Any]
    estimate: Estimate
    limits: Mapping[str, Sequence[float]]
    """Operations per second of plain matrix products, by type and round."""
    rounds: Mapping[str, Sequence[Measured]]
    alone: Mapping[str, Alone]
    """Each once in a process of its own: for the memory."""
    whole: Mapping[str, Alone]
    """By `contender set`."""
    left_out: Sequence[str]
    """Runs over whole sets for which there was no time."""
    missing: Mapping[str, str]
    """Why a contender has no figures."""
    seconds: float

    def rate(self, name: str) -> float | None:
        """Median of document tokens per second; None without figures."""
        found = self.rounds.get(name)
        return statistics.median(each.rate for each in found) if found else None

    def share(self, name: str) -> float | None:
        """Median share of the limit; None without figures."""
        shares = [each.share for each in self.rounds.get(name, ()) if each.share is not None]
        return statistics.median(shares) if shares else None

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "schema": 1,
            "at": self.at,
            "machine": self.machine,
            "texts": self.texts,
            "seconds": self.seconds,
            "estimate": self.estimate.to_json(),
            "matmul_operations_per_second": self.limits,
            "contenders": {name: self._contender(name) for name in self.rounds},
            "whole": {name: _alone(each) for name, each in self.whole.items()},
            "left_out": self.left_out,
            "missing": self.missing,
        }

    def _contender(self, name: str) -> dict[str, Any]:
        alone = self.alone.get(name)
        return {
            "tokens_per_second": self.rate(name),
            "share": self.share(name),
            "rounds": [each.to_json() for each in self.rounds[name]],
            "alone": _alone(alone) if alone else None,
        }


def _alone(found: Alone) -> dict[str, Any]:
    return {"peak_bytes": found.peak, "process_seconds": found.seconds, **found.result}
