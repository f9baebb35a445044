"""Answers that say they cannot answer, and answers that only hedge."""

from __future__ import annotations

import pytest

from evals.judging.refusals import refusal


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but the text does not include the number of ships.",
        "I’m sorry, I can’t find the harbour's income.",
        "As an AI, I don't have access to current data. Please check the harbour's website.",
        "The document does not provide information on the fleet.",
        "The provided context doesn't contain any mention of the fleet.",
        "There is no information about the fleet. Therefore, I cannot answer.",
        "Unfortunately, without access to the full accounts, I cannot determine the income.",
        "The fleet is described. The tonnage is listed. We cannot calculate the income.",
        "It is not possible to determine the income from the excerpt.",
        "I do not know.",
        "To find it, you would need to look at the accounts.",
        "As of my last update, I do not have the figures. The harbour was founded long ago. It is"
        " large. It has many ships. It is well known.",
    ],
)
def test_refused(answer: str) -> None:
    assert refusal(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "The harbour has 12 ships.",
        "No ships were lost in that year.",
        "There are none.",
        "The number of ships is not explicitly stated. However, we can calculate it from the list."
        " Therefore, the harbour has 12 ships.",
        "The harbour has 12 ships. Nine are cargo ships. Three are ferries. The ferries sail daily."
        " The text does not mention their age.",
        "Unfortunately for its owners, the harbour lost 3 ships. Thus 9 ships are left.",
    ],
)
def test_not_refused(answer: str) -> None:
    assert refusal(answer) is None


def test_a_number_is_wanted() -> None:
    answer = "The income is not stated. Therefore, the fleet is large."
    assert refusal(answer) is None
    assert refusal(answer, wants_number=True)
    assert refusal("The income is not stated. So it is about 30.", wants_number=True) is None


def test_denial_may_be_the_answer() -> None:
    answer = "The report does not mention any losses."
    assert refusal(answer)
    assert refusal(answer, denial_answers=True) is None
    assert refusal("I'm sorry, I cannot answer that.", denial_answers=True)
