"""Data sets in the layout of BEIR, made for a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.sources.jsonl import JsonLines
from components.values import Document, DocumentRef
from evals.datasets.judged import Judged

CORPUS: list[dict[str, Any]] = [
    {"_id": "d1", "title": "One", "text": "The wheel turns.", "site": "mill"},
    {"_id": "d2", "title": "Two", "text": "The weir holds.", "site": "weir"},
    {"_id": 3, "title": "Three", "text": "Grain.", "site": "mill"},
]
QUERIES: list[dict[str, Any]] = [
    {"_id": "q1", "text": "What turns?", "site": "mill", "type": "what", "answers": ["wheel"]},
    {"_id": "q2", "text": "What holds?", "site": "weir", "evidence": [{"x": 1}], "none": None},
]
QRELS = ["q1\td1\t2", "q1\t3\t0", "q2\td2\t1"]
HEADER = "query-id\tcorpus-id\tscore"


def made(
    folder: Path,
    corpus: list[dict[str, Any]] = CORPUS,
    queries: list[dict[str, Any]] = QUERIES,
    qrels: list[str] = QRELS,
    header: str | None = HEADER,
    split: str = "test",
) -> str:
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = [*([header] if header else []), *qrels]
    (folder / "qrels" / f"{split}.tsv").write_text("\n".join(lines))
    return str(folder)


def documents(data: Judged) -> dict[str, Document]:
    """What the source of a data set reads, by id."""
    options = dict(data.source)
    assert options.pop("use") == "jsonl"
    source = JsonLines(**{**options, "path": Path(options["path"])})
    refs = [each for each in source.scan() if isinstance(each, DocumentRef)]
    return {each.id: source.read(each) for each in refs}
