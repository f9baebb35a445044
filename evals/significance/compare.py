"""Comparisons of systems over the same questions, corrected as one family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from components.errors import BadOption
from evals.significance.comparison import Comparison
from evals.significance.paired import Array, Reach, reach
from evals.significance.pairing import Pair
from evals.significance.power import minimal_detectable_difference, questions_needed
from evals.significance.rules import Rules
from evals.significance.verdict import FEWEST, Verdict, holm, levels, verdicts


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
    found = [_tested(pair, rules, len(pairs)) for pair in pairs]
    p, p_of_loss = [each.p for each in found], [each.p_of_loss for each in found]
    sizes = [len(each.differences) for each in found]
    said = verdicts([each.mean for each in found], p, p_of_loss, sizes, rules.alpha)
    corrected = zip(holm(p), levels(p, rules.alpha), levels(p_of_loss, rules.alpha), strict=True)
    return [_compared(*each) for each in zip(found, corrected, said, strict=True)]


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
    family: int
    """Comparisons."""

    @property
    def mean(self) -> float:
        return float(self.differences.mean())


def _tested(pair: Pair, rules: Rules, family: int) -> _Tested:
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
        family=family,
    )


def _suited(rules: Rules, questions: int) -> Rules:
    """Few questions are compared exactly: of six wins of six, resamples know no spread."""
    countable = 2**questions <= rules.resamples
    return replace(rules, test="randomisation") if countable else rules


def _compared(tested: _Tested, corrected: tuple[float, float, float], said: Verdict) -> Comparison:
    """`corrected`: its p as one of a family, and the levels that Holm leaves to its tests of no
    difference and of a loss. A p is below its level exactly where it is refuted.
    """
    pair, differences, rules = tested.pair, tested.differences, tested.rules
    p_corrected, level_of_none, level_of_loss = corrected
    (low,), (high,) = tested.reach.interval(rules.alpha)
    (low_of_family,), _ = tested.reach.interval(level_of_loss)
    _, (high_of_family,) = tested.reach.interval(level_of_none)
    deviation = _deviation(differences)
    detectable = needed = None
    if deviation:
        level = rules.alpha / tested.family
        detectable = minimal_detectable_difference(deviation, len(differences), level, rules.power)
        needed = max(FEWEST, questions_needed(deviation, rules.margin, level, rules.power))
    return Comparison(
        a=pair.a,
        b=pair.b,
        metric=pair.metric,
        difference=tested.mean,
        ci_low=float(low),
        ci_high=float(high),
        holm_low=float(low_of_family),
        holm_high=float(high_of_family),
        p=tested.p,
        p_corrected=p_corrected,
        comparisons=tested.family,
        effect_size=tested.mean / deviation if deviation else None,
        minimal_detectable_difference=detectable,
        questions_needed=needed,
        wins=int((differences > 0).sum()),
        losses=int((differences < 0).sum()),
        ties=int((differences == 0).sum()),
        verdict=said,
        rules=rules,
        per_query=pair.per_query,
    )


def _deviation(differences: Array) -> float | None:
    """None where there is none to see: one question, or one difference everywhere."""
    if len(differences) < 2 or np.ptp(differences) <= 1e-12 * np.abs(differences).max():
        return None
    return float(differences.std(ddof=1))
