"""Whole judgements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.judging.offline import judge

INCOME = "What was the harbour's income in 1950, in USD millions?"
LOST = "Were any ships lost in 1950?"


@pytest.mark.parametrize(
    ("question", "gold", "answer", "verdict", "rule"),
    [
        (INCOME, 120, "Income was $120 million.", "correct", "number"),
        (
            INCOME,
            "$120.00",
            "Sales of 300 less 180. Thus it was $0.12 billion.",
            "correct",
            "number",
        ),
        (INCOME, 120, "Sales were 120 and costs 30. Therefore it was 90.", "incorrect", "number"),
        (INCOME, 120, "It was high.", "incorrect", "number"),
        (INCOME, 120, "The text does not state the income.", "refused", "refusal"),
        (INCOME, 120, "  ", "refused", "empty"),
        (INCOME, " ", "It was 5.", "unmeasured", "no-gold"),
        (LOST, "Yes, one.", "Yes, a ship was lost.", "correct", "yes-no"),
        (LOST, "Yes, one.", "No, not a ship was lost.", "incorrect", "yes-no"),
        (LOST, "Yes, 40 ships.", "Yes, 40 ships.", "correct", "yes-no"),
        (LOST, "Yes, 40 ships.", "No, 40 ships came back.", "incorrect", "yes-no"),
        (LOST, "Yes, 40 ships.", "Yes, 70 ships.", "unmeasured", "yes-no"),
        (LOST, "Yes, off Cape Fog.", "Milk is white.", "unmeasured", "yes-no"),
        (
            LOST,
            "No, there were none.",
            "The report does not mention any lost ships.",
            "correct",
            "yes-no",
        ),
        (LOST, "Yes, one.", "The report does not mention any lost ships.", "refused", "refusal"),
        (LOST, "The Gull was lost.", "Yes, the Gull was.", "unmeasured", "prose"),
        ("Who owns it?", "The Blue Line", "The Blue Line does.", "unmeasured", "prose"),
        ("Who owns it?", "The Blue Shipping Line", "I cannot say.", "refused", "refusal"),
    ],
)
def test_judge(question: str, gold: str | int, answer: str, verdict: str, rule: str) -> None:
    found = judge(question, gold, answer)
    assert (found.verdict, found.rule) == (verdict, rule), found.why
    assert found.why.endswith(".")


def test_marks_of_citations_and_emphasis_are_no_figures() -> None:
    for answer in ("It was **$120 million** [1].", "\\$120 million [1, 3]", "`120` [2-4]"):
        assert judge(INCOME, 120, answer).verdict == "correct", answer


def test_an_answer_that_states_nothing_and_admits_a_lack_is_refused() -> None:
    answer = "Income is sales less costs. The costs are not given. Both were large."
    assert judge(INCOME, 120, answer).verdict == "refused"


@given(
    st.one_of(
        st.integers(-(10**7), 10**7),
        st.decimals(-(10**5), 10**5, places=3, allow_nan=False).map(float),
    )
)
def test_the_gold_number_is_correct(gold: float) -> None:
    sign = "-" if gold < 0 else ""
    for answer in (
        f"It is {sign}${abs(gold):,.3f}.",
        f"Therefore, it is {sign}{abs(gold):.3f} in all.",
    ):
        assert judge("What is it?", gold, answer).verdict == "correct"
    written = f"{sign}${abs(gold):,.3f}"
    assert judge("What is it?", written, written).verdict == "correct"


@given(st.floats(-0.99, 0.99).map(lambda share: round(share, 4)))
def test_the_gold_share_is_correct_as_a_percentage(gold: float) -> None:
    assert judge("What share is it?", gold, f"It is {gold:.2%}.").verdict == "correct"


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=200))
def test_any_text_is_judged(question: str, gold: str, answer: str) -> None:
    found = judge(question, gold, answer)
    assert found == judge(question, gold, answer)
    assert found.verdict == "unmeasured" or gold.strip()
