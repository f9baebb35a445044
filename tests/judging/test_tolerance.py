"""Which statements of a number count as the same number."""

from __future__ import annotations

import pytest

from evals.judging.asked import Asked, asked
from evals.judging.offline import gold_number
from evals.judging.quantities import Quantity, quantities
from evals.judging.tolerance import Tolerance, same

MILLIONS = Asked(scale=1e6)


def agrees(
    found: str, gold: float | str, about: Asked | None = None, tolerance: Tolerance | None = None
) -> bool:
    wanted = gold_number(gold)
    assert wanted is not None
    [given] = quantities(found)
    return same(given, wanted, about or Asked(), tolerance or Tolerance())


@pytest.mark.parametrize(
    "found",
    [
        "1684",
        "$1,684",
        "$1,684 million",
        "$1.684 billion",
        "$1,684,000,000",
        "$1,684,000",
        "$1.68bn",
    ],
)
def test_scales_of_millions(found: str) -> None:
    assert agrees(found, 1684, MILLIONS)


@pytest.mark.parametrize(
    "found", ["$1.684 million", "$1,684 billion", "$16.84", "1,684%", "$1,600"]
)
def test_other_scales(found: str) -> None:
    assert not agrees(found, 1684, MILLIONS)


def test_scale_of_the_gold_answer() -> None:
    assert agrees("$1.5 billion", "$1,500 million")
    assert not agrees("$1.5 million", "$1,500 million")


def test_a_scale_that_nobody_asked_for() -> None:
    assert agrees("$1,684 million", 1684)


@pytest.mark.parametrize("found", ["2.8%", "2.8 percent", "2.80%", "2.79%", "0.028", "2.81%"])
def test_percent_of_a_fraction(found: str) -> None:
    assert agrees(found, 0.028, Asked(percent=True))


@pytest.mark.parametrize("found", ["28%", "0.28%", "3%", "2.7%", "280"])
def test_other_percentages(found: str) -> None:
    assert not agrees(found, 0.028, Asked(percent=True))


def test_percent_of_a_percentage() -> None:
    assert agrees("2.8%", "2.8%")
    assert agrees("0.028", "2.8%")
    assert agrees("280 basis points", "2.8%")
    assert agrees("2.8", 0.028, Asked(percent=True))
    assert not agrees("2.8", 0.028)


def test_ratio() -> None:
    assert agrees("0.74", 0.74)
    assert agrees("0.7438", 0.74)
    assert agrees("74%", 0.74)
    assert agrees("2.61x", 2.61)
    assert not agrees("0.72", 0.74)


def test_rounding_and_cutting() -> None:
    assert agrees("417.632", 418)
    assert agrees("-5.28", -5.2)
    assert not agrees("-5.28", -5.2, tolerance=Tolerance(truncated=False))
    assert not agrees("-5.38", -5.2)
    assert not agrees("417", 418)
    assert not agrees("4.4", 4)


def test_relative() -> None:
    assert agrees("10,019", 10_000, tolerance=Tolerance(relative=0.002))
    assert not agrees("10,021", 10_000, tolerance=Tolerance(relative=0.002))
    assert agrees("10,021", 10_000, tolerance=Tolerance(relative=0.01))


def test_fewer_digits() -> None:
    assert agrees("$41.3 billion", 41_270, MILLIONS)
    assert not agrees("$41 billion", 41_270, MILLIONS)
    assert not agrees("$41.3 billion", 41_270, MILLIONS, Tolerance(relative=0, coarser=False))
    assert agrees("15%", 0.148)
    assert not agrees("5%", 0.048)


def test_sign() -> None:
    assert not agrees("3.7", -3.7)
    assert not agrees("-3.7", 3.7)
    assert agrees("-3.7", 3.7, Asked(magnitude=True))
    assert agrees("a decline of 3.7%", -0.037)
    assert agrees("a loss of $3.7 million", -3.7, MILLIONS)
    assert agrees("(3.7)", -3.7)


def test_what_a_question_asks() -> None:
    assert asked("What is revenue in USD millions?") == Asked(scale=1e6)
    assert asked("What is revenue, in thousands?").scale == 1e3
    assert asked("What was the gross margin?").percent
    assert asked("How much did the company spend on capital expenditure?").magnitude
    assert asked("What is the quick ratio?") == Asked()


def test_decimals_of_a_gold_number() -> None:
    assert gold_number(1684) == Quantity(1684.0, 0)
    assert gold_number(0.035) == Quantity(0.035, 3)
    assert gold_number(1684.0) == Quantity(1684.0, 0)
