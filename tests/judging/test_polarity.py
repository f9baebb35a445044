"""Yes and no, said or implied."""

from __future__ import annotations

import pytest

from evals.judging.polarity import leading, polarity

GREW = "Did the harbour's income grow in 1950?"


def test_leading() -> None:
    assert leading("Yes, it did.") == "yes"
    assert leading("**No.** It did not.") == "no"
    assert leading("Sure! Yes, it did.") == "yes"
    assert leading("yes") == "yes"
    assert leading("No ships were lost") is None
    assert leading("Yesterday, it did.") is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("Yes, the income grew.", "yes"),
        ("No, the income fell.", "no"),
        ("The income of the harbour grew by a fifth.", "yes"),
        ("The harbour's income did not grow.", "no"),
        ("The harbour's income declined.", "no"),
        ("The harbour is old. Its ships are many. The answer is no.", "no"),
        ("Ships came. Therefore, the harbour's income did grow.", "yes"),
        ("The harbour's income rose at first. Overall, its income did not grow.", "no"),
        ("Cheese is made of milk.", None),
    ],
)
def test_polarity(answer: str, said: str | None) -> None:
    assert polarity(GREW, answer) == said


def test_a_question_with_a_not_of_its_own_is_left_open() -> None:
    question = "Were there events that are not usual in the harbour?"
    assert polarity(question, "A storm is not a usual event in the harbour.") is None
    assert polarity(question, "No, there were none.") == "no"


def test_a_denied_fall_is_a_rise() -> None:
    assert polarity(GREW, "The harbour's income did not fall.") == "yes"
    assert polarity(GREW, "The income of the harbour did not grow but fell.") == "no"
    assert polarity(GREW, "The income of the harbour grew at first and fell then.") is None
