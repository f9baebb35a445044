"""The number that an answer ends up with, not one on the way there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.judging.sentences import sentences, spans
from evals.judging.statement import stated


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("Revenue was $50 million.", [50]),
        ("Sales were 80 and costs 30. Therefore, profit was 50.", [50]),
        ("Profit = sales - costs = 80 - 30 = 50", [50, 50]),
        ("80 less 30.\nSo the profit is 50.\nThis is a healthy sum.", [50]),
        ("The profit is 50. It is what 80 leaves after 30.", [50]),
        ("The steps:\n1. Sales of 80\n2. Costs of 30\n\n**Profit: 50**", [80, 50]),
        ("It is not known.", []),
    ],
)
def test_stated(answer: str, numbers: list[float]) -> None:
    assert [each.number for each in stated(answer)] == numbers


def test_a_long_way_to_the_answer() -> None:
    answer = (
        "Sales are 80 and costs are 30.\nMargin = (80 - 30) / 80\nMargin = 0.625\n"
        "Rounded to two decimal places, the margin is 0.63."
    )
    assert [each.number for each in stated(answer)] == [0.63]


def test_places_are_those_of_the_answer() -> None:
    answer = (
        "First, we look at ships.\n\nIncome = 80 - 30\nIncome = -3.5 days\n\nSo it is -3.5 days."
    )
    [found] = stated(answer)
    assert found.number == -3.5
    assert answer[found.start : found.end] == "-3.5"
    assert found.start > answer.rindex("So")


@given(st.text(max_size=200))
def test_sentences_are_stretches_of_the_text(text: str) -> None:
    found = spans(text)
    assert [text[start:end] for start, end in found] == sentences(text)
    assert sorted(found) == found
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


def test_sentences() -> None:
    text = 'He said "it sank." Then, in the U.S. of old, A. Smith Inc. paid $2.50.\n1. First'
    assert sentences(text) == [
        'He said "it sank."',
        "Then, in the U.S. of old, A. Smith Inc. paid $2.50.",
        "1. First",
    ]
