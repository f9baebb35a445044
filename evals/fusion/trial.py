"""Weights on sets that they were not fitted on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from components.errors import BadOption
from components.retrievers.evidence import KINDS
from components.retrievers.weights import Weights
from components.values import Matrix
from evals import extras
from evals.datasets import catalogue
from evals.datasets.judged import Unit
from evals.defaults.sets import Entry, of_each
from evals.defaults.table import SYSTEMS, mean
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
        orders: dict[str, Order] = {"words": lambda of: of.words, "meaning": lambda of: of.meaning}
        if self.unit == "document":
            orders["document words"] = _document_words
        found = {name: self.mean(order) for name, order in orders.items()}
        found["best list"] = max(found.values())
        found["rrf"] = self.mean(_ranks)
        if self.late:
            found["rrf, late"] = self.mean(reranked(_ranks, lambda _: _SHIPPED, _RERANKED))
        return found

    def weighed(self, weights: Weights, tag: str) -> dict[str, float]:
        """nDCG@10 by these weights, and where it has states with late interaction."""
        first = weighed(weights)
        found = {tag: self.mean(first)}
        if self.late:
            late = reranked(first, lambda each: weights.reranked(each.spread), self.depth)
            found[f"{tag}, late"] = self.mean(late)
        return found

    def mean(self, order: Order) -> float:
        return fmean(values(self.questions, order).values())

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
        return mean([row.means for row in self.rows], column)

    @property
    def columns(self) -> list[str]:
        return list(dict.fromkeys(name for row in self.rows for name in row.means))

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "schema": 1,
            "sets": [asdict(row) for row in self.rows],
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

    def asked(entry: Entry) -> Asked:
        data = catalogue.load(entry.data, entry.split).sampled(questions, seed)
        (system,) = systems([SYSTEM], overrides, data, home)
        if indexes.known(system) is None:
            indexes.build(system)
        return Asked(
            name=entry.name,
            family=entry.data.removeprefix("known:").partition("?")[0],
            unit=data.unit,
            questions=gathered(system, data, scoped=entry.scoped, home=home),
            depth=_depth(system),
        )

    return of_each(entries, begun, asked)


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
        weights[left_out] = _fit(sets, own)
        families = dict.fromkeys(each.family for each in sets)
        unseen = {family: _fit(sets, own, but=family) for family in families}
        tag = f"without {left_out}" if left_out else "fitted"
        for found, each in zip(columns, sets, strict=True):
            found |= each.weighed(unseen[each.family], tag)
            if not left_out:
                found |= each.weighed(rounded(weights[left_out]), "in-sample")
    return Trial(rows=_rows(sets, columns), weights=weights, failed=failed)


def fixed_trial(sets: Sequence[Asked], failed: Mapping[str, str], weights: Weights) -> Trial:
    """Weights that were fitted elsewhere."""
    columns = [{**each.lists, **each.weighed(weights, "fitted")} for each in sets]
    return Trial(rows=_rows(sets, columns), weights={"": weights}, failed=failed)


def _depth(system: System) -> int:
    stages = system.pipeline.stages
    return min(int(stages[each].options["depth"]) for each in ("retriever", "reranker"))


def _fit(sets: Sequence[Asked], without: Collection[str], but: str = "") -> Weights:
    """Of all families `but` one."""
    families: dict[str, list[Sequence[Question]]] = {}
    bars: dict[str, list[float]] = {}
    for each in sets:
        if each.family != but:
            families.setdefault(each.family, []).append(each.questions)
            bars.setdefault(each.family, []).append(max(each.lists.values()))
    return fit(families, without, bars)


def _rows(sets: Sequence[Asked], columns: Sequence[Mapping[str, float]]) -> list[Row]:
    return [
        Row(name=each.name, unit=each.unit, questions=len(each.questions), means=own)
        for each, own in zip(sets, columns, strict=True)
    ]


def _ranks(of: Question) -> Matrix:
    return of.ranks


def _document_words(of: Question) -> Matrix:
    column = of.kinds[:, KINDS.index("document_words")]
    return np.where(column > 0, column, np.float32(np.nan))
