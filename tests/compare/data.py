"""A small data set and pipelines for comparisons."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.corpus import run
from components.corpus.request import Job, Request, new_run_id
from components.corpus.seal import seal
from components.corpus.survey import survey
from components.corpus.write import write
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


def served(folder: Path, name: str = "mill", **stages: dict[str, Any]) -> Path:
    """A pipeline file over the documents of `beir(folder / "data")`; nothing is refreshed yet."""
    own: dict[str, dict[str, Any]] = {
        "source": {"use": "jsonl", "path": "data/corpus.jsonl"},
        "index": {"use": "qdrant_edge", "path": "store"},
    }
    return pipeline(folder, name, **{**own, **stages})


def publish(file: Path, overrides: Sequence[str] = ()) -> str:
    """Refresh; the name of the generation that is live now."""
    return run.run(_job(file, overrides)).generation


def held(file: Path, overrides: Sequence[str] = ()) -> str:
    """As a refresh, but what it has built is not published; its name."""
    job = _job(file, overrides)
    with job.corpus.lock():
        found = survey(job, file.parent)
        written = write(job, found, lambda _: None)
        return seal(job, found, written.draft).generation.name


def without_corpus(folder: Path) -> Path:
    """A data set's questions and judgements alone, in a folder of their own."""
    alone = folder.with_name(f"{folder.name}-alone")
    shutil.copytree(folder, alone, ignore=shutil.ignore_patterns("corpus.jsonl"))
    return alone


def _job(file: Path, overrides: Sequence[str]) -> Job:
    return Job(Request(pipeline=str(file), run_id=new_run_id(), overrides=tuple(overrides)))


def _lines(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
