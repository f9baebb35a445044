"""A small data set with answers, and pipelines that answer it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.answers.outcome import Measured, Outcome
from evals.answers.plan import Plan, plan
from evals.answers.run import run
from tests.compare.data import pipeline

WHEELS = ("Bourne", "Welland", "Nene", "Ouse", "Cam", "Lark", "Stour", "Blackwater")
KINDS = ("turns", "load")
NONE = dict.fromkeys(("correct", "incorrect", "refused", "failed", "unmeasured"), 0)
"""Counts of verdicts, none of each."""


def turns(number: int) -> int:
    """Of the wheel on the river of that number, in an hour."""
    return 310 + 7 * number


def data(folder: Path) -> Path:
    """A document for each river with two facts; each question asks for one, and its sentence is the
    evidence.
    """
    (folder / "qrels").mkdir(parents=True)
    corpus, queries, judged = [], [], []
    for number, river in enumerate(WHEELS):
        id = f"d{number}"
        facts = (
            f"The wheel on the river {river} turns {turns(number)} times in an hour.",
            f"The stone by the {river} grinds {number + 2} sacks of barley at one load.",
        )
        text = f"This is about a mill. {' '.join(facts)}"
        corpus.append({"_id": id, "title": river, "text": text, "company": river})
        asked = (
            f"How many times does the wheel on the {river} turn in an hour?",
            f"How many sacks of barley does the stone by the {river} grind at one load?",
        )
        for kind, fact, question, answer in zip(
            KINDS, facts, asked, (turns(number), number + 2), strict=True
        ):
            start = text.index(fact)
            queries.append(
                {
                    "_id": f"{kind}-{river}",
                    "text": question,
                    "type": kind,
                    "answer": str(answer),
                    "company": river,
                    "evidence_char_spans": {id: [[start, start + len(fact)]]},
                }
            )
            judged.append(f"{kind}-{river}\t{id}\t1\n")
    _lines(folder / "corpus.jsonl", corpus)
    _lines(folder / "queries.jsonl", queries)
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{''.join(judged)}")
    return folder


def recorded(folder: Path, name: str, answers: Mapping[str, str]) -> Path:
    """A pipeline that replays these answers, by question id."""
    file = folder / f"{name}.jsonl"
    _lines(file, [{"question_id": id, "answer": text} for id, text in answers.items()])
    return answering(folder, name, {"use": "recorded", "path": str(file)})


def answering(folder: Path, name: str, answerer: Mapping[str, Any]) -> Path:
    """A pipeline that searches by words."""
    sparse = {"use": "sparse"}
    splitter = {"use": "sentence", "max_tokens": 32}
    return pipeline(folder, name, splitter=splitter, retriever=sparse, answerer=dict(answerer))


def planned(folder: Path, *files: Path, **more: Any) -> Plan:
    if not (folder / "data").exists():
        data(folder / "data")
    asked = {"data": str(folder / "data"), "home": folder / "home", **more}
    return plan(pipelines=files, **asked)


def outcome(folder: Path, *files: Path, **more: Any) -> Outcome:
    return run(planned(folder, *files, **more))


def only(found: Outcome) -> Measured:
    (system,) = found.systems
    return system


def gold(kinds: tuple[str, ...] = KINDS) -> dict[str, str]:
    """Right answers by question id."""
    return {
        f"{kind}-{river}": str(turns(number) if kind == "turns" else number + 2)
        for number, river in enumerate(WHEELS)
        for kind in kinds
    }


def _lines(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
