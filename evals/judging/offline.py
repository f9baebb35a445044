"""The judge: one rule for each kind of gold answer, the first that fits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from evals.judging.asked import asked
from evals.judging.judgement import Judgement
from evals.judging.polarity import asks_yes_or_no, leading, polarity
from evals.judging.quantities import Quantity, only_quantity
from evals.judging.refusals import refusal
from evals.judging.statement import stated
from evals.judging.text import contradicted, coverage
from evals.judging.tolerance import Tolerance, same

Gold = str | int | float
"""A number may be given as such: 0.15 is 15 %."""
_NEGATIVE = re.compile(
    r"^\W*(?:no\b|none\b|nothing\b|not\b|there (?:is|are|was|were) (?:no|not|none)\b)"
    r"|\b(?:did|has|have|had|was|were) not\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where shares become verdicts; chosen on the tuning half of FinanceBench's answers."""

    tolerance: Tolerance = field(default_factory=Tolerance)
    covered: float = 0.5
    """Least share of a short gold answer's content in a correct answer."""
    covered_long: float = 0.3
    """The same where the gold answer adds `long` words or more, a number counting as two."""
    long: int = 10
    answered: float = 0.5
    """Least such share for an answer that also says what it cannot tell."""
    telling: int = 4
    """Fewest words that the gold answer must add for that; fewer may be there by chance."""
    unsaid: float = 0.5
    """Least such share where neither yes nor no can be made out."""


_DEFAULT = Thresholds()


def judge(question: str, gold: Gold, answer: str, thresholds: Thresholds = _DEFAULT) -> Judgement:
    """Judge one answer by the gold one.

    Numbers go by numbers, yes and no by polarity, everything else by what the answer holds of the
    gold one. An empty answer is refused: whoever asked was told nothing, and nothing wrong. Without
    a gold answer it is unmeasured.
    """
    written = gold.strip() if isinstance(gold, str) else str(gold)
    if not written:
        return Judgement("unmeasured", "no-gold", "There is no gold answer to judge by.")
    if not answer.strip():
        return Judgement("refused", "empty", "The answer is empty.")
    number = gold_number(gold)
    if number:
        return _by_number(question, number, answer, thresholds)
    refused = _refused(question, written, answer, thresholds)
    if refused:
        return refused
    if leading(written):
        return _by_polarity(question, written, answer, thresholds)
    return _by_text(question, written, answer, thresholds)


def gold_number(gold: Gold) -> Quantity | None:
    """The one quantity that the gold answer is, or None where it is more than that."""
    if isinstance(gold, str):
        return only_quantity(gold)
    written = f"{gold:f}".rstrip("0").rstrip(".")
    return Quantity(float(gold), len(written.partition(".")[2]))


def _by_number(question: str, gold: Quantity, answer: str, thresholds: Thresholds) -> Judgement:
    lack = refusal(answer, wants_number=True)
    if lack:
        return _refusal(lack)
    found = stated(answer)
    if not found:
        return Judgement("incorrect", "number", "A number was asked for and none is stated.")
    wanted = asked(question)
    matching = [each for each in found if same(each, gold, wanted, thresholds.tolerance)]
    if matching:
        return Judgement("correct", "number", f"{_said(answer, matching[0])!r} is the gold number.")
    said = ", ".join(repr(_said(answer, each)) for each in found[:3])
    return Judgement("incorrect", "number", f"It states {said}, which is not the gold number.")


def _refused(question: str, gold: str, answer: str, thresholds: Thresholds) -> Judgement | None:
    lack = refusal(answer, denial_answers=bool(_NEGATIVE.search(gold)))
    held = coverage(question, gold, answer)
    answered = held.wanted >= thresholds.telling and held.share >= thresholds.answered
    return _refusal(lack) if lack and not answered else None


def _by_polarity(question: str, gold: str, answer: str, thresholds: Thresholds) -> Judgement:
    wanted, said = leading(gold), polarity(question, answer)
    if said is None:
        share = coverage(question, gold, answer).share
        return Judgement(
            "correct" if share >= thresholds.unsaid else "incorrect",
            "yes-no",
            f"It says neither yes nor no and holds {share:.0%} of the gold answer.",
        )
    if said != wanted:
        return Judgement(
            "incorrect", "yes-no", f"It says {said} where the gold answer is {wanted}."
        )
    if contradicted(question, gold, answer):
        return Judgement("incorrect", "yes-no-numbers", f"It says {said}, with other numbers.")
    return Judgement("correct", "yes-no", f"It says {said}, as the gold answer does.")


def _by_text(question: str, gold: str, answer: str, thresholds: Thresholds) -> Judgement:
    said, implied = leading(answer), polarity(question, gold)
    if asks_yes_or_no(question) and said and implied and said != implied:
        return Judgement(
            "incorrect", "yes-no", f"It says {said}; the gold answer implies {implied}."
        )
    found = coverage(question, gold, answer)
    share, needed = found.share, thresholds.covered
    if found.wanted >= thresholds.long:
        needed = thresholds.covered_long
    why = f"It holds {share:.0%} of what the gold answer adds to the question."
    return Judgement("correct" if share >= needed else "incorrect", "text", why)


def _refusal(sentence: str) -> Judgement:
    return Judgement("refused", "refusal", f"It says that it cannot tell: {sentence[:80]!r}.")


def _said(answer: str, quantity: Quantity) -> str:
    return answer[quantity.start : quantity.end]
