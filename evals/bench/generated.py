"""Corpora of text without meaning, with words of which few are frequent."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path

_PIPELINE = """\
name: {name}
source: {{use: jsonl, path: corpus.jsonl}}
splitter: {{use: sentence}}
encoder: {{use: hashing, width: 384}}
sparse: {{use: bm25}}
index: {{use: qdrant_edge, path: index}}
retriever: {{use: hybrid}}
"""


def pipeline(folder: Path, name: str) -> Path:
    """The file of a pipeline over the folder's `corpus.jsonl`: it hashes words, so that the work is
    the index's and not a model's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "pipeline.yaml"
    file.write_text(_PIPELINE.format(name=name), encoding="utf-8")
    return file


def write(file: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """As JSON lines."""
    with file.open("w", encoding="utf-8") as out:
        out.writelines(f"{json.dumps(row)}\n" for row in rows)


def document(number: int, sentences: int, revision: int = 0) -> dict[str, str]:
    """A row of a corpus. Sentences have 12 words; the same number and revision give the same."""
    of = f"document {number}" + (f" revision {revision}" if revision else "")
    chance = random.Random(of)  # noqa: S311 - no secret
    told = [f"{' '.join(words(chance, 12)).capitalize()}." for _ in range(sentences)]
    return {"_id": f"d{number}", "text": " ".join(told)}


def words(chance: random.Random, size: int) -> list[str]:
    """Of 8,000 words, few of them often."""
    numbers = (int(8000 * chance.random() ** 3) for _ in range(size))
    return [_word(number) for number in numbers]


def _word(number: int) -> str:
    letters = []
    for _ in range(3):
        number, syllable = divmod(number, 20)
        letters.append("bdfgklmnprstvwz"[syllable % 15] + "aeiou"[syllable % 5])
    return "".join(letters)
