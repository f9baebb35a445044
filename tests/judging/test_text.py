"""How much of a gold answer is there."""

from __future__ import annotations

from evals.judging.text import contradicted, coverage, relevance
from evals.judging.words import stems

QUESTION = "Which harbour is the largest?"


def test_share_of_words_that_the_question_does_not_give_away() -> None:
    gold = "The largest harbour is Port Blue"
    assert coverage(QUESTION, gold, "It is Port Blue.").share == 1
    assert coverage(QUESTION, gold, "The largest harbour is Red Bay.").share == 0
    assert coverage(QUESTION, gold, "It is Blue Bay.").share == 0.5


def test_numbers_count_as_two_words() -> None:
    gold = "Port Blue, with 40%"
    assert coverage(QUESTION, gold, "Port Blue").share == 0.5
    assert coverage(QUESTION, gold, "40.1%").share == 0.5
    assert coverage(QUESTION, gold, "Port Blue has 40% of all").share == 1


def test_gold_that_adds_nothing() -> None:
    found = coverage("Is the harbour large?", "The harbour is large", "A large harbour")
    assert found.share == 1
    assert found.wanted == 2
    assert coverage("Is it?", "it is", "what").share == 0


def test_contradicted() -> None:
    question = "Did the fleet change in 1950?"
    gold = "Yes, from 40 ships to 35 ships, by 12.5%"
    assert not contradicted(question, gold, "Yes, it now has 35 ships.")
    assert contradicted(question, gold, "Yes, from 90 ships to 80 ships.")
    assert not contradicted(question, gold, "Yes, it was worth $3 million less.")
    assert not contradicted(question, gold, "Yes.")


def test_relevance() -> None:
    assert relevance(QUESTION, "The largest of all harbours") == 1
    assert relevance(QUESTION, "Cheese") == 0
    assert relevance("?", "anything") == 1


def test_stems() -> None:
    assert stems("The ships' owners acquired acquisitions") == stems(
        "ship owner acquire acquisition"
    )
