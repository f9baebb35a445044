"""What answers leave: JSON, the answers as lines that `recorded` replays, and a page for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evals.answers.losses import LOSSES, OF_HITS
from evals.answers.outcome import MEASURED, Measured, Outcome, Row
from evals.experiment.outcome import VERDICTS
from evals.report import files, plots
from evals.report.templates import template

_ANSWERS = "answers"
_SHOWN = 4_000
"""Characters of a passage."""


def write(outcome: Outcome, out: Path) -> None:
    """All files into `out`, which is there. Raises as `files.writing` does."""
    with files.writing(out):
        (out / "outcome.json").write_text(
            json.dumps(outcome.to_json(), indent=1, ensure_ascii=False), encoding="utf-8"
        )
        (out / _ANSWERS).mkdir(exist_ok=True)
        for each in outcome.systems:
            lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in _rows(each))
            file = out / _ANSWERS / f"{files.file_name(each.name)}.jsonl"
            file.write_text(lines, encoding="utf-8")
        (out / files.REPORT).write_text(page(outcome), encoding="utf-8")


def page(outcome: Outcome) -> str:
    """The page. Raises MissingExtra."""
    correct = outcome.of("correct")
    told = outcome.to_json()
    counts = {each.name: each.whole.counts for each in outcome.systems}
    rendered: str = template("answers.html").render(
        outcome=outcome,
        told=told,
        notes=outcome.notes,
        classes=MEASURED,
        losses=LOSSES,
        measures=OF_HITS,
        verdicts=VERDICTS,
        correct=[each for each in told["comparisons"] if each["metric"] == "correct"],
        questions=_questions(outcome),
        shown=_SHOWN,
        drawn=plots.verdicts(counts),
        differing=plots.differences(correct) if correct else "",
    )
    return rendered


def _questions(outcome: Outcome) -> list[list[tuple[str, Row]]]:
    """Of each question, every system's row with its name."""
    return [
        [(each.name, row) for each, row in zip(outcome.systems, rows, strict=True)]
        for rows in zip(*(each.rows for each in outcome.systems), strict=True)
    ]


def _rows(measured: Measured) -> list[dict[str, Any]]:
    """Questions that have an answer."""
    return [
        {
            "question_id": each.question.id,
            "question": each.question.text,
            "gold_answer": each.gold,
            "answer": each.answered.text,
            "verdict": each.verdict,
        }
        for each in measured.rows
        if not each.answered.error
    ]
