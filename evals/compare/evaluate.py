"""What one system's answers are worth: judged question by question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evals.compare.ranking import Asked, Ranking, answers
from evals.compare.rankings import place, rankings
from evals.compare.values import Values, budgets, canonical, depth, values
from evals.datasets.judged import Judged, LeftOut
from evals.experiment.namesakes import Namesakes
from evals.experiment.systems import System

METRICS = ("nDCG@10", "R@100", "RR@10")
OF_SPANS = ("nDCG@10", "R@10", "coverage@2000")
"""Where the data set judges spans."""


@dataclass(frozen=True, kw_only=True)
class Absent:
    """Relevant documents that an index does not hold. Their judgements count all the same."""

    documents: LeftOut
    questions: LeftOut
    """Those without a relevant document that is held: nothing can answer them."""


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """One system on one data set."""

    values: Values
    absent: Absent
    namesakes: Namesakes
    rankings: Mapping[str, Ranking] = field(repr=False)
    """By question id, in the questions' order."""


def chosen(data: Judged, metrics: Sequence[str] = ()) -> list[str]:
    """The metrics in their one spelling, each once; by default those for the data set's units.

    Raises BadOption.
    """
    given = metrics or (OF_SPANS if data.unit == "span" else METRICS)
    return list(dict.fromkeys(canonical(each) for each in given))


def asking(data: Judged, metrics: Sequence[str], *, scoped: bool = False) -> Asked:
    """The questions, asked as deep as the metrics look. Raises BadOption, BadData, MissingExtra
    where that cannot be measured.
    """
    asked = Asked(
        data=data,
        scoped=scoped,
        depth=depth(metrics),
        budgets=tuple(sorted({*Asked.budgets, *budgets(metrics)})),
    )
    data.queries(scoped=scoped)
    values({}, metrics, asked)
    return asked


def evaluate(
    system: System,
    data: Judged,
    metrics: Sequence[str] = (),
    *,
    scoped: bool = False,
    home: Path | None = None,
) -> Evaluated:
    """Ask a system the questions and judge what it answers; nothing is built.

    `home`: where answers are kept, and taken from if they are there; None: kept nowhere. Raises
    NothingLive where there is no index, Moved where it changed meanwhile, Busy, MillraceError.
    """
    names = chosen(data, metrics)
    asked = asking(data, names, scoped=scoped)
    if home is None:
        found = {id: each for batch in answers(system, asked) for id, each in batch.items()}
    else:
        found = rankings(system, asked, place(home, system, asked))
    return Evaluated(
        values=values(found, names, asked),
        absent=_absent(system, data, found),
        namesakes=Namesakes.of({id: each.namesake for id, each in found.items()}),
        rankings=found,
    )


def _absent(system: System, data: Judged, found: Mapping[str, Ranking]) -> Absent:
    relevant = {
        id: {data.document_of(unit) for unit in data.relevant(id)} for id in data.judgements
    }
    seen = {data.document_of(unit) for each in found.values() for unit in each.units}
    doubtful = dict.fromkeys(
        id for wanted in relevant.values() for id in sorted(wanted) if id not in seen
    )
    gone: list[str] = []
    if doubtful:
        with system.opened() as reader:
            gone = [id for id in doubtful if not reader.count_chunks(id)]
    return Absent(
        documents=LeftOut.of(gone),
        questions=LeftOut.of(id for id, wanted in relevant.items() if wanted <= {*gone}),
    )
