from __future__ import annotations

import json
import math
import sys
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from components.errors import BadOption, MissingExtra, UserError
from evals.significance import Comparison, Pair, Rules, compare

QUICK = Rules(resamples=1_000)


def pair(differences: Any, base: float = 0.5, b: str = "new") -> Pair:
    values = {f"q{number:04}": base + float(each) for number, each in enumerate(differences)}
    return Pair("old", b, "nDCG@10", dict.fromkeys(values, base), values)


def one(differences: Any, rules: Rules = QUICK) -> Comparison:
    return compare([pair(differences)], rules)[0]


def spread(mean: float, deviation: float, count: int) -> np.ndarray:
    values = np.random.default_rng(4).normal(0, 1, count)
    standard = (values - values.mean()) / values.std(ddof=1)
    moved: np.ndarray = mean + deviation * standard
    return moved


def test_a_is_the_baseline() -> None:
    found = one([0.2, 0.1, -0.1, 0.0, 0.3, 0.1, 0.2, 0.0])
    assert found.difference == pytest.approx(0.1)
    assert (found.wins, found.losses, found.ties) == (5, 1, 2)
    assert found.effect_size == pytest.approx(0.1 / math.sqrt(0.12 / 7))
    assert found.per_query["q0002"] == pytest.approx((0.5, 0.4))


@pytest.mark.parametrize(
    ("mean", "deviation", "count", "verdict"),
    [
        (0.05, 0.1, 300, "better"),
        (-0.05, 0.1, 300, "worse"),
        (0.002, 0.1, 300, "no_worse"),
        (-0.005, 0.1, 300, "no_worse"),
        (-0.005, 0.1, 20, "undecided"),
        (-0.025, 0.4, 300, "undecided"),
        (0.5, 0.01, 5, "undecided"),
    ],
)
def test_verdicts(mean: float, deviation: float, count: int, verdict: str) -> None:
    assert one(spread(mean, deviation, count)).verdict == verdict


def test_no_worse_depends_on_the_margin_and_the_intervals_lower_end() -> None:
    differences = spread(-0.005, 0.1, 300)
    low = one(differences).ci_low
    assert one(differences, Rules(resamples=1_000, margin=-low + 1e-6)).verdict == "no_worse"
    assert one(differences, Rules(resamples=1_000, margin=-low - 1e-6)).verdict == "undecided"


def test_few_questions_are_compared_exactly() -> None:
    """Six wins of six: one of the 64 ways to set their signs, and its mirror image."""
    found = one([1.0] * 6, Rules())
    assert found.p == pytest.approx(2 / 64)
    assert found.rules.test == "randomisation"
    assert one([1.0] * 14, Rules()).rules.test == "bootstrap"


def test_many_comparisons_are_corrected_together() -> None:
    rules = Rules(resamples=2_000)
    means = [0.0, 0.02, 0.014, 0.05]
    alone = [one(spread(mean, 0.1, 300), rules) for mean in means]
    family = compare([pair(spread(mean, 0.1, 300)) for mean in means], rules)
    assert [each.p for each in family] == [each.p for each in alone]
    # Holm: the smallest p times 4, the next times 3, ..., never falling, at most 1.
    order = np.argsort([each.p for each in alone])
    least = 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, alone[place].p * (4 - rank)))
        assert family[place].p_corrected == pytest.approx(least)
    assert [each.verdict for each in alone] == ["no_worse", "better", "better", "better"]
    assert [each.verdict for each in family] == ["no_worse", "better", "better", "better"]
    crowd = compare([pair(spread(0.014, 0.1, 300))] * 8, rules)
    assert {each.verdict for each in crowd} == {"no_worse"}
    assert all(each.ci_low > 0 for each in crowd), "the interval is each comparison's own"


def test_what_61_questions_can_show_is_said() -> None:
    random = np.random.default_rng(61)
    found = one(np.where(random.random(61) < 0.6, 0.0, random.normal(0.02, 0.3, 61)))
    deviation = np.std([b - a for a, b in found.per_query.values()], ddof=1)
    detectable = TTestPower().solve_power(nobs=61, alpha=0.05, power=0.8) * deviation
    assert found.minimal_detectable_difference == pytest.approx(detectable, rel=0.02)
    needed = TTestPower().solve_power(effect_size=0.03 / deviation, alpha=0.05, power=0.8)
    assert found.questions_needed == pytest.approx(needed, rel=0.02)
    said = str(found)
    assert f"61 questions find a difference of {found.minimal_detectable_difference:.3f}" in said
    assert f"{found.questions_needed} would find one of 0.03" in said
    assert f"seed {found.rules.seed}" in said


