"""Whether the figures that an answer quotes occur in what it cites."""

from __future__ import annotations

from collections.abc import Sequence

from components.answerers.passages import without_marks
from evals.judging.asked import Asked
from evals.judging.quantities import Quantity, quantities
from evals.judging.tolerance import Tolerance, same

_EXACT = Tolerance(relative=1e-9, truncated=False, coarser=False)
_ANY_SIGN = Asked(magnitude=True)


def unsupported(question: str, answer: str, cited: Sequence[str]) -> list[str]:
    """Figures of the answer, as it writes them, that neither a cited text nor the question has. The
    numbers of passages that it names are none.

    Its sign and a scale that is told elsewhere are left open: tables write (1,577) below the word
    millions. What the answer has calculated is among them, and rightly: it is no quotation.
    """
    answer = without_marks(answer)
    known = [each for text in (question, *cited) for each in quantities(text)]
    numbers = {abs(each.number) for each in known}
    return [
        answer[each.start : each.end]
        for each in quantities(answer)
        if not _held(each, known, numbers)
    ]


def _held(quoted: Quantity, known: Sequence[Quantity], numbers: set[float]) -> bool:
    if abs(quoted.number) in numbers:
        return True
    return any(same(quoted, each, _ANY_SIGN, _EXACT) for each in known)
