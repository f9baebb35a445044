from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.retrievers.names import Names
from components.values import Scalar

COMPANIES = (
    "3M",
    "AES Corporation",
    "American",
    "American Express",
    "Coca-Cola",
    "Johnson & Johnson",
    "McDonald's",
    "Nestlé",
    "Target",
    "Best Buy",
    "eBay",
)


def named(text: str, *values: Scalar) -> list[Scalar]:
    return Names(values or COMPANIES).of(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What did 3M spend?", ["3M"]),
        ("What is 3M's margin?", ["3M"]),
        ("What is 3M’s margin?", ["3M"]),
        ("what is 3m's margin", ["3M"]),
        ("Did Johnson and Johnson grow?", ["Johnson & Johnson"]),
        ("Did JOHNSON & JOHNSON grow?", ["Johnson & Johnson"]),
        ("Coca Cola, CocaCola or COCA-COLA?", ["Coca-Cola"]),
        ("McDonald’s and McDonalds", ["McDonald's"]),
        ("Sales of Nestle and NESTLÉ", ["Nestlé"]),
        ("Is AES bigger than the AES Corporation?", ["AES Corporation"]),
        ("American Express and American", ["American Express", "American"]),
        ("American Express", ["American Express"]),
        ("Who owns 3M, eBay or EBAY?", ["3M", "eBay"]),
        ("", []),
        ("13M and 3Ms, AESX, Americans", []),
        ("A 3-M tape", ["3M"]),
    ],
)
def test_companies(text: str, found: list[Scalar]) -> None:
    assert named(text) == found


class TestCase:
    @pytest.mark.parametrize("text", ["What target was set?", "Is it the best buy, says Ann?"])
    def test_a_capital_tells_a_name_from_a_word(self, text: str) -> None:
        assert named(text) == []

    def test_without_any_capital_it_cannot(self) -> None:
        assert named("is target the best buy?") == ["Target", "Best Buy"]

    def test_a_value_without_one_is_named_in_any_case(self) -> None:
        assert named("Is a 10K a Report?", "10k", "report") == ["10k", "report"]


class TestYears:
    @pytest.mark.parametrize("value", [2018, "2018", 2018.0])
    @pytest.mark.parametrize(
        "text",
        [
            "in 2018",
            "FY2018",
            "FY18",
            "fy 2018",
            "FY'18",
            "fiscal 2018",
            "fiscal year 18",
            "Q2 2018",
            "Q2 of FY2018",
            "Q22018",
            "2018Q2",
            "2Q18",
            "2Q 2018",
            "Q2'18",
            "1H18",
            "December 31, 2018.",
            "the 2018's",
            "2016-2018",
            "3M_2018_10K",
        ],
    )
    def test_is_named(self, text: str, value: Scalar) -> None:
        assert named(text, value) == [value]

    @pytest.mark.parametrize(
        "text", ["$2,018 million", "20.18", "12018", "20180", "18", "FY2019", "FY180", "Q5 18"]
    )
    def test_is_not_named(self, text: str) -> None:
        assert named(text, 2018) == []

    def test_several_are_named_in_order(self) -> None:
        years = [2015, 2016, 2017, 2018]
        assert named("from FY2018 back to FY2016", *years) == [2018, 2016]

    def test_a_number_of_four_digits_is_no_year(self) -> None:
        assert named("FY18, 5018", 5018, 3018) == [5018]


def test_equal_values_of_two_types_are_both_named() -> None:
    found = named("in 2018", 2018, "2018")
    assert [(type(each), each) for each in found] == [(int, 2018), (str, "2018")]


def test_true_false_and_marks_have_no_name() -> None:
    assert named("True or false — 1, 0?", True, False, "—", "") == []


def test_a_legal_form_alone_or_behind_a_letter_stays() -> None:
    assert named("A man and Co", "A Co", "Inc") == []
    assert named("Inc of A Co.", "A Co", "Inc") == ["Inc", "A Co"]


def test_another_script() -> None:
    assert named("Выручка Газпрома и ГАЗПРОМ", "Газпром") == ["Газпром"]


texts = st.text(max_size=40)
named_texts = st.text(min_size=1, max_size=20).filter(lambda text: Names([text]).of(text) == [text])


@given(texts, named_texts, texts)
def test_a_value_between_words_is_found(before: str, value: str, after: str) -> None:
    assert Names([value]).of(f"{before} {value} {after}") == [value]


@given(st.integers(1900, 2099), st.sampled_from(["{}", "FY{}", "Q3 {}", "{}, {}"]), texts)
def test_a_year_is_found_in_every_form(year: int, form: str, before: str) -> None:
    assert Names([year]).of(f"{before} {form.format(year, year)}") == [year]


@given(st.lists(texts, max_size=5), texts)
def test_what_is_found_is_a_value_and_once(values: list[str], text: str) -> None:
    found = Names(values).of(text)
    assert set(found) <= set(values)
    assert len(found) == len(set(found))
