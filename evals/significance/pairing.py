"""The values of two systems, question by question."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from components.errors import UserError
from evals.significance.paired import Array

_NAMED = 5
"""Ids that a message lists before it only counts."""
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Pair:
    """Two systems to compare, A the baseline: question to value of each, for the same questions."""

    a: str
    b: str
    metric: str
    values_a: Mapping[str, float]
    values_b: Mapping[str, float]

    def checked(self) -> Pair:
        """This pair. Raises UserError: no question, other questions, a value that is not finite."""
        if not self.values_a and not self.values_b:
            raise UserError("no questions to compare").at(where=self.metric)
        _refuse_missing(self.a, self.values_b.keys() - self.values_a.keys(), self.metric)
        _refuse_missing(self.b, self.values_a.keys() - self.values_b.keys(), self.metric)
        for name, values in ((self.a, self.values_a), (self.b, self.values_b)):
            bad = [id for id, value in values.items() if not np.isfinite(value)]
            if bad:
                raise UserError(f"{name!r} has no finite value for {_listed(bad)}").at(
                    where=self.metric, hint="leave out for both what could not be measured"
                )
        return self

    @property
    def per_query(self) -> dict[str, tuple[float, float]]:
        """Question to the values of a and b, ordered by id: results depend on no other order."""
        return {id: (self.values_a[id], self.values_b[id]) for id in sorted(self.values_a)}

    @property
    def differences(self) -> Array:
        """B minus a, in the order of `per_query`; 0 where only rounding differs."""
        values = np.array(list(self.per_query.values()), dtype=np.float64)
        found: Array = values[:, 1] - values[:, 0]
        found[np.abs(found) <= _ROUNDING * np.abs(values).max()] = 0.0
        return found


def _refuse_missing(name: str, missing: Collection[str], metric: str) -> None:
    if missing:
        raise UserError(f"{name!r} lacks {_listed(missing)}").at(
            where=metric, hint="both systems need a value for every question; 0 is one"
        )


def _listed(ids: Collection[str]) -> str:
    shown = ", ".join(sorted(ids)[:_NAMED])
    more = len(ids) - _NAMED
    return f"{len(ids)} question{'s' * (len(ids) > 1)}: {shown}{f' and {more} more' * (more > 0)}"
