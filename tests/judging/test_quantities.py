"""Quantities are read in every way that people write them, and nothing else is read as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.judging.quantities import Quantity, in_digits, only_quantity, quantities


def one(text: str) -> Quantity:
    found = quantities(text)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234,567", 1_234_567),
        ("about 12.50 in all", 12.5),
        ("$1,684 million", 1.684e9),
        ("$1.684 billion", 1.684e9),
        ("$1.5-billion plant", 1.5e9),
        ("$4bn", 4e9),
        ("$4b", 4e9),
        ("USD 4.2 mn", 4.2e6),
        ("4.2 million USD", 4.2e6),
        ("€3m", 3e6),
        ("12 thousand", 12e3),
        ("$417,632 in thousands", 417_632e3),
        ("£417,632 (in thousands)", 417_632e3),
        ("52 cents", 0.52),
        ("1.2 billion dollars", 1.2e9),
        ("2.8%", 0.028),
        ("2.8 percent", 0.028),
        ("2.8 per cent", 0.028),
        ("1.7 percentage points", 0.017),
        ("120 basis points", 0.012),
        ("120bps", 0.012),
        ("120 bps", 0.012),
        ("3.4x", 3.4),
        ("7.0 times", 7.0),
        ("0.01$", 0.01),
        ("-8.31 days", -8.31),
        ("−8.31", -8.31),
        ("-$3.5 million", -3.5e6),
        ("$-3.5 million", -3.5e6),
        ("(1,684)", -1684),
        ("$(1,684) million", -1.684e9),
        ("(0.6)%", -0.006),
        ("**$15.00**", 15),
        (".75", 0.75),
    ],
)
def test_value(text: str, value: float | None) -> None:
    if value is None:
        assert quantities(text) == []
    else:
        assert one(text).value == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    [
        "in 2018 and FY2018 and FY22",
        "December 31, 2018",
        "31 December 2018",
        "2022-07-01 and 7/29/2023",
        "Q2 of the year, 2H23",
        "the 10-K and the 8-K",
        "3M and its divisions",
        "page 12, note 7, Item 8",
        "pages 12 and 13",
        "a 5-year plan",
        "1. First\n2. Second\n3) Third",
        "(1) one thing and (2) another",
        "as of fiscal 23",
    ],
)
def test_names_are_no_quantities(text: str) -> None:
    assert quantities(text) == []


def test_parentheses_around_an_amount_with_its_unit_are_an_aside() -> None:
    assert one("our largest segment (39%)").value == pytest.approx(0.39)
    assert one("paid out ($4 million)").value == pytest.approx(4e6)


def test_minus_is_a_sign_and_neither_subtraction_nor_a_list() -> None:
    for text, signs in (
        ("5.5 - 3.5 = 2", ["", "", ""]),
        ("10-15%", ["", ""]),
        ("We own:\n-100% of the shares of one", [""]),
        ("-5, +3, $(2)", ["-", "+", "()"]),
    ):
        assert [each.sign for each in quantities(text)] == signs


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("a decline of $5 million", "down"),
        ("a net loss of $5 million", "down"),
        ("sales decreased by about 5%", "down"),
        ("sales fell 5%", "down"),
        ("a 5% fall", "down"),
        ("negative 5", "down"),
        ("the net loss for the year ended May 31, 2020 was $5 million", "down"),
        ("a gain of $5 million", "up"),
        ("sales were up 5%", "up"),
        ("a 5% year-over-year increase", "up"),
        ("sales fell to $5 million", ""),
        ("sales rose from $5 million", ""),
        ("the decline led to sales of $5 million", ""),
        ("$5 million", ""),
    ],
)
def test_direction(text: str, way: str) -> None:
    assert one(text).direction == way


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("5 USD", "$"),
        ("US$5", "$"),
        ("5 dollars", "$"),
        ("C$5", "C$"),
        ("EUR 5", "€"),
        ("5 euros", "€"),
        ("5%", "%"),
        ("5 basis points", "points"),
        ("5x", "times"),
        ("5 days", "day"),
        ("5 stores", "store"),
        ("5 in all", ""),
    ],
)
def test_unit(text: str, unit: str) -> None:
    assert one(text).unit == unit


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("It was zero.", "It was 0."),
        ("twelve point five percent", "12.5 percent"),
        ("one hundred and twenty-five million dollars", "125000000 dollars"),
        ("Twenty-one stores and six more", "21 stores and 6 more"),
        ("one of them, and no one else", "one of them, and no one else"),
        ("1.2 billion and 5 million", "1.2 billion and 5 million"),
    ],
)
def test_numbers_in_words(text: str, digits: str) -> None:
    assert in_digits(text) == digits


def test_place() -> None:
    for text, written in [
        ("It cost $1,684 million then.", "$1,684 million"),
        ("The ratio (0.74 of all) is low", "0.74"),
        ("The ratio (nearly 5%) is low", "5%"),
        ("It fell by $(1,684) million.", "$(1,684) million"),
    ]:
        found = one(text)
        assert text[found.start : found.end] == written


def test_only_quantity() -> None:
    assert only_quantity("$1684.00") == one("$1684.00")
    assert only_quantity(" 4.5% ") is not None
    assert only_quantity("4.5% of sales") is None
    assert only_quantity("4 or 5") is None
    assert only_quantity("none") is None


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2, allow_nan=False))
def test_one_number_written_in_many_ways(number: object) -> None:
    exact = float(str(number))
    size = abs(exact)
    sign = "-" if exact < 0 else ""
    ways = [
        f"{sign}{size:,.2f} in all",
        f"{sign}${size:,.2f}",
        f"{sign}{size:,.2f} USD",
        f"It came to {sign}€{size:,.2f}, as planned.",
    ]
    assert [one(each).value for each in ways] == pytest.approx([exact] * len(ways))
    assert one(f"{sign}${size:,.2f} million").value == pytest.approx(exact * 1e6)
    assert one(f"{sign}{size:,.2f}%").value == pytest.approx(exact / 100)
    if exact < 0:
        assert one(f"$({size:,.2f})").value == pytest.approx(exact)


@given(st.text(max_size=200))
def test_places_are_within_the_text_and_ascend(text: str) -> None:
    ends = [0]
    for each in quantities(text):
        assert ends[-1] <= each.start < each.end <= len(text)
        ends.append(each.end)
