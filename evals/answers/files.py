"""What a run leaves: JSON, the answers as lines that `recorded` replays, and a page for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evals.answers.outcome import Measured, Outcome
from evals.compare.files import file_name, writing
from evals.report.answers import page

REPORT = "report.html"
ANSWERS = "answers"


def write(outcome: Outcome, out: Path) -> None:
    """All files into `out`, which is there. Raises as `writing` does."""
    with writing(out):
        (out / "outcome.json").write_text(
            json.dumps(outcome.to_json(), indent=1, ensure_ascii=False), encoding="utf-8"
        )
        (out / ANSWERS).mkdir(exist_ok=True)
        for each in outcome.systems:
            lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in _rows(each))
            (out / ANSWERS / f"{file_name(each.name)}.jsonl").write_text(lines, encoding="utf-8")
        (out / REPORT).write_text(page(outcome), encoding="utf-8")


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
