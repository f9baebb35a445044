"""The judge that asks no model: refusals, quantities, and yes or no. It leaves prose to others."""

from __future__ import annotations

import re

from components.answerers.passages import without_marks
from evals.judging.asked import asked
from evals.judging.claims import claims
from evals.judging.equality import alike, same
from evals.judging.judgement import Judgement
from evals.judging.polarity import leading, polarity
from evals.judging.quantities import (
    CURRENCIES,
    SHARES,
    Quantity,
    in_digits,
    only_quantity,
    quantities,
)
from evals.judging.refusals import admission, refusal

Gold = str | int | float
"""A number may be given as such: 0.15 is 15 %."""
UNDECIDED = frozenset({"prose", "yes-no"})
"""The rules that leave an answer unmeasured because it is beyond them; a model may judge it."""
_NEGATIVE = re.compile(
    r"(?i)^\W*(?:no\b|none\b|nothing\b|not\b|there (?:is|are|was|were) (?:no|not|none)\b)"
    r"|\b(?:did|has|have|had|was|were)(?: not|n['’]t| never)\b"
)
_NOTHING = re.compile(
    r"(?i)\b(?:nil|none|nothing|no(?=\s[a-z])(?!\s(?:less|more|fewer|later|lower|higher|longer)\b))\b"
)
_MARKUP = (
    (r"\*\*|__|`|\\(?:left|right|[,;!])|\\(?=[$%&#_()\[\]])", ""),
    (r"\\(?:text|mathrm)\{([^{}]{0,200})\}", r"\1"),
    (r"\\frac\{([^{}]{0,200})\}\{([^{}]{0,200})\}", r"(\1)/(\2)"),
    (r"\\approx", "≈"),
    (r"\\times", "×"),
    (r'^[\s\S]*"(?:final_)?answer"\s*:\s*("[^"]*"|[^,}]*)[\s\S]*$', r"\1"),
)
"""Of Markdown, LaTeX and JSON, what an answer says."""


def judge(question: str, gold: Gold, answer: str) -> Judgement:
    """Judge one answer by the gold one.

    Where the gold answer is one quantity, so must be the answer, and the same one; where it begins
    with yes or no, that decides. An empty answer is refused: whoever asked was told nothing, and
    nothing wrong. Prose is unmeasured, and so is an answer that says neither yes nor no, and any
    without a gold answer. Raises MissingExtra.
    """
    written = gold.strip() if isinstance(gold, str) else str(gold)
    if not written:
        return Judgement("unmeasured", "no-gold", "There is no gold answer to judge by.")
    if not answer.strip():
        return Judgement("refused", "empty", "The answer is empty.")
    number = gold_number(gold)
    answer = without_marks(answer)
    for markup, plain in _MARKUP:
        answer = re.sub(markup, plain, answer)
    answer = in_digits(answer)
    if number and not number.number:
        answer = _NOTHING.sub("0", answer)
    lack = refusal(
        answer, wants_number=bool(number), denial_answers=bool(_NEGATIVE.search(written))
    )
    if lack:
        return _refused(lack)
    if number:
        return _by_number(question, number, answer)
    if leading(written):
        return _by_polarity(question, written, answer)
    return Judgement("unmeasured", "prose", "Rules cannot tell whether prose says the same.")


def gold_number(gold: Gold) -> Quantity | None:
    """The one quantity that the gold answer is, or None where it is more than that."""
    if isinstance(gold, str):
        return only_quantity(gold)
    written = f"{abs(gold):f}".rstrip("0").rstrip(".")
    return Quantity(float(written), len(written.partition(".")[2]), "-" if gold < 0 else "")


def _by_number(question: str, gold: Quantity, answer: str) -> Judgement:
    wanted = asked(question)
    found = claims(question, wanted, gold, answer)
    said = ", ".join(repr(answer[each.start : each.end]) for each in found[:3])
    if not found and (lack := admission(answer)):
        return _refused(lack)
    if not found and not gold.number and _NEGATIVE.search(answer) and not quantities(answer):
        return Judgement("correct", "number", "It says that there was none.")
    if not found:
        return Judgement("incorrect", "number", "It states no quantity of the kind asked for.")
    if all(same(each, gold, wanted) for each in found):
        return Judgement("correct", "number", f"{said} is the gold number.")
    several = "s more than one quantity:" if len(found) > 1 else "s"
    return Judgement("incorrect", "number", f"It state{several} {said}, not the gold number.")


def _refused(sentence: str) -> Judgement:
    return Judgement("refused", "refusal", f"It says that it cannot tell: {sentence[:80]!r}.")


def _by_polarity(question: str, gold: str, answer: str) -> Judgement:
    wanted, said = leading(gold), polarity(question, answer)
    if said is None:
        return Judgement("unmeasured", "yes-no", "It says neither yes nor no.")
    if said != wanted:
        return Judgement("incorrect", "yes-no", f"It says {said}; the gold answer is {wanted}.")
    if _other_figures(question, gold, answer):
        return Judgement("unmeasured", "yes-no", f"It says {said}, with none of the gold figures.")
    return Judgement("correct", "yes-no", f"It says {said}, as the gold answer does.")


def _other_figures(question: str, gold: str, answer: str) -> bool:
    """Whether both add figures of a kind to the question, and share none."""
    known = [each.value for each in quantities(question)]
    wanted = [each for each in quantities(gold) if each.value not in known]
    kinds = {_kind(each) for each in wanted}
    given = [each for each in quantities(answer) if _kind(each) in kinds]
    return bool(given) and not any(alike(each, one) for each in given for one in wanted)


def _kind(quantity: Quantity) -> tuple[str, float]:
    unit = "%" if quantity.unit in SHARES else quantity.unit
    return unit if unit == "%" or unit in CURRENCIES else "", quantity.scale
