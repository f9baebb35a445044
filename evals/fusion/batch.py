"""Questions side by side, as tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.rnn import pad_sequence

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
    found = [
        _answered(each, bars[family] if bars else [0.0] * len(each))
        for family, each in sets.items()
    ]
    families = [each for each in found if each]
    if not families:
        raise BadData("nothing relevant was found of any question")
    answered = [each for family in families for each in family]
    rows = [of for questions, _ in answered for of in questions]
    shares = [torch.full((1, len(own)), 1 / len(own)) for own, _ in answered]
    share: torch.Tensor = torch.block_diag(*shares)  # type: ignore[no-untyped-call]
    of_sets = [1 / (len(families) * len(family)) for family in families for _ in family]
    placed = [_placed(of) for of in rows]
    return Batch(
        kinds=_padded(of.kinds for of in rows),
        late=_padded(of.late for of in rows),
        there=_padded(np.ones(len(of.units), np.bool_) for of in rows),
        units=_padded(units for units, _ in placed),
        gains=_padded(gains for _, gains in placed),
        ideal=torch.tensor([_ideal(of) for of in rows]),
        spread=torch.tensor([of.spread for of in rows]),
        weight=torch.tensor(of_sets) @ share,
        share=share,
        bars=torch.tensor([bar for _, bar in answered]),
    )


def _padded(rows: Iterable[NDArray[Any]]) -> torch.Tensor:
    return pad_sequence([torch.from_numpy(each) for each in rows], batch_first=True)


def _placed(of: Question) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Which unit each hit stands for, and the gains of units; as many of both, the rest is 0."""
    places: dict[Any, int] = {}
    units = np.array([places.setdefault(tuple(own), len(places)) for own in of.units], np.int64)
    gains = np.zeros(len(units), np.float32)
    gains[units] = _gains(of)
    return units, gains


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
