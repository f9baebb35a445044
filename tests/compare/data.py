"""A small data set and pipelines for comparisons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.corpora import prose

DOCUMENTS = 30


def beir(folder: Path, questions: int = 12) -> Path:
    """Documents of prose; each question is a document's third sentence, and it alone is right."""
    (folder / "qrels").mkdir(parents=True)
    texts = {f"d{number}": prose(number, 6) for number in range(DOCUMENTS)}
    rows = [{"_id": id, "title": id.upper(), "text": text} for id, text in texts.items()]
    asked = [
        {"_id": f"q{number}", "text": texts[f"d{number}"].split(". ")[2], "kind": "ab"[number % 2]}
        for number in range(questions)
    ]
    _lines(folder / "corpus.jsonl", rows)
    _lines(folder / "queries.jsonl", asked)
    judged = "".join(f"q{number}\td{number}\t1\n" for number in range(questions))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    return folder


def pipeline(folder: Path, name: str, **stages: dict[str, Any]) -> Path:
    """A pipeline file of hashed words; its own source is not there."""
    told = {
        "name": name,
        "source": {"use": "jsonl", "path": "nowhere.jsonl"},
        "splitter": {"use": "sentences", "max_tokens": 32},
        "encoder": {"use": "hashing", "width": 64},
        "sparse": {"use": "bm25"},
        **stages,
    }
    file = folder / f"{name}.yaml"
    file.write_text(json.dumps(told))
    return file


def _lines(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
