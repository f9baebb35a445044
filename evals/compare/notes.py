"""What a reader of the values has to know of how they came about, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from evals.compare.evaluate import Namesakes
from evals.compare.outcome import Outcome
from evals.datasets.judged import LeftOut

_ITSELF = "questions that are documents of the corpus themselves, which are not counted as hits"
_ANOTHER = "questions with the id of a document of another text, which counts as any other does"


class Asked(Protocol):
    """A system that was asked the questions."""

    @property
    def name(self) -> str: ...

    @property
    def namesakes(self) -> Namesakes: ...


def notes(outcome: Outcome) -> list[str]:
    """None where nothing is out of the ordinary."""
    return [*_of_grades(outcome.data.grade_scale), *of_namesakes(outcome.systems)]


def _of_grades(scale: int) -> Iterator[str]:
    if scale > 1:
        yield f"some grades are fractions: all are multiplied by {scale:,}, above 0 is relevant"


def of_namesakes(systems: Sequence[Asked]) -> Iterator[str]:
    """What is told of questions whose id a document has."""
    alike = all(each.namesakes == systems[0].namesakes for each in systems)
    for each in systems[:1] if alike else systems:
        name = "" if alike else f"{each.name}: "
        for told, found in ((_ITSELF, each.namesakes.itself), (_ANOTHER, each.namesakes.another)):
            if found.count:
                yield f"{name}{told}: {_counted(found)}"


def _counted(found: LeftOut) -> str:
    more = ", …" if found.count > len(found.first) else ""
    return f"{found.count} ({', '.join(found.first)}{more})"
