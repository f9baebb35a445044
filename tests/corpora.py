"""Small corpora and pipelines for tests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from components import spec
from components.corpus import run
from components.corpus.report import Report
from components.corpus.request import Job, Request
from components.encoders.bm25 import Bm25
from components.errors import Missing
from components.indexes.contract import GenerationReader
from components.indexes.manifest import Entry
from components.phases import Phase, Runner
from components.values import Chunk, States

T = TypeVar("T")
HASHING: Mapping[str, Any] = {
    "name": "test",
    "source": {"use": "files", "path": "documents"},
    "splitter": {"use": "sentences", "max_tokens": 32},
    "encoder": {"use": "hashing", "width": 64},
    "sparse": {"use": "bm25"},
    "index": {"use": "qdrant_edge", "path": "store"},
    "retriever": {"use": "hybrid"},
}
LINES: Mapping[str, Any] = {
    "name": "lines",
    "source": {"use": "jsonl", "path": "documents/corpus.jsonl"},
    "encoder": {"use": "hashing", "width": 64},
    "index": {"use": "qdrant_edge", "path": "store"},
}
_WORDS = [
    "river",
    "mill",
    "wheel",
    "grain",
    "stone",
    "water",
    "sluice",
    "flour",
    "miller",
    "weir",
    "channel",
    "turbine",
]


def held_in(file: Path) -> bytes:
    """What a file of an index holds: the engine writes JSON's keys in any order."""
    held = file.read_bytes()
    if file.suffix == ".json":
        with suppress(ValueError):  # it may be damaged
            held = json.dumps(json.loads(held), sort_keys=True).encode()
    return held


def prose(seed: int, sentences: int = 12) -> str:
    """Distinct, deterministic text."""
    lines = []
    for line in range(sentences):
        words = [_WORDS[(seed * 7 + line * 5 + at * at) % len(_WORDS)] for at in range(9)]
        lines.append(f"{' '.join(words).capitalize()} number {seed * 100 + line}.")
    return " ".join(lines)


def before(name: str, do: Callable[[], object]) -> Runner:
    """A runner that does something before a phase of this name."""

    def by(phase: Phase[T], /) -> T:
        if phase.name == name:
            do()
        return phase.work(lambda _: None)

    return by


@dataclass(frozen=True)
class Corpus:
    """A folder of documents with a pipeline file beside it."""

    folder: Path
    pipeline: Mapping[str, Any] = field(default_factory=lambda: HASHING)

    def __post_init__(self) -> None:
        self.documents.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self.pipeline))

    @property
    def documents(self) -> Path:
        return self.folder / "documents"

    @property
    def file(self) -> Path:
        # JSON is YAML.
        return self.folder / "pipeline.yaml"

    def add(self, name: str, text: str) -> Path:
        path = self.documents / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def fill(self, count: int, sentences: int = 12, first: int = 0) -> None:
        for number in range(first, count):
            self.add(f"{number:03}.txt", prose(number, sentences))

    def job(self, overrides: Sequence[str] = (), **request: Any) -> Job:
        return Job(
            Request(
                pipeline=str(self.file),
                overrides=tuple(overrides),
                run_id=request.pop("run_id", "test"),
                **request,
            )
        )

    def refresh(self, overrides: Sequence[str] = (), **request: Any) -> Report:
        return run.run(self.job(overrides, **request))

    def stored(self, overrides: Sequence[str] = ()) -> Stored:
        """All that the live generation holds."""
        corpus = self.job(overrides).corpus
        release = corpus.live()
        assert release is not None
        with corpus.read(release.generation) as reader:
            return snapshot(reader)

    def load(self, overrides: Sequence[str] = ()) -> spec.Pipeline:
        return spec.load(self.file, overrides)


@dataclass(frozen=True)
class Stored:
    """Contents of a generation, comparable between runs."""

    chunks: Mapping[str, Chunk]
    vectors: Mapping[str, Any]
    entries: Mapping[str, Entry]
    states: Mapping[str, States] = field(default_factory=dict)
    """Of tokens; empty where the encoder keeps none."""
    wholes: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """By document, the cosines of its whole to some directions."""
    worded: frozenset[str] = frozenset()
    """Documents that are found as a whole by words of their chunks."""


def snapshot(reader: GenerationReader) -> Stored:
    entries = reader.entries()
    chunks = {chunk.id: chunk for name in entries for chunk in reader.chunks(name)}
    assert reader.count_chunks() == len(chunks), "chunks that no document owns"
    ids = list(chunks)
    vectors = dict(zip(ids, reader.vectors(ids), strict=True)) if ids else {}
    try:
        states = dict(zip(ids, reader.states(ids), strict=True))
    except Missing:
        states = {}
    wholes, worded, wrong = wholes_of(reader, list(chunks.values()), vectors)
    assert not wrong, f"wholes that are missing or double: {wrong}"
    return Stored(chunks, vectors, entries, states, wholes, worded)


def wholes_of(
    reader: GenerationReader, chunks: Sequence[Chunk], vectors: Mapping[str, Any]
) -> tuple[Mapping[str, Sequence[float]], frozenset[str], list[str]]:
    """What `Stored` has of whole documents, and those that have none, or more than one, or no
    chunks. `chunks`: all of them.
    """
    if not chunks:
        return {}, frozenset(), []
    expected = Counter({chunk.document_id for chunk in chunks})
    most, width = 2 * len(expected), len(vectors[chunks[0].id])
    directions = np.random.default_rng(0).standard_normal((3, width)).astype(np.float32)
    found = reader.nearest_documents(directions, most, [{}] * len(directions))
    (asked,) = Bm25().encode_queries([" ".join(chunk.text for chunk in chunks)])
    (worded,) = reader.nearest_documents_sparse([asked], most, [{}])
    counted = [Counter(name for name, _ in each) for each in found]
    wrong = [name for each in counted for name in (each - expected) + (expected - each)]
    wrong += (Counter(name for name, _ in worded) - expected).elements()
    scores = [dict(each) for each in found]
    wholes = {name: [each.get(name, 0.0) for each in scores] for name in expected}
    return wholes, frozenset(name for name, _ in worded), wrong


def counts(report: Report) -> tuple[int, int, int, int, int]:
    """Added, changed, unchanged, deleted, failed."""
    return (
        report.added,
        report.changed,
        report.unchanged,
        report.deleted,
        len(report.failures),
    )
