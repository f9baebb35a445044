"""How far a judge agrees with itself when it is asked again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import numpy as np

from evals import extras
from evals.judging.judgement import CLASSES, Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfAgreement:
    """Of answers that were asked about several times."""

    answers: int
    """With two measured repeats or more: `unanimous` is over these."""
    unanimous: float
    """Share whose measured repeats all say the same; NaN where there are none."""
    whole: int
    """Answers whose every repeat is measured: `kappa` is over these, which needs equal numbers."""
    kappa: float
    """Fleiss' kappa; NaN where there are none, or all repeats say one and the same."""
    left_out: int
    """Answers with fewer than two measured repeats, such as empty ones that nobody was asked about.
    """
    unmeasured: int
    """Repeats that gave no verdict, over all answers."""

    def to_json(self) -> dict[str, Any]:
        """For json.dumps: null for NaN."""
        return {
            "answers": self.answers,
            "unanimous": None if isnan(self.unanimous) else self.unanimous,
            "whole": self.whole,
            "kappa": None if isnan(self.kappa) else self.kappa,
            "left_out": self.left_out,
            "unmeasured": self.unmeasured,
        }


def self_agreement(repeats: Iterable[Sequence[Judgement]]) -> SelfAgreement:
    """Of each answer's repeats, which were asked for equally often. Repeats of one answer, as where
    the judge asks once, tell nothing: all such answers are left out. Raises MissingExtra.
    """
    asked = [(len(each), _counts(each)) for each in repeats]
    twice = [(times, counts) for times, counts in asked if counts.sum() > 1]
    most = max((times for times, _ in asked), default=0)
    whole = [counts for _, counts in twice if counts.sum() == most]
    return SelfAgreement(
        answers=len(twice),
        unanimous=sum(counts.max() == counts.sum() for _, counts in twice) / len(twice)
        if twice
        else nan,
        whole=len(whole),
        kappa=_kappa(whole),
        left_out=len(asked) - len(twice),
        unmeasured=sum(times - int(counts.sum()) for times, counts in asked),
    )


def _counts(repeats: Sequence[Judgement]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(classes,)"""
    return np.array([sum(each.verdict == known for each in repeats) for known in CLASSES])


def _kappa(tables: Sequence[np.ndarray[Any, np.dtype[np.int64]]]) -> float:
    if not tables or np.count_nonzero(np.sum(tables, axis=0)) < 2:
        return nan  # chance agrees always
    with extras.needed("kappa needs"):
        from statsmodels.stats.inter_rater import fleiss_kappa
    return float(fleiss_kappa(np.stack(tables)))
