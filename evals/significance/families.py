"""What families of comparisons say where the truth is known: how often wrongly, how often rightly.

Each comparison of a family has questions of its own, drawn from one population of differences that
is moved to the difference which holds in truth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evals.significance.correction import holm
from evals.significance.paired import Array, reach
from evals.significance.rules import Rules
from evals.significance.verdict import Verdict, verdict

_COLUMNS = 900
"""Comparisons that share resamples."""
Verdicts = Sequence[Verdict]
"""Of one family, in the order of its truths."""


@dataclass(frozen=True)
class Shares:
    """Of the simulated families."""

    passed: float
    """With a `no_worse`, or a `better`, of what is worse by the margin or more."""
    wrong: float
    """With a verdict that is not true: besides these a `better` of what is not better, and a
    `worse` of what is not worse.
    """
    told: Mapping[Verdict, float]
    """Shares of all comparisons by verdict."""
    uncorrected: float
    """With a comparison whose own interval lies above -margin, though it is worse by the margin or
    more: what `passed` would be if intervals were not corrected.
    """


def families(
    population: Array, truths: Sequence[float], questions: int, count: int, rules: Rules
) -> Shares:
    """Compare at least `count` families.

    `population`: (n,), per-question differences, of which only the shape counts. `truths`: the true
    difference of each comparison of a family. Raises MissingExtra.
    """
    truth, told = np.array(truths), Counter[Verdict]()
    done = passed = wrong = uncorrected = 0
    for verdicts, alone in _said(population - population.mean(), truth, questions, count, rules):
        lost = truth <= -rules.margin
        low = np.array([each in ("better", "no_worse") for each in verdicts])
        better = np.array([each == "better" for each in verdicts])
        worse = np.array([each == "worse" for each in verdicts])
        passed += bool((low & lost).any())
        wrong += bool(((low & lost) | (better & (truth <= 0)) | (worse & (truth >= 0))).any())
        uncorrected += bool((alone & lost).any())
        told.update(verdicts)
        done += 1
    said = {each: told[each] / told.total() for each in sorted(told)}
    return Shares(passed / done, wrong / done, said, uncorrected / done)


def _said(
    centred: Array, truth: Array, questions: int, count: int, rules: Rules
) -> Iterator[tuple[Verdicts, NDArray[np.bool_]]]:
    """Of each family the verdicts, and which own intervals lie above -margin."""
    random = np.random.default_rng(rules.seed)
    size = len(truth)
    batch = min(count, max(1, _COLUMNS // size))
    for _ in range(-(-count // batch)):
        drawn = random.choice(centred, (questions, batch * size)) + np.tile(truth, batch)
        means = drawn.mean(axis=0)
        found = reach(
            drawn, rules.test, rules.resamples, int(random.integers(2**31)), (0.0, -rules.margin)
        )
        p, p_of_loss = found.p(0.0), found.p_of_less(-rules.margin, means)
        for at in range(0, batch * size, size):
            own = slice(at, at + size)
            yield (
                _judged(means[own], p[own], p_of_loss[own], questions, rules),
                (p_of_loss[own] < rules.alpha),
            )


def _judged(means: Array, p: Array, p_of_loss: Array, questions: int, rules: Rules) -> Verdicts:
    """As `compare` does."""
    corrected = zip(means, holm(p.tolist()), holm(p_of_loss.tolist()), strict=True)
    return [
        verdict(
            difference=float(mean),
            p_corrected=none,
            p_of_loss=loss,
            questions=questions,
            alpha=rules.alpha,
        )
        for mean, none, loss in corrected
    ]
