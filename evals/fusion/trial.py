"""Weights on sets that they were not fitted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from components.errors import BadOption, MillraceError, line
from components.retrievers.evidence import KINDS
from components.retrievers.weights import Weights
from components.values import Matrix
from evals import extras
from evals.datasets import catalogue
from evals.datasets.judged import Unit
from evals.datasets.sampling import sampled
from evals.defaults.sets import Entry
from evals.defaults.table import SYSTEMS
from evals.experiment import indexes
from evals.experiment.chosen import systems
from evals.experiment.systems import System
from evals.fusion.fit import fit
from evals.fusion.gathered import Question, gathered
from evals.fusion.orders import Order, reranked, values, weighed
from evals.fusion.written import rounded

SYSTEM = SYSTEMS / "default-late.yaml"
_SHIPPED, _RERANKED = 0.5, 100
"""What late interaction had of the final score, and how many hits, before it was fitted."""
_FEWEST = 2


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A set with its questions."""

    name: str
    family: str
    unit: Unit
    questions: Sequence[Question]
    depth: int
    """Hits that are reranked."""

    @cached_property
    def lists(self) -> Mapping[str, float]:
        """nDCG@10 of the lists that the evidence is from, and of simple orders of all hits."""
        return _lists(self)

    @property
    def late(self) -> bool:
        """Whether the index has states for late interaction."""
        return not any(np.isnan(each.late).any() for each in self.questions)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A set, measured."""

    name: str
    unit: str
    questions: int
    means: Mapping[str, float]
    """nDCG@10 by column; absent where it does not suit the set."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What was found."""

    rows: Sequence[Row]
    weights: Mapping[str, Weights]
    """Fitted on all sets; by what they are without."""
    failed: Mapping[str, str]
    """Sets that could not be asked, with the reason."""

    def mean(self, column: str) -> float | None:
        """Over sets; None where it is not there for all."""
        found = [row.means.get(column) for row in self.rows]
        known = [each for each in found if each is not None]
        return fmean(known) if known and len(known) == len(found) else None

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys(name for row in self.rows for name in row.means))

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "schema": 1,
            "sets": [
                {
                    "name": row.name,
                    "unit": row.unit,
                    "questions": row.questions,
                    "means": dict(row.means),
                }
                for row in self.rows
            ],
            "means": {name: self.mean(name) for name in self.columns},
            "weights": {name: told(each) for name, each in self.weights.items()},
            "failed": dict(self.failed),
        }


def told(weights: Weights) -> dict[str, Any]:
    """As `weights.toml` has them."""
    return {
        "chunk": dict(zip(KINDS, weights.chunk.tolist(), strict=True)),
        "document": dict(zip(KINDS, weights.document.tolist(), strict=True)),
        "turn": {"middle": weights.middle, "width": weights.width},
        "reranking": {"share": weights.share},
    }


def ask(
    entries: Sequence[Entry],
    *,
    home: Path,
    questions: int,
    seed: int,
    overrides: Sequence[str] = (),
    begun: Callable[[str], None] = lambda name: None,
) -> tuple[list[Asked], dict[str, str]]:
    """The sets, and those that could not be asked with the reason; indexes are built where they are
    not there. `overrides` of the system's stages. Raises MissingExtra.
    """
    extras.check("fitting needs")
    found, failed = [], {}
    for entry in entries:
        begun(entry.name)
        try:
            data = sampled(catalogue.load(entry.data, entry.split), questions, seed)
            (system,) = systems([SYSTEM], overrides, data, home)
            if indexes.known(system) is None:
                indexes.build(system)
            made = gathered(system, data, scoped=entry.scoped, home=home)
        except MillraceError as error:
            failed[entry.name] = line(str(error), error.where, error.hint)
            continue
        found.append(
            Asked(
                name=entry.name,
                family=_family(entry),
                unit=data.unit,
                questions=made,
                depth=_depth(system),
            )
        )
    return found, failed


def fitted_trial(
    sets: Sequence[Asked], failed: Mapping[str, str], without: Sequence[str] = ()
) -> Trial:
    """Weights of all sets on each, and of those of other families on each; the same for each of
    what is left out. Raises BadOption where there is one family alone.
    """
    if len({each.family for each in sets}) < _FEWEST:
        raise BadOption("weights are judged on documents that they were not fitted on").at(
            where="--only", hint="name sets of two corpora at least"
        )
    columns: list[dict[str, float]] = [dict(each.lists) for each in sets]
    weights: dict[str, Weights] = {}
    for left_out in ("", *without):
        own = [left_out] if left_out else []
        weights[left_out] = fit(_families(sets), own, _bars(sets))
        unseen = {
            family: fit(_families(sets, but=family), own, _bars(sets, but=family))
            for family in dict.fromkeys(each.family for each in sets)
        }
        tag = f"without {left_out}" if left_out else "fitted"
        for found, each in zip(columns, sets, strict=True):
            found |= _weighed(each, unseen[each.family], tag)
            if not left_out:
                found |= _weighed(each, rounded(weights[left_out]), "in-sample")
    return Trial(rows=_rows(sets, columns), weights=weights, failed=failed)


def fixed_trial(sets: Sequence[Asked], failed: Mapping[str, str], weights: Weights) -> Trial:
    """Weights that were fitted elsewhere."""
    columns = [{**each.lists, **_weighed(each, weights, "fitted")} for each in sets]
    return Trial(rows=_rows(sets, columns), weights={"": weights}, failed=failed)


def _depth(system: System) -> int:
    stages = system.pipeline.stages
    return min(int(stages[each].options["depth"]) for each in ("retriever", "reranker"))


def _family(entry: Entry) -> str:
    return entry.data.removeprefix("known:").partition("?")[0]


def _families(sets: Sequence[Asked], but: str = "") -> dict[str, list[Sequence[Question]]]:
    found: dict[str, list[Sequence[Question]]] = {}
    for each in sets:
        if each.family != but:
            found.setdefault(each.family, []).append(each.questions)
    return found


def _bars(sets: Sequence[Asked], but: str = "") -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for each in sets:
        if each.family != but:
            found.setdefault(each.family, []).append(max(each.lists.values()))
    return found


def _rows(sets: Sequence[Asked], columns: Sequence[Mapping[str, float]]) -> list[Row]:
    return [
        Row(name=each.name, unit=each.unit, questions=len(each.questions), means=own)
        for each, own in zip(sets, columns, strict=True)
    ]


def _lists(of: Asked) -> dict[str, float]:
    """What the lists are worth that the evidence is from."""
    orders: dict[str, Order] = {"words": lambda of: of.words, "meaning": lambda of: of.meaning}
    if of.unit == "document":
        orders["document words"] = _document_words
    found = {name: _mean(of, order) for name, order in orders.items()}
    found["best list"] = max(found.values())
    found["rrf"] = _mean(of, _ranks)
    if of.late:
        found["rrf, late"] = _mean(of, reranked(_ranks, lambda _: _SHIPPED, _RERANKED))
    return found


def _weighed(of: Asked, weights: Weights, tag: str) -> dict[str, float]:
    first = weighed(weights)
    found = {tag: _mean(of, first)}
    if of.late:
        late = reranked(first, lambda each: weights.reranked(each.spread), of.depth)
        found[f"{tag}, late"] = _mean(of, late)
    return found


def _ranks(of: Question) -> Matrix:
    return of.ranks


def _document_words(of: Question) -> Matrix:
    column = of.kinds[:, KINDS.index("document_words")]
    return np.where(column > 0, column, np.float32(np.nan))


def _mean(of: Asked, order: Order) -> float:
    return fmean(values(of.questions, order).values())
