"""FinanceBench's answers with people's labels.

A folder holds `financebench_open_source.jsonl` (the questions) and `human_labels/*.jsonl`, a file
for each run of a model, named for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import SourceMissing
from evals.datasets.judged import BadData
from evals.datasets.lines import rows
from evals.judging.judgement import Verdict
from evals.judging.offline import Gold, gold_number

_QUESTIONS = "financebench_open_source.jsonl"
_RUNS = "human_labels"
_LABELS: Mapping[str, Verdict] = {
    "Correct Answer": "correct",
    "Incorrect Answer": "incorrect",
    "Refusal": "refused",
}


@dataclass(frozen=True, slots=True)
class Labelled:
    """One answer of one run, with what a person says of it."""

    run: str
    question_id: str
    question_type: str
    question: str
    gold: Gold
    answer: str
    human: Verdict

    @property
    def numeric(self) -> bool:
        """Whether the gold answer is one number or percentage."""
        return gold_number(self.gold) is not None


def labelled(folder: Path) -> list[Labelled]:
    """All answers, by run and then as the files have them.

    Raises SourceMissing where a file is, BadData for rows that lack a field or have another label.
    """
    types = dict(_types(folder / _QUESTIONS))
    files = sorted((folder / _RUNS).glob("*.jsonl"))
    if not files:
        raise SourceMissing("no file of labelled answers").at(where=str(folder / _RUNS))
    return [_answer(file, row, types) for file in files for row in rows(file)]


def _types(file: Path) -> Iterator[tuple[str, str]]:
    for row in rows(file):
        yield _field(file, row, "financebench_id"), _field(file, row, "question_type")


def _answer(file: Path, row: dict[str, Any], types: Mapping[str, str]) -> Labelled:
    id, label = _field(file, row, "financebench_id"), _field(file, row, "label")
    if id not in types:
        raise BadData(f"no question {id!r} in {_QUESTIONS}").at(where=str(file))
    if label not in _LABELS:
        raise BadData(f"label {label!r}").at(where=str(file), hint=f"one of: {', '.join(_LABELS)}")
    gold = row.get("gold_answer")
    if not isinstance(gold, str | int | float) or isinstance(gold, bool):
        raise BadData(f"gold answer of {id} is neither text nor a number").at(where=str(file))
    return Labelled(
        run=file.stem,
        question_id=id,
        question_type=types[id],
        question=_field(file, row, "question"),
        gold=gold,
        answer=_field(file, row, "model_answer"),
        human=_LABELS[label],
    )


def _field(file: Path, row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise BadData(f"a row has no text {name!r}").at(where=str(file))
    return value
