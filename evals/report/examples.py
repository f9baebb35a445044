"""Questions on which two systems differ most, with what each of them found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evals import pages
from evals.compare.outcome import Measured, Outcome
from evals.compare.ranking import Seen
from evals.datasets.judged import Evidence, Judged, Question
from evals.significance.comparison import Comparison
from evals.units import shows

_SHOWN = 5
"""Questions of each side of a comparison, hits of each, and relevant units that are named."""
Mark = Literal["relevant", "near", ""]
"""Whether a hit shows what is judged relevant, or is from a document that does elsewhere."""
Place = tuple[str, int | None, int | None]
"""A relevant unit with its rank in a and in b, from 1; None: not found."""


@dataclass(frozen=True)
class Example:
    """A question on which two systems differ."""

    question: Question
    a: float
    b: float
    hits_a: Sequence[tuple[Seen, Mark]]
    hits_b: Sequence[tuple[Seen, Mark]]
    places: Sequence[Place]
    """The best ranked ones."""
    more: int
    """Relevant units that are not among `places`."""


@dataclass(frozen=True)
class Examples:
    """Where b wins most and where it loses most, by the first metric."""

    comparison: Comparison
    wins: Sequence[Example]
    losses: Sequence[Example]


def examples(outcome: Outcome, comparison: Comparison) -> Examples:
    """The questions with the largest differences, the largest first."""
    by_name = {each.name: each for each in outcome.systems}
    questions = {each.id: each for each in outcome.data.questions}
    ordered = sorted(
        comparison.per_query.items(), key=lambda each: (each[1][0] - each[1][1], each[0])
    )

    def made(id: str, values: tuple[float, float]) -> Example:
        a, b = by_name[comparison.a], by_name[comparison.b]
        return _example(outcome.data, questions[id], values, a, b)

    wins = [made(id, pair) for id, pair in ordered[:_SHOWN] if pair[1] > pair[0]]
    losses = [made(id, pair) for id, pair in reversed(ordered[-_SHOWN:]) if pair[1] < pair[0]]
    return Examples(comparison, wins, losses)


def _example(
    data: Judged, question: Question, values: tuple[float, float], a: Measured, b: Measured
) -> Example:
    found_a, found_b = (each.rankings[question.id] for each in (a, b))

    def marked(hits: Sequence[Seen]) -> list[tuple[Seen, Mark]]:
        return [(hit, _mark(data, question, hit)) for hit in hits[:_SHOWN]]

    places = _places(data.relevant(question.id), found_a.units, found_b.units)
    return Example(
        question=question,
        a=values[0],
        b=values[1],
        hits_a=marked(found_a.hits),
        hits_b=marked(found_b.hits),
        places=places[:_SHOWN],
        more=len(places[_SHOWN:]),
    )


def _places(units: Sequence[str], a: Sequence[str], b: Sequence[str]) -> list[Place]:
    """The best ranked first, then those that neither found."""
    first, second = ({unit: at for at, unit in enumerate(own, 1)} for own in (a, b))
    found = [(unit, first.get(unit), second.get(unit)) for unit in units]
    last = len(units) + len(first | second)
    return sorted(found, key=lambda each: min(filter(None, each[1:]), default=last))


def _mark(data: Judged, question: Question, hit: Seen) -> Mark:
    if _shows(data, question, hit):
        return "relevant"
    documents = {data.document_of(unit) for unit in data.relevant(question.id)}
    return "near" if hit.document_id in documents else ""


def _shows(data: Judged, question: Question, hit: Seen) -> bool:
    if data.unit == "span":
        own = Evidence(hit.document_id, hit.start, hit.end)
        return any(shows(own, each) for each in data.evidence.get(question.id, ()))
    spanned = pages.spanned(hit.document_id, hit.page, hit.last_page)
    shown = [hit.document_id] if data.unit == "document" else spanned
    return not set(shown).isdisjoint(data.relevant(question.id))
