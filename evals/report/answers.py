"""Answers and what was thought of them, as one HTML file."""

from __future__ import annotations

from evals.answers.losses import LOSSES
from evals.answers.outcome import MEASURED, Outcome, Row
from evals.answers.retrieval import MEASURES
from evals.compare.notes import of_namesakes
from evals.compare.outcome import VERDICTS
from evals.report import plots
from evals.report.templates import template

_PAGE = "answers.html"
_SHOWN = 4_000
"""Characters of a passage."""


def page(outcome: Outcome) -> str:
    """The page. Raises MissingExtra."""
    correct = [each for each in outcome.comparisons if each.metric == "correct"]
    counts = {each.name: each.whole.counts for each in outcome.systems}
    rendered: str = template(_PAGE).render(
        outcome=outcome,
        told=outcome.to_json(),
        notes=list(of_namesakes(outcome.systems)),
        classes=MEASURED,
        losses=LOSSES,
        measures=MEASURES,
        verdicts=VERDICTS,
        correct=correct,
        questions=_questions(outcome),
        shown=_SHOWN,
        drawn=plots.verdicts(counts),
        differences=plots.differences(correct) if correct else "",
    )
    return rendered


def _questions(outcome: Outcome) -> list[list[tuple[str, Row]]]:
    """Of each question, every system's row with its name."""
    return [
        [(each.name, row) for each, row in zip(outcome.systems, rows, strict=True)]
        for rows in zip(*(each.rows for each in outcome.systems), strict=True)
    ]
