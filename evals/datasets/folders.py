"""Data sets that are made here are written once, in the layout of BEIR, and then read as such."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from components.machine import temporary
from evals.datasets.judged import Judgements

Rows = Iterable[Mapping[str, Any]]


def once(folder: Path, write: Callable[[Path], None]) -> Path:
    """`folder`, filled by `write` unless it is there. It appears whole or not at all."""
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with temporary.folder(".making-", folder.parent) as aside:
        made = aside / folder.name
        made.mkdir()
        write(made)
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():  # else somebody else was quicker
                raise
    return folder


def write(
    folder: Path, split: str, corpus: Rows | None, queries: Rows, judgements: Judgements
) -> None:
    """`corpus.jsonl`, unless it is None, `queries.jsonl` and `qrels/SPLIT.tsv`."""
    if corpus is not None:
        _write_rows(folder / "corpus.jsonl", corpus)
    _write_rows(folder / "queries.jsonl", queries)
    judge(folder, split, judgements)


def judge(folder: Path, split: str, judgements: Judgements) -> None:
    """`qrels/SPLIT.tsv`."""
    (folder / "qrels").mkdir(exist_ok=True)
    with (folder / "qrels" / f"{split}.tsv").open("w", encoding="utf-8") as out:
        out.write("query-id\tcorpus-id\tscore\n")
        for question, grades in judgements.items():
            out.writelines(f"{question}\t{unit}\t{grade}\n" for unit, grade in grades.items())


def _write_rows(file: Path, rows: Rows) -> None:
    with file.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
