"""How much of a gold answer's content an answer holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evals.judging.asked import Asked
from evals.judging.quantities import Quantity, quantities
from evals.judging.tolerance import Tolerance, same
from evals.judging.words import stems

_LOOSE = Tolerance(relative=0.01)
_LIKE_START = 5
_NUMBER = 2


@dataclass(frozen=True, slots=True)
class Coverage:
    """What an answer holds of what a gold answer adds to its question, as counts."""

    words: int
    wanted_words: int
    numbers: int
    wanted_numbers: int

    @property
    def share(self) -> float:
        """From 0 to 1, a number counting as two words; 0 where nothing is wanted."""
        return (self.words + _NUMBER * self.numbers) / self.wanted if self.wanted else 0.0

    @property
    def wanted(self) -> int:
        """How much is wanted, in words."""
        return self.wanted_words + _NUMBER * self.wanted_numbers


def coverage(question: str, gold: str, answer: str) -> Coverage:
    """What the answer holds of the gold answer, the question's own words and numbers left out.

    Where the gold answer adds nothing to the question, all its words count.
    """
    words, numbers = set(stems(gold)), _added(question, gold)
    added = words - set(stems(question))
    wanted = added if added or numbers else words
    given = quantities(answer)
    return Coverage(
        words=_held(wanted, stems(answer)),
        wanted_words=len(wanted),
        numbers=sum(_given(each, given) for each in numbers),
        wanted_numbers=len(numbers),
    )


def relevance(question: str, answer: str) -> float:
    """Share of the question's words in the answer, from 0 to 1; 1 for a question without any."""
    wanted = set(stems(question))
    return _held(wanted, stems(answer)) / len(wanted) if wanted else 1.0


def contradicted(question: str, gold: str, answer: str) -> bool:
    """Whether both give quantities of the same kind, and not one of the gold ones is given."""
    wanted = _added(question, gold)
    given = _added(question, answer)
    shared = {_kind(each) for each in wanted} & {_kind(each) for each in given}
    compared = [each for each in wanted if _kind(each) in shared]
    return bool(compared) and not any(_given(each, given) for each in compared)


def _held(wanted: set[str], words: Sequence[str]) -> int:
    """How many are there, by stem or by the first letters of long ones."""
    starts = {each[:_LIKE_START] for each in words if len(each) >= _LIKE_START}
    whole = set(words)
    return sum(each in whole or each[:_LIKE_START] in starts for each in wanted)


def _added(question: str, text: str) -> list[Quantity]:
    known = quantities(question)
    return [each for each in quantities(text) if not _given(each, known)]


def _given(wanted: Quantity, given: Sequence[Quantity]) -> bool:
    """Signs are told in words too often to hold against an answer here."""
    return any(same(each, wanted, Asked(magnitude=True), _LOOSE) for each in given)


def _kind(quantity: Quantity) -> tuple[bool, float]:
    share = quantity.unit in ("percent", "points")
    return share, 1.0 if share else quantity.scale
