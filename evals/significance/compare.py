"""Comparisons of systems over the same questions, corrected as one family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from components.errors import BadOption
from evals.significance.comparison import Comparison
from evals.significance.correction import holm, levels
from evals.significance.paired import Array, Reach, reach
from evals.significance.pairing import Pair
from evals.significance.power import minimal_detectable_difference, questions_needed
from evals.significance.rules import Rules
from evals.significance.verdict import FEWEST, verdict


def compare(pairs: Sequence[Pair], rules: Rules | None = None) -> list[Comparison]:
    """All comparisons of one question, in the order given: the family that p is corrected over.

    Raises UserError where the two sides of a pair have different questions, none, or a value that
    is not a finite number; BadOption where the resamples are too few for a corrected p below alpha;
    MissingExtra.
    """
    rules = rules or Rules()
    fewest = len(pairs) / rules.alpha
    if rules.resamples < fewest:
        raise BadOption(
            f"{rules.resamples} resamples are too few to correct for {len(pairs)} comparisons"
        ).at(hint=f"take {fewest:.0f} or more")
    found = [_tested(pair, rules) for pair in pairs]
    none = _corrected([each.p for each in found], rules.alpha)
    loss = _corrected([each.p_of_loss for each in found], rules.alpha)
    return [_compared(*each, len(pairs)) for each in zip(found, none, loss, strict=True)]


@dataclass(frozen=True)
class _Tested:
    """One comparison by itself."""

    pair: Pair
    differences: Array
    reach: Reach
    rules: Rules
    p: float
    """Of no difference."""
    p_of_loss: float
    """Of a loss of the margin or more."""


@dataclass(frozen=True)
class _Corrected:
    """A p as one of a family."""

    p: float
    level: float
    """That Holm leaves to it: the p that is not corrected is below this exactly where `p` is below
    alpha.
    """


def _tested(pair: Pair, rules: Rules) -> _Tested:
    differences = pair.checked().differences
    suited = _suited(rules, len(differences))
    found = reach(
        differences[:, None], suited.test, suited.resamples, suited.seed, (0.0, -rules.margin)
    )
    return _Tested(
        pair=pair,
        differences=differences,
        reach=found,
        rules=suited,
        p=float(found.p(0.0)[0]),
        p_of_loss=float(found.p_of_less(-rules.margin, differences.mean(keepdims=True))[0]),
    )


def _suited(rules: Rules, questions: int) -> Rules:
    """Few questions are compared exactly: of six wins of six, resamples know no spread."""
    countable = 2**questions <= rules.resamples
    return replace(rules, test="randomisation") if countable else rules


def _corrected(values: Sequence[float], alpha: float) -> list[_Corrected]:
    return [_Corrected(*each) for each in zip(holm(values), levels(values, alpha), strict=True)]


def _compared(tested: _Tested, none: _Corrected, loss: _Corrected, family: int) -> Comparison:
    pair, differences, rules = tested.pair, tested.differences, tested.rules
    count, mean = len(differences), float(differences.mean())
    (low,), (high,) = tested.reach.interval(rules.alpha)
    (low_of_family,), _ = tested.reach.interval(loss.level)
    _, (high_of_family,) = tested.reach.interval(none.level)
    deviation = _deviation(differences)
    level = rules.alpha / family
    detectable = needed = None
    if deviation:
        detectable = minimal_detectable_difference(deviation, count, level, rules.power)
        needed = max(FEWEST, questions_needed(deviation, rules.margin, level, rules.power))
    return Comparison(
        a=pair.a,
        b=pair.b,
        metric=pair.metric,
        difference=mean,
        ci_low=float(low),
        ci_high=float(high),
        holm_low=float(low_of_family),
        holm_high=float(high_of_family),
        p=tested.p,
        p_corrected=none.p,
        comparisons=family,
        effect_size=mean / deviation if deviation else None,
        minimal_detectable_difference=detectable,
        questions_needed=needed,
        wins=int((differences > 0).sum()),
        losses=int((differences < 0).sum()),
        ties=int((differences == 0).sum()),
        verdict=verdict(
            difference=mean,
            p_corrected=none.p,
            p_of_loss=loss.p,
            questions=count,
            alpha=rules.alpha,
        ),
        rules=rules,
        per_query=pair.per_query,
    )


def _deviation(differences: Array) -> float | None:
    """None where there is none to see: one question, or one difference everywhere."""
    if len(differences) < 2 or np.ptp(differences) <= 1e-12 * np.abs(differences).max():
        return None
    return float(differences.std(ddof=1))
