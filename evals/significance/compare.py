"""Comparisons of systems over the same questions, corrected as one family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from components.errors import BadOption
from evals.significance.comparison import Comparison
from evals.significance.correction import holm
from evals.significance.paired import Array, Estimate, estimate
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
    differences = [pair.checked().differences for pair in pairs]
    suited = [_suited(rules, len(each)) for each in differences]
    estimates = [_estimate(*each) for each in zip(differences, suited, strict=True)]
    corrected = holm([float(each.p[0]) for each in estimates])
    return [
        _compared(*each[:-1], len(pairs), each[-1])
        for each in zip(pairs, differences, estimates, corrected, suited, strict=True)
    ]


def _suited(rules: Rules, questions: int) -> Rules:
    """Few questions are compared exactly: of six wins of six, resamples know no spread."""
    countable = 2**questions <= rules.resamples
    return replace(rules, test="randomisation") if countable else rules


def _estimate(differences: Array, rules: Rules) -> Estimate:
    return estimate(differences[:, None], rules.test, rules.resamples, rules.seed, rules.alpha)


def _compared(
    pair: Pair, differences: Array, found: Estimate, p_corrected: float, family: int, rules: Rules
) -> Comparison:
    count, mean, low = len(differences), float(differences.mean()), float(found.low[0])
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
        ci_low=low,
        ci_high=float(found.high[0]),
        p=float(found.p[0]),
        p_corrected=p_corrected,
        comparisons=family,
        effect_size=mean / deviation if deviation else None,
        minimal_detectable_difference=detectable,
        questions_needed=needed,
        wins=int((differences > 0).sum()),
        losses=int((differences < 0).sum()),
        ties=int((differences == 0).sum()),
        verdict=verdict(
            difference=mean,
            low=low,
            p_corrected=p_corrected,
            questions=count,
            alpha=rules.alpha,
            margin=rules.margin,
        ),
        rules=rules,
        per_query=pair.per_query,
    )


def _deviation(differences: Array) -> float | None:
    """None where there is none to see: one question, or one difference everywhere."""
    if len(differences) < 2 or np.ptp(differences) <= 1e-12 * np.abs(differences).max():
        return None
    return float(differences.std(ddof=1))
