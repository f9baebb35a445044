"""Answers in many ways of writing: right ones stay right, and wrong ones never become so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.judging.offline import judge

_FILE = Path(__file__).with_name("answers.txt")
_QUESTION = "What was net income in 2018 (in USD millions)?"


def _groups() -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Question, gold answer, and marked answers."""
    for group in _FILE.read_text(encoding="utf-8").split("\n\n")[1:]:
        question, gold, *rest = (line[2:] for line in group.strip("\n").split("\n"))
        marks = [line[0] for line in group.strip("\n").split("\n")[2:]]
        plain = [each.encode().decode("unicode_escape").encode("latin-1").decode() for each in rest]
        yield question, gold, list(zip(marks, plain, strict=True))


@pytest.mark.parametrize(("question", "gold", "answers"), _groups())
def test_answers(question: str, gold: str, answers: list[tuple[str, str]]) -> None:
    for mark, answer in answers:
        found = judge(question, gold, answer)
        wanted = {"+": found.verdict == "correct", "~": found.verdict == "refused"}
        assert wanted.get(mark, found.verdict != "correct"), (answer, found)


@pytest.mark.parametrize(
    "part",
    [
        "1,577 ",
        "1 or ",
        "one ",
        " ",
        "\n",
        "(",
        "not ",
        "= 1 ",
        "\\frac{",
        '"answer": ',
        "| 1 | 2 |\n",
    ],
)
def test_long_answers_take_time_by_their_length(part: str) -> None:
    judge(_QUESTION, "$1577.00", part)
    spent = []
    for length in (2_000, 16_000):
        started = time.process_time()
        judge(_QUESTION, "$1577.00", part * (length // len(part)))
        spent.append(time.process_time() - started)
    assert spent[1] < max(40 * spent[0], 1.0)


def test_a_number_of_many_digits_is_judged() -> None:
    for answer in ("1" * 5000, "1," * 2000, "1,111" * 900, "." * 5000):
        assert judge(_QUESTION, "$1577.00", answer).verdict == "incorrect"


@given(st.text(st.characters(), max_size=60), st.sampled_from(["$5.00", "5%", "Yes", "-3"]))
def test_any_characters_are_judged(text: str, gold: str) -> None:
    for answer in (text, f"It was {text} 5{text}", f"\ud800{text}%"):
        judge(f"By how much did {text} fall?", gold, answer)
