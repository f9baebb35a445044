"""Which quantities of an answer are its answer, and which are on the way there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evals.judging.quantities import Quantity, quantities
from evals.judging.sentences import spans

Place = tuple[int, int]
_CONCLUDES = re.compile(
    r"\b(?:therefore|thus|hence|consequently|in conclusion|in summary|to summarize|as a result"
    r"|final answer|the answer(?: to the question)? is|rounded to|rounding)\b|^so\b|, so\b",
    re.IGNORECASE,
)
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")


def stated(answer: str) -> list[Quantity]:
    """The quantities of the final statement; empty where nothing is stated.

    The last sentence that concludes; else the first sentence that has a quantity, as a direct
    answer does, then what is set in bold and the result of the last formula.
    """
    given = quantities(answer)
    said = [each for each in spans(answer) if _within(given, each)]
    if not said:
        return []
    final = [each for each in said if _CONCLUDES.search(answer[slice(*each)])]
    if final:
        return _results(answer, given, final[-1])
    bold = [each for match in _BOLD.finditer(answer) for each in _within(given, match.span())]
    formulas = [each for each in said if _last_equals(answer, each) >= 0]
    last = _results(answer, given, formulas[-1]) if formulas else []
    return _results(answer, given, said[0]) + bold + last


def _results(answer: str, given: Sequence[Quantity], place: Place) -> list[Quantity]:
    """What stands after the last sign of equality; without one, all."""
    equals = _last_equals(answer, place)
    behind = _within(given, (equals, place[1])) if equals >= 0 else []
    return behind or _within(given, place)


def _last_equals(answer: str, place: Place) -> int:
    return max(answer.rfind(each, *place) for each in "=≈")


def _within(given: Sequence[Quantity], place: Place) -> list[Quantity]:
    return [each for each in given if place[0] <= each.start and each.end <= place[1]]
