"""Laws of the judge: what makes a right answer wrong, and what does not.

Each question has its gold answer and a right answer in pieces, from which several hundred answers
are made.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.judging.offline import judge


@dataclass(frozen=True)
class Case:
    question: str
    gold: str
    subject: str
    """What the right answer is about, ready for `was` and `was not`."""
    right: str
    """The gold quantity as an answer writes it."""
    same: tuple[str, ...]
    """Other ways of writing it."""
    other: str
    """Another quantity of the kind."""
    units: tuple[str, ...]
    """The same number in other units, and in other scales."""


CAPEX = Case(
    "What is the FY2018 capital expenditure amount (in USD millions) for Harbour Inc.?",
    "$1577.00",
    "The FY2018 capital expenditure of Harbour Inc.",
    "$1,577 million",
    (
        "1577",
        "$1,577",
        "1,577 million US dollars",
        "USD 1.577 billion",
        "$1,577,000,000",
        "$1.58 bn",
    ),
    "$1,373 million",
    ("€1,577 million", "$1,577 billion", "$1,577 thousand", "1,577%", "£1.577 billion"),
)
MARGIN = Case(
    "What was the operating margin of Harbour Inc. in 2021?",
    "45.2%",
    "The operating margin",
    "45.2%",
    ("45.2 percent", "45.2", "0.452", "45.23%", "approximately 45.2 per cent", "45%"),
    "41.7%",
    ("45.2 million", "$45.2", "45.2 basis points", "$45.2 million"),
)
SALES = Case(
    "What were the net sales of Harbour Inc. in 2021?",
    "$1.2 billion",
    "Net sales",
    "$1.2 billion",
    (
        "$1,200 million",
        "$1,200,000,000",
        "1.2bn USD",
        "$1.2B",
        "one billion two hundred million dollars",
    ),
    "$1.4 billion",
    ("$1.2", "$1,200,000", "€1.2 billion", "1.2%", "$1.2 million", "$1.2 trillion", "$1,200"),
)
RATIO = Case(
    "What is the quick ratio of Harbour Inc. for FY2022?",
    "0.66",
    "The quick ratio of Harbour Inc.",
    "0.66",
    ("0.7", "0.664", "66%", "0.66x", ".66"),
    "0.86",
    ("$0.66", "0.66%", "0.66 million", "660"),
)
SHARE = Case(
    "What was the diluted EPS of Harbour Inc. in FY2020?",
    "$1.52",
    "Diluted EPS",
    "$1.52",
    ("1.52", "1.52 dollars", "$1.52 per share", "USD 1.52", "152 cents", "$1.5"),
    "$1.61",
    ("$1.52 billion", "€1.52", "1.52%", "$1.52 million", "1.52 cents"),
)
EUROS = Case(
    "What was the revenue of Hafen AG?",
    "€1577",
    "Revenue",
    "€1577",
    ("1,577 EUR", "EUR 1,577", "1577 euros", "one thousand five hundred seventy-seven euros"),
    "€1,612",
    ("$1577", "£1,577", "1,577 yen", "€1,577 million", "€1.577"),
)
GROWTH = Case(
    "By how many percent did sales of Harbour Inc. grow in 2021?",
    "5.4%",
    "Sales growth",
    "5.4%",
    ("5.4 percent", "5.38%", "5%", "5.4"),
    "6.9%",
    ("5.4 million", "$5.4", "0.54%"),
)
DAYS = Case(
    "What is Harbour's FY2019 days payable outstanding (DPO)?",
    "93.86",
    "The DPO",
    "93.86 days",
    ("93.86", "93.9", "93.9 days", "ninety-three point nine days"),
    "88.20 days",
    ("$93.86", "93.86%", "93.86 years", "93.86 weeks", "93.86 million"),
)
STORES = Case(
    "How many stores did Harbour operate at the end of FY2021?",
    "1,947",
    "The number of stores",
    "1,947 stores",
    ("1,947", "1\u202f947 stores", "1.947 thousand stores"),
    "1,802 stores",
    ("1,947 employees", "$1,947", "1,947%", "1,947 million", "1,947 countries"),
)
TURNOVER = Case(
    "What was the inventory turnover of Harbour in 2020?",
    "4.2",
    "Inventory turnover",
    "4.2x",
    ("4.2", "4.2 times", "4.2:1", "4.2 to 1", "four point two times"),
    "5.7x",
    ("$4.2", "4.2%", "4.2 days", "4.2 million"),
)
TAX = Case(
    "What was the effective tax rate of Harbour in FY2022?",
    "21.3%",
    "The effective tax rate",
    "21.3%",
    ("21.3 per cent", "0.213", "21.3% (0.213)", "21%", "21.29 pct"),
    "24.8%",
    ("21.3 million", "$21.3", "0.213%", "21.3 bps", "21.3 percentage points"),
)
DIVIDEND = Case(
    "What was Harbour's dividend per share in 2020?",
    "£0.84",
    "The dividend per share",
    "£0.84",
    ("0.84", "84 pence", "£0.84 per share", "0.84 pounds", "GBP 0.84"),
    "£0.91",
    ("$0.84", "€0.84", "£0.84 million", "0.84%", "84 cents"),
)
CAGR = Case(
    "What was the 3-year CAGR of Harbour's revenue to FY2018?",
    "7.9%",
    "The CAGR",
    "7.9%",
    ("7.9 percent", "7.94%", "8%", "0.079"),
    "9.4%",
    ("7.9 million", "$7.9", "0.79%", "7.9x"),
)
YEN = Case(
    "What were the total assets of Harbour KK?",
    "¥3.2 trillion",
    "Total assets",
    "¥3.2 trillion",
    ("3.2 trillion yen", "JPY 3,200 billion", "¥3.2tn"),
    "¥2.9 trillion",
    ("$3.2 trillion", "¥3.2 billion", "¥3.2", "3.2%"),
)
CASES = (
    CAPEX, MARGIN, SALES, RATIO, SHARE, EUROS, GROWTH,
    DAYS, STORES, TURNOVER, TAX, DIVIDEND, CAGR, YEN,
)  # fmt: skip

RIGHT = (
    "{right}",
    "{right}.",
    "{subject} was {right}.",
    "**{right}**",
    "{subject}: {right}",
    "It was {right}, compared with {other} a year before.",
    "{subject} rose from {other} to {right}.",
    "{subject} was {right} (the year before: {other}).",
    "It is not {other} but {right}.",
    "One might think of {other}. Therefore, the answer is {right}.",
    "The answer is {right}, not {other}.",
    "Depreciation was {other}. {subject} was {right}.",
    "{subject} was {right}. In 2009 it was {other}.",
    "Final Answer: {right}",
    "### Answer\n\n**{right}**\n\nSource: page 45.",
    "\\[ \\boxed{{{right}}} \\]",
    '{{"answer": "{right}", "confidence": 0.9}}',
    "{subject} went from {other} to {right}.",
    "{right} (compared with {other} in 2009)",
    "I first thought of {other}. Actually, it was {right}.",
    "{other}? That is wrong. {subject} was {right}.",
    "- 2009: {other}\n- {subject}: {right}",
    "At 3 ports out of 10, {subject} was {right}.",
    "As page 12 of the annual report 2023 shows, {subject} was {right}.",
)
WRONG = (
    "{other}",
    "{subject} was not {right}.",
    "{subject} was never {right}.",
    "{subject} wasn't {right}.",
    "It is not {right} but {other}.",
    "{subject} was {right} or {other}.",
    "{subject} was {other} or {right}.",
    "{subject} was between {other} and {right}.",
    "{subject} was {right}. It was {other}.",
    "{subject} was {right}, or possibly {other}.",
    "{subject} was {right}. Alternatively, it was {other}.",
    "{right}, {other}",
    "{other}; {right}",
    "{other}\n{right}",
    "- {right}\n- {other}",
    "{subject} was either {right} or {other}.",
    "One might think of {right}. Therefore, the answer is {other}.",
    "{subject} was {other}, rather than {right}.",
    "{subject} rose from {right} to {other}.",
    "{subject} was more than {right}.",
    "{subject} was at most {right}.",
    "The answer is {other}, not {right}.",
    "{subject} was {other}, compared with {right} a year before.",
    "It could be {other}, {right} or something else.",
    "{subject} ranged from {other} to {right}.",
    "{right} (or {other})",
    "{right} or, alternatively, {other}.",
    "{subject} was {right}. Actually, it was {other}.",
    "{subject} was {right}. Correction: {other}.",
    "{subject} was {right}. That is wrong.",
    "{right} is not right.",
    "{right} is wrong; it was {other}.",
    "It is false that {subject} was {right}.",
    "It is not the case that {subject} was {right}.",
    "{subject} was hardly {right}.",
    "{subject} was less than {right}.",
    "{subject} was twice {right}.",
    "{subject} fell from {right} to {other}.",
    "Final Answer: {other}",
    "{right}? No, {other}.",
    "Option A: {right}\nOption B: {other}",
    "First guess: {right}. Second guess: {other}.",
    '{{"answer": "{other}", "previous": "{right}"}}',
    "\\boxed{{{other}}}, not \\boxed{{{right}}}",
    "{subject} is {right}, {other}, or something else.",
    "The sum of {right} and {other}.",
)


def filled(case: Case, template: str, right: str | None = None) -> str:
    return template.format(subject=case.subject, right=right or case.right, other=case.other)


@pytest.mark.parametrize("template", RIGHT)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.gold)
def test_ways_to_say_it(case: Case, template: str) -> None:
    found = judge(case.question, case.gold, filled(case, template))
    assert found.verdict == "correct", found.why


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.gold)
def test_ways_to_write_it(case: Case) -> None:
    for written in case.same:
        for template in RIGHT[:4]:
            answer = filled(case, template, written)
            found = judge(case.question, case.gold, answer)
            assert found.verdict == "correct", (answer, found.why)


@pytest.mark.parametrize("template", WRONG)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.gold)
def test_ways_to_hedge_deny_and_miss_it(case: Case, template: str) -> None:
    found = judge(case.question, case.gold, filled(case, template))
    assert found.verdict == "incorrect", found.why


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.gold)
def test_another_unit_or_scale(case: Case) -> None:
    for written in case.units:
        for template in RIGHT[:4]:
            answer = filled(case, template, written)
            found = judge(case.question, case.gold, answer)
            assert found.verdict == "incorrect", (answer, found.why)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.gold)
def test_the_other_sign(case: Case) -> None:
    for template in (
        "-{right}",
        "{subject} was -{right}.",
        "minus {right}",
        "It was negative {right}.",
    ):
        found = judge(case.question, case.gold, filled(case, template))
        assert found.verdict == "incorrect", (template, found.why)
        gold = f"-{case.gold}"
        assert judge(case.question, gold, filled(case, template)).verdict == "correct", template
        assert judge(case.question, gold, filled(case, "It was {right}.")).verdict == "incorrect"


NET = "What was the net income of Harbour Inc. in 2021, in USD millions?"
RATE = "What is the growth rate of revenue?"
FALL = "By how much did revenue decline?"


@pytest.mark.parametrize(
    ("question", "gold", "answer", "verdict"),
    [
        (NET, "$245.00", "Net loss was $245 million.", "incorrect"),
        (NET, "$245.00", "There was a net loss of $245 million.", "incorrect"),
        (NET, "$245.00", "A $245 million net loss.", "incorrect"),
        (NET, "-$245.00", "Net loss was $245 million.", "correct"),
        (NET, "-$245.00", "Net loss for the year to May 31, 2021 was $245 million.", "correct"),
        (NET, "-$245.00", "$(245) million", "correct"),
        (NET, "-$245.00", "Net income was $245 million.", "incorrect"),
        ("What was the net loss?", "$245", "The net loss was $245.", "correct"),
        ("What was the net loss?", "$245", "$245", "correct"),
        ("What was the net loss?", "$245", "Net income was $245.", "incorrect"),
        (RATE, "5.4%", "Revenue decreased by 5.4%.", "incorrect"),
        (RATE, "12.0%", "Revenue fell by 12.0%.", "incorrect"),
        (RATE, "12.0%", "Revenue fell 12%.", "incorrect"),
        (RATE, "12.0%", "Revenue was down 12%.", "incorrect"),
        (RATE, "12.0%", "There was a 12% decline in revenue.", "incorrect"),
        (RATE, "12.0%", "Revenue rose by 12%.", "correct"),
        (RATE, "12.0%", "+12%", "correct"),
        (RATE, "-12.0%", "Revenue fell by 12.0%.", "correct"),
        (RATE, "-12.0%", "Revenue grew by 12.0%.", "incorrect"),
        (RATE, "-12.0%", "It was -12%.", "correct"),
        (FALL, "-12.0%", "It rose by 12.0%.", "incorrect"),
        (FALL, "12.0%", "It rose by 12.0%.", "incorrect"),
        (FALL, "12.0%", "It increased 12.0%.", "incorrect"),
        (FALL, "-12.0%", "It declined by 12.0%.", "correct"),
        (FALL, "12.0%", "By 12%.", "correct"),
        (FALL, "12.0%", "It did not decline by 12%.", "incorrect"),
        ("What were sales in millions?", "$1,577", "Sales decreased to $1,577 million.", "correct"),
        ("How much was impaired (in USD millions)?", "$0.00", "zero", "correct"),
        ("How much was impaired (in USD millions)?", "$0.00", "It was zero.", "correct"),
        ("How much was impaired (in USD millions)?", "$0.00", "$5 million", "incorrect"),
        ("What were sales (in USD millions)?", "$5466.00", "$5,466.31 million", "correct"),
        ("What were sales (in USD millions)?", "$5466.00", "$5,466.71 million", "incorrect"),
        ("What was it (in USD billions)?", "$8.70", "$8.738 billion", "correct"),
        ("What is the margin?", "12.0%", "12.4%", "incorrect"),
        (
            "Did margins improve?",
            "No, they fell by 0.8%.",
            "No: from 19.40% to 18.55%, by 0.84 percentage points.",
            "correct",
        ),
        ("What is the margin?", "1.9%", "2%", "correct"),
        ("What is the margin?", "1.5%", "2%", "incorrect"),
        ("What is the margin?", "1.94%", "2%", "incorrect"),
        ("By how many points did the margin change?", "1.7%", "1.7 percentage points", "correct"),
        ("By how many points did the margin change?", "1.7%", "170 basis points", "correct"),
        ("What is the margin?", "1.7%", "1.7 percentage points", "incorrect"),
        ("What was revenue in billions?", "$12.5 billion", "12.5", "correct"),
        ("What was revenue?", "$12.5 billion", "$12.5", "incorrect"),
        ("Did margins decline?", "Yes", "Margins did not improve.", "correct"),
        ("Did margins decline?", "yes", "Margins improved.", "incorrect"),
        ("Did margins decline?", "No", "Margins did not decline.", "correct"),
        ("Did margins improve?", "No, they fell.", "They did not improve but declined.", "correct"),
        ("Did margins improve?", "Yes", "Margins did not worsen.", "correct"),
    ],
)  # fmt: skip
def test_directions(question: str, gold: str, answer: str, verdict: str) -> None:
    found = judge(question, gold, answer)
    assert found.verdict == verdict, found.why


_AMOUNTS = st.decimals("1", "99999", places=2, allow_nan=False).filter(lambda each: each % 1)
_FACTORS = st.sampled_from(["0.5", "1.25", "3"])


@given(_AMOUNTS, st.sampled_from(["million", "billion"]), st.sampled_from("$€£"))
def test_the_same_amount_is_right_and_no_other_sign_scale_or_currency(
    amount: object, scale: str, currency: str
) -> None:
    question = "What were the sales of the harbour?"
    gold = f"{currency}{amount:,} {scale}"
    other = "billion" if scale == "million" else "million"
    another = "€" if currency == "$" else "$"
    assert judge(question, gold, f"They were {gold}.").verdict == "correct"
    for wrong in (
        f"-{gold}",
        f"They were not {gold}.",
        f"{currency}{amount:,} {other}",
        f"{currency}{amount:,}",
        f"{another}{amount:,} {scale}",
        f"{amount:,}%",
    ):
        assert judge(question, gold, wrong).verdict == "incorrect", wrong


@given(_AMOUNTS, _FACTORS)
def test_a_second_figure_is_no_answer(amount: object, factor: str) -> None:
    second = type(amount)(factor) * amount  # type: ignore[operator, call-arg]
    gold, other = f"${amount:,} million", f"${second:,.2f} million"
    for wrong in (f"It was {gold} or {other}.", f"{gold}, {other}", f"It was {other} or {gold}."):
        assert judge("What were sales?", gold, wrong).verdict == "incorrect", wrong
