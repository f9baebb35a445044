"""The tests against exact enumeration and scipy, and the laws of their intervals."""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from evals.significance.paired import TESTS, Array, reach

ALPHA = 0.05
TEST = pytest.mark.parametrize("test", list(TESTS))
# Of a grid, as metrics are: ties and zeros are the rule.
VALUES = st.lists(st.integers(-4, 4).map(lambda each: each / 4), min_size=6, max_size=10)


class Estimate(NamedTuple):
    """Of each column of differences."""

    low: Array
    high: Array
    p: Array


def estimate(differences: Array, test: str, resamples: int, seed: int, alpha: float) -> Estimate:
    found = reach(differences, test, resamples, seed)
    return Estimate(*found.interval(alpha), found.p(0.0))


def one(
    values: Any, test: str, resamples: int = 2_000, seed: int = 1, alpha: float = ALPHA
) -> Estimate:
    return estimate(np.array(values, dtype=float)[:, None], test, resamples, seed, alpha)


def ends(found: Estimate) -> tuple[float, float, float]:
    return float(found.low[0]), float(found.high[0]), float(found.p[0])


def lopsided(count: int, seed: int = 0) -> Array:
    random = np.random.default_rng(seed)
    return np.where(random.random(count) < 0.6, 0.0, random.beta(1, 3, count) - 0.2)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_randomisation_is_exact_where_all_ways_can_be_counted(values: list[float]) -> None:
    expected = stats.permutation_test(
        (np.array(values),), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert one(values, "randomisation").p[0] == pytest.approx(expected.pvalue)


def test_randomisation_of_many_is_near_to_scipys() -> None:
    values = lopsided(200)
    expected = stats.permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=20_000,
        rng=np.random.default_rng(2),
    ).pvalue  # fmt: skip
    error = np.sqrt(expected * (1 - expected) * 2 / 20_000)
    assert one(values, "randomisation", 20_000).p[0] == pytest.approx(expected, abs=4 * error)


def test_by_hand() -> None:
    # Of 64 ways to set six signs only the two with equal signs are as far out.
    found = one([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "randomisation")
    assert ends(found)[2] == pytest.approx(2 / 64)
    # Alpha of 64 is 3.2: the ends are where four ways are as far out, and the smallest value is so.
    assert ends(found)[:2] == pytest.approx((0.1, 0.6))


def test_bootstrap_against_every_resample() -> None:
    values = np.array([0.5, 0.0, -0.2, 0.1])
    seen = abs(stats.ttest_1samp(values, 0).statistic)
    distances = []
    for picks in product(range(4), repeat=4):
        drawn = values[list(picks)]
        alike = np.ptp(drawn) == 0
        distances.append(np.inf if alike else abs(stats.ttest_1samp(drawn, values.mean())[0]))
    expected = np.mean(np.array(distances) >= seen - 1e-9)
    resamples = 40_000
    found = one(values, "bootstrap", resamples, alpha=0.2)
    error = np.sqrt(expected * (1 - expected) / resamples)
    assert found.p[0] == pytest.approx(expected, abs=4 * error)
    half = np.quantile(distances, 0.8) * values.std(ddof=1) / 2
    assert ends(found)[:2] == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)


@TEST
def test_of_many_even_values_it_is_the_t_test(test: str) -> None:
    values = np.random.default_rng(3).normal(0, 0.1, 400)
    values += 0.008 - values.mean()
    expected = stats.ttest_1samp(values, 0)
    low, high, p = ends(one(values, test, 20_000))
    assert p == pytest.approx(expected.pvalue, abs=0.01)
    assert (low, high) == pytest.approx(expected.confidence_interval(), abs=0.0005)


@TEST
@settings(max_examples=100, deadline=None)
@given(values=VALUES, alpha=st.sampled_from([0.01, 0.05, 0.1, 0.25]), resamples=st.just(300))
def test_interval_and_p_agree(test: str, values: list[float], alpha: float, resamples: int) -> None:
    low, high, p = ends(one(values, test, resamples, alpha=alpha))
    assert (low <= 0 <= high) == (p >= alpha)
    assert low <= np.mean(values) + 1e-12
    assert high >= np.mean(values) - 1e-12


@TEST
@settings(max_examples=60, deadline=None)
@given(values=VALUES, supposed=st.floats(-1, 1))
def test_the_interval_holds_the_differences_that_are_not_refuted(
    test: str, values: list[float], supposed: float
) -> None:
    low, high, _ = ends(one(values, test, 300))
    assume(min(abs(supposed - low), abs(supposed - high)) > 1e-6)
    moved = np.array(values) - supposed
    assert (low <= supposed <= high) == (ends(one(moved, test, 300))[2] >= ALPHA)


@TEST
@settings(max_examples=40, deadline=None)
@given(values=VALUES)
def test_swapped_systems_give_the_mirrored_interval(test: str, values: list[float]) -> None:
    low, high, p = ends(one(values, test, 300))
    assert ends(one([-each for each in values], test, 300)) == pytest.approx((-high, -low, p))


@TEST
def test_columns_are_tested_one_by_one(test: str) -> None:
    columns = np.stack([lopsided(50, seed) for seed in range(3)], axis=1)
    together = estimate(columns, test, 500, 7, ALPHA)
    for place, column in enumerate(columns.T):
        alone = one(column, test, 500, seed=7)
        found = (together.low[place], together.high[place], together.p[place])
        assert found == pytest.approx(ends(alone))


@TEST
def test_the_seed_decides(test: str) -> None:
    values = lopsided(100)
    assert ends(one(values, test, 200)) == ends(one(values, test, 200))
    assert ends(one(values, test, 200)) != ends(one(values, test, 200, seed=2))


@TEST
@pytest.mark.parametrize("count", [1, 2, 6, 61])
def test_systems_that_are_equal(test: str, count: int) -> None:
    assert ends(one([0.0] * count, test)) == (0.0, 0.0, 1.0)


@TEST
def test_one_question_bounds_nothing(test: str) -> None:
    assert ends(one([0.5], test)) == (-np.inf, np.inf, 1.0)


def test_one_difference_everywhere() -> None:
    assert ends(one([0.1] * 61, "bootstrap"))[:2] == pytest.approx((0.1, 0.1))
    assert ends(one([0.1] * 61, "randomisation"))[:2] == pytest.approx((0.1, 0.1))
    assert ends(one([0.1] * 5, "randomisation")) == (-np.inf, np.inf, 2 / 32)


def test_two_questions_that_differ_of_many_bound_nothing_by_bootstrap() -> None:
    # One in eight resamples has neither of them, so none of the spread.
    assert ends(one([0.0] * 59 + [0.5, 1.0], "bootstrap"))[:2] == (-np.inf, np.inf)


@TEST
def test_p_is_never_zero(test: str) -> None:
    values = np.random.default_rng(9).normal(0.5, 0.01, 100)
    assert one(values, test, 99).p[0] == pytest.approx(1 / 100)
