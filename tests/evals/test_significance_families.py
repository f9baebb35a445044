"""What the verdicts of a family claim together, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from evals.significance import Comparison, Pair, Rules, compare
from evals.significance.paired import Array
from evals.significance.verdict import holm, levels
from tests.evals.errors import families, made_up, main

MARGIN = Rules.margin
QUICK = Rules(resamples=499)
EVEN = made_up(0)["6 in 10 equal, even"]
COUNT = 300
# What is at most 0.025, with four standard errors of so many families.
RARE = 0.025 + 4 * (0.025 * 0.975 / COUNT) ** 0.5


def spread(mean: float, deviation: float = 0.1, count: int = 300) -> Array:
    values = np.random.default_rng(4).normal(0, 1, count)
    moved: Array = mean + deviation * (values - values.mean()) / values.std(ddof=1)
    return moved


def compared(*differences: Array, rules: Rules = QUICK) -> list[Comparison]:
    pairs = [
        Pair(
            "old",
            f"new {number}",
            "nDCG@10",
            {f"q{at:04}": 0.0 for at, _ in enumerate(own)},
            {f"q{at:04}": float(each) for at, each in enumerate(own)},
        )
        for number, own in enumerate(differences)
    ]
    return compare(pairs, rules)


def test_a_sure_loss_below_the_margin_is_no_worse_and_the_sentence_says_so() -> None:
    (found,) = compared(spread(-0.004, 0.01))
    assert (found.verdict, found.sure, found.sure_loss) == ("no_worse", True, True)
    assert found.ci_high < 0
    assert "no worse, with a sure loss below the margin of 0.03" in str(found)
    assert found.to_json()["sure_loss"] is True
    (unsure,) = compared(spread(-0.004, 0.05))
    assert (unsure.verdict, unsure.sure, unsure.caveat) == ("no_worse", False, "")


@pytest.mark.parametrize(
    ("mean", "deviation", "margin", "verdict"),
    [
        (-0.004, 0.01, 0.03, "no_worse"),
        (-0.004, 0.01, 0.004, "worse"),
        (-0.02, 0.05, 0.03, "no_worse"),
        (-0.02, 0.12, 0.03, "worse"),
        (-0.02, 0.3, 0.03, "undecided"),
        (-0.04, 0.05, 0.03, "worse"),
        (0.004, 0.01, 0.03, "better"),
        (0.004, 0.4, 0.03, "undecided"),
        (0.004, 0.1, 0.03, "no_worse"),
        (-0.2, 0.01, 0.3, "no_worse"),
    ],
)
def test_verdicts_are_about_the_margin(
    mean: float, deviation: float, margin: float, verdict: str
) -> None:
    (found,) = compared(spread(mean, deviation), rules=Rules(resamples=999, margin=margin))
    assert found.verdict == verdict
    assert found.sure_loss == (verdict == "no_worse" and found.ci_high < 0)
    assert (found.holm_low, found.holm_high) == (found.ci_low, found.ci_high)


def test_a_loss_of_the_margin_everywhere_is_not_below_it() -> None:
    (found,) = compared(np.full(60, -0.03), rules=Rules(resamples=999))
    assert found.verdict == "worse"


MEANS = st.sampled_from([-0.08, -0.035, -0.03, -0.02, -0.004, 0.0, 0.01, 0.05])
FAMILY = st.lists(st.tuples(MEANS, st.sampled_from([0.01, 0.1, 0.2])), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(FAMILY)
def test_the_intervals_of_the_family_say_what_the_verdicts_say(
    family: list[tuple[float, float]],
) -> None:
    for each in compared(*(spread(mean, deviation, 40) for mean, deviation in family)):
        gained = each.sure and each.difference > 0
        above, below = each.holm_low > -MARGIN, each.holm_high < 0
        assert below == (each.sure and each.difference < 0)
        expected = "no_worse" if above else "worse" if below else "undecided"
        assert each.verdict == ("better" if gained else expected)
        assert each.holm_low <= each.ci_low
        assert each.holm_high >= each.ci_high


@given(st.lists(st.integers(0, 1_000).map(lambda each: (1 + each) / 1_001), max_size=9))
def test_a_p_is_below_its_level_exactly_where_it_is_refuted(values: list[float]) -> None:
    for p, level, corrected in zip(values, levels(values, 0.05), holm(values), strict=True):
        assert (p < level) == (corrected < 0.05)
        assert 0.05 / len(values) <= level <= 0.05


def test_holm_against_statsmodels() -> None:
    random = np.random.default_rng(3)
    for size in (1, 2, 9):
        values = random.choice([0.001, 0.004, 0.02, 0.3, 1.0], size)
        assert holm(values.tolist()) == pytest.approx(multipletests(values, method="holm")[1])


def test_levels_by_hand() -> None:
    assert levels([0.2, 0.001, 0.03], 0.05) == pytest.approx([0.05 / 2, 0.05 / 3, 0.05 / 2])
    assert levels([0.01, 0.01], 0.05) == pytest.approx([0.025, 0.025])
    assert levels([0.001, 0.02, 0.04], 0.05) == pytest.approx([0.05 / 3, 0.05 / 2, 0.05])
    assert levels([], 0.05) == []


def test_large_losses_leave_no_level_to_the_others() -> None:
    """They are refuted to be no losses, not to be losses of the margin."""
    near = spread(-0.012, 0.13)
    (alone,) = compared(near)
    among = compared(near, *(spread(-0.5, 0.1) for _ in range(8)))
    assert alone.verdict == "no_worse"
    assert among[0].verdict == "undecided"
    assert among[0].holm_low < -MARGIN < among[0].ci_low


def test_good_ones_leave_their_level_to_the_others() -> None:
    near = spread(-0.012, 0.13)
    among = compared(near, *(spread(0.0, 0.02) for _ in range(8)))
    assert {each.verdict for each in among} == {"no_worse"}
    assert among[0].holm_low == among[0].ci_low


@pytest.mark.parametrize(("questions", "size"), [(60, 1), (60, 9), (150, 9)])
def test_what_is_a_margin_worse_passes_in_one_report_of_forty(questions: int, size: int) -> None:
    found = families(EVEN, [-MARGIN] * size, questions, COUNT, QUICK)
    assert found.passed <= RARE
    if size == 9:  # what an interval of each one's own lets through
        assert found.uncorrected == pytest.approx(1 - 0.975**9, abs=0.05)


@pytest.mark.parametrize(
    "others",
    [[-10.0] * 8, [0.0] * 8, [10.0] * 8, [-0.04, -0.02, 0.0, 0.02, 0.04, -1.0, 1.0, 0.0]],
    ids=["far worse", "equal", "far better", "mixed"],
)
def test_whatever_the_others_are(others: list[float]) -> None:
    found = families(EVEN, [-MARGIN, *others], 100, COUNT, QUICK)
    assert found.passed <= RARE
    assert found.wrong <= 0.05 + 0.025 + 4 * (0.07 * 0.93 / COUNT) ** 0.5


def test_power_grows_with_questions_and_a_family_costs_some() -> None:
    def no_worse(questions: int, size: int) -> float:
        return families(EVEN, [0.0] * size, questions, 100, QUICK).told.get("no_worse", 0.0)

    alone, among = ([no_worse(each, size) for each in (30, 60, 300)] for size in (1, 9))
    assert among[0] < alone[0] < among[1] + 0.2 < 0.7
    assert min(alone[2], among[2]) > 0.9


def test_the_command_counts_verdicts() -> None:
    asked = ["--verdicts", "--comparisons", "2", "--resamples", "200", "--questions", "20"]
    done = CliRunner().invoke(main, [*asked, "--test", "bootstrap", "--family", "3"])
    assert done.exit_code == 0, done.output
    told = " ".join(done.output.split())
    assert "20 questions, families of 3" in told
    assert "hit or miss, mirrored" in told