def test_more_comparisons_can_show_less() -> None:
    alone, *_ = compare([pair(spread(0.01, 0.1, 100))], QUICK)
    among, *_ = compare([pair(spread(0.01, 0.1, 100))] * 10, QUICK)
    strict = one(spread(0.01, 0.1, 100), Rules(resamples=1_000, alpha=0.005))
    assert among.minimal_detectable_difference == strict.minimal_detectable_difference
    assert (alone.questions_needed or 0) < (among.questions_needed or 0)


def test_json_has_it_all_and_nothing_that_json_lacks() -> None:
    found = one([0.5]).to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["ci_low"] is None
    assert found["per_query"] == {"q0000": {"a": 0.5, "b": 1.0}}
    names = (
        "a b metric difference ci_low ci_high p p_corrected effect_size wins losses ties verdict "
        "minimal_detectable_difference test seed per_query questions_needed alpha margin"
    )
    assert set(names.split()) <= set(found)


@pytest.mark.parametrize("test", ["bootstrap", "randomisation"])
def test_a_system_against_itself(test: str) -> None:
    found = one([0.0] * 20, Rules(test=test, resamples=100))
    assert (found.difference, found.ci_low, found.ci_high, found.p) == (0, 0, 0, 1)
    assert (found.ties, found.verdict) == (20, "no_worse")
    assert (found.effect_size, found.minimal_detectable_difference) == (None, None)
    assert "not known" in str(found)


def test_rounding_is_no_difference() -> None:
    found = compare([Pair("a", "b", "R@1", {"q": 0.1 + 0.2}, {"q": 0.3})], QUICK)[0]
    assert (found.ties, found.difference) == (1, 0.0)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from([-0.5, 0.0, 0.25, 1.0]), min_size=6, max_size=20), st.integers(0, 99)
)
def test_neither_the_order_of_questions_nor_of_systems_matters(
    differences: list[float], seed: int
) -> None:
    given = pair(differences)
    shuffled = list(given.values_b.items())
    Random(seed).shuffle(shuffled)
    mixed = Pair("old", "new", "nDCG@10", given.values_a, dict(shuffled))
    mirrored = Pair("new", "old", "nDCG@10", given.values_b, given.values_a)
    found, same, swapped = compare([given, mixed, mirrored], Rules(resamples=100))
    assert same == found
    assert swapped.p == found.p
    assert (swapped.ci_low, swapped.ci_high) == pytest.approx((-found.ci_high, -found.ci_low))
    assert (swapped.wins, swapped.losses) == (found.losses, found.wins)


def test_other_questions_are_refused_by_name() -> None:
    with pytest.raises(UserError, match="'new' lacks 2 questions: q1, q3") as caught:
        compare([Pair("old", "new", "R@10", {"q1": 0, "q2": 1, "q3": 0}, {"q2": 1})], QUICK)
    assert caught.value.where == "R@10"
    many = {f"q{number}": 1.0 for number in range(7)}
    with pytest.raises(UserError, match="'old' lacks 7 questions: q0, q1, q2, q3, q4 and 2 more"):
        compare([Pair("old", "new", "R@10", {"z": 1.0}, {**many, "z": 1.0})], QUICK)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_a_number_is_refused(bad: float) -> None:
    with pytest.raises(UserError, match="'b' has no finite value for 1 question: q2"):
        compare([Pair("a", "b", "R@10", {"q1": 1, "q2": 1}, {"q1": 1, "q2": bad})], QUICK)


def test_no_questions_are_refused_and_no_comparisons_are_none() -> None:
    with pytest.raises(UserError, match="no questions"):
        compare([Pair("a", "b", "R@10", {}, {})], QUICK)
    assert compare([]) == []


@pytest.mark.parametrize(
    "options",
    [{"alpha": 0.0}, {"alpha": 0.6}, {"margin": 0.0}, {"margin": math.nan}, {"power": 1.0},
     {"power": 0.2}, {"test": "wilcoxon"}, {"resamples": 0}],
)  # fmt: skip
def test_rules_that_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(BadOption):
        Rules(**options)


def test_resamples_that_could_never_be_significant_are_refused() -> None:
    with pytest.raises(BadOption, match="100 resamples are too few to correct for 6 comparisons"):
        compare([pair([0.1, 0.2])] * 6, Rules(resamples=100))


@pytest.mark.parametrize("missing", ["scipy.stats"])
def test_a_missing_package_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=missing.partition(".")[0]) as caught:
        one([0.1, 0.2, 0.0, 0.3])
    assert "millrace[evals]" in caught.value.hint
