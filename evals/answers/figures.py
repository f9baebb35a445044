"""Whether the figures that an answer quotes occur in what it cites."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose

from components.answerers.passages import without_marks
from evals.judging.quantities import quantities


def unsupported(question: str, answer: str, cited: Sequence[str]) -> list[str]:
    """Figures of the answer, as it writes them, that neither a cited text nor the question has. The
    numbers of passages that it names are none.

    Its sign and a scale that is told elsewhere are left open: tables write (1,577) below the word
    millions. What the answer has calculated is among them, and rightly: it is no quotation.
    """
    answer = without_marks(answer)
    known = [each for text in (question, *cited) for each in quantities(text)]
    numbers, values = {each.number for each in known}, {abs(each.value) for each in known}
    return [
        answer[each.start : each.end]
        for each in quantities(answer)
        if each.number not in numbers and not any(isclose(abs(each.value), v) for v in values)
    ]
