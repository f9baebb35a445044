"""Questions side by side, as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch

from components.retrievers.evidence import KINDS
from evals.datasets.judged import BadData
from evals.fusion.gathered import Question

_TOP = 10
Sets = Mapping[str, Sequence[Sequence[Question]]]
"""Questions by family and set: sets of one family have documents in common."""
Bars = Mapping[str, Sequence[float]]
"""By family and set what no weights should fall below: nDCG@10 of the best simple order."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Questions of which something relevant was found, padded to the most hits of one."""

    kinds: torch.Tensor
    """(questions, hits, kinds)"""
    late: torch.Tensor
    """(questions, hits)"""
    there: torch.Tensor
    """(questions, hits) Whether it is a hit."""
    units: torch.Tensor
    """(questions, hits) Which unit each stands for; several together count as one."""
    gains: torch.Tensor
    """(questions, units)"""
    ideal: torch.Tensor
    """(questions,) The largest DCG@10."""
    spread: torch.Tensor
    """(questions,)"""
    weight: torch.Tensor
    """(questions,) Every family has the same, in it every set, in that every question; sums to
    1.
    """
    share: torch.Tensor
    """(sets, questions) Of each question in its set's mean."""
    bars: torch.Tensor
    """(sets,)"""


def batch(sets: Sets, bars: Bars | None = None) -> Batch:
    """Of all sets. Raises BadData where nothing relevant was found of any question."""
    known = bars or {family: [0.0] * len(each) for family, each in sets.items()}
    found = {family: _answered(each, known[family]) for family, each in sets.items()}
    families = [each for each in found.values() if each]
    if not families:
        raise BadData("nothing relevant was found of any question")
    rows: list[Question] = []
    weight: list[float] = []
    for family in families:
        for questions, _ in family:
            rows += questions
            weight += [1 / (len(families) * len(family) * len(questions))] * len(questions)
    counts = [len(questions) for family in families for questions, _ in family]
    share = np.zeros((len(counts), len(rows)), np.float32)
    for at, (count, end) in enumerate(zip(counts, accumulate(counts), strict=True)):
        share[at, end - count : end] = 1 / count
    size = len(rows), max(len(of.units) for of in rows)
    kinds = np.zeros((*size, len(KINDS)), np.float32)
    late, gains = np.zeros(size, np.float32), np.zeros(size, np.float32)
    there, units = np.zeros(size, np.bool_), np.zeros(size, np.int64)
    for at, of in enumerate(rows):
        hits = slice(0, len(of.units))
        kinds[at, hits], there[at, hits] = of.kinds, True
        late[at, hits] = of.late
        places: dict[Any, int] = {}
        units[at, hits] = [places.setdefault(tuple(own), len(places)) for own in of.units]
        gains[at, units[at, hits]] = _gains(of)
    return Batch(
        kinds=torch.from_numpy(kinds),
        late=torch.from_numpy(late),
        there=torch.from_numpy(there),
        units=torch.from_numpy(units),
        gains=torch.from_numpy(gains),
        ideal=torch.tensor([_ideal(of) for of in rows]),
        spread=torch.tensor([of.spread for of in rows]),
        weight=torch.tensor(weight),
        share=torch.from_numpy(share),
        bars=torch.tensor([bar for family in families for _, bar in family]),
    )


def _answered(
    sets: Sequence[Sequence[Question]], bars: Sequence[float]
) -> list[tuple[list[Question], float]]:
    """Without questions, and sets, that have nothing to put first; what the bar is for the rest."""
    found = []
    for questions, bar in zip(sets, bars, strict=True):
        if kept := [of for of in questions if any(_gains(of))]:
            found.append((kept, bar * len(questions) / len(kept)))
    return found


def _gains(of: Question) -> list[int]:
    """Of each hit, that of the best of its units."""
    return [max((max(0, of.judged.get(each, 0)) for each in own), default=0) for own in of.units]


def _ideal(of: Question) -> float:
    best = sorted((grade for grade in of.judged.values() if grade > 0), reverse=True)[:_TOP]
    return float(sum(grade / np.log2(2 + place) for place, grade in enumerate(best)))
