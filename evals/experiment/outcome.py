"""What the outcomes of all experiments have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from evals.datasets.judged import Judged, LeftOut
from evals.datasets.part import SEED
from evals.experiment.namesakes import Namesakes
from evals.significance.comparison import Comparison
from evals.significance.rules import Rules

VERDICTS = {
    "better": "better than",
    "worse": "worse than",
    "no_worse": "no worse than",
    "undecided": "not shown to differ from",
}
_ITSELF = "questions that are documents of the corpus themselves, which are not counted as hits"
_ANOTHER = "questions with the id of a document of another text, which counts as any other does"


class Measured(Protocol):
    """A system that was asked the questions."""

    @property
    def name(self) -> str: ...

    @property
    def namesakes(self) -> Namesakes: ...


M = TypeVar("M", bound=Measured)


@dataclass(frozen=True, kw_only=True)
class Outcome(Generic[M]):
    """The head of an outcome, whatever was measured."""

    data: Judged = field(repr=False)
    systems: Sequence[M]
    excluded: Mapping[str, str]
    """Systems that could not be measured, with the reason."""
    comparisons: Sequence[Comparison]
    rules: Rules

    def of(self, metric: str) -> list[Comparison]:
        """The comparisons by a metric."""
        return [each for each in self.comparisons if each.metric == metric]

    @property
    def notes(self) -> list[str]:
        """What a reader of the values has to know of how they came about, in sentences; none where
        nothing is out of the ordinary.
        """
        return [*_part(self.data), *_namesakes(self.systems)]


def sentence(found: Comparison, p: str) -> str:
    """What a comparison says, with `p` as it is told."""
    confidence = f"{100 * (1 - found.rules.alpha):g} % interval"
    return (
        f"{found.b} is {VERDICTS[found.verdict]} {found.a}{found.caveat} ({found.difference:+.3f}, "
        f"{confidence} {found.ci_low:+.3f} to {found.ci_high:+.3f}, {p})"
    )


def _part(data: Judged) -> Iterator[str]:
    """What a part of the questions can show."""
    if data.part and data.part.drawn:
        yield f"{data.part} (seed {SEED}): all of them may show what these do not"
    elif data.part:
        yield f"{data.part}: they need not be like the rest, as drawn ones would be"


def _namesakes(systems: Sequence[Measured]) -> Iterator[str]:
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
