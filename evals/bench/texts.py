"""What is encoded: real texts of the development data, or generated ones of like shape."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from components.encoders.model import model
from components.sources.jsonl import JsonLines
from components.sources.pydocs import PythonDocs
from components.splitters.boundaries import sentence_starts
from components.values import Document, DocumentRef

SEED = 60
"""Of the choice of documents, and of generated text."""
_SHARED = Path(__file__).parents[3] / "shared" / "data"


@dataclass(frozen=True)
class Shape:
    """Of a set: how many documents, and of how many characters each (median, spread of the log)."""

    documents: int
    characters: int
    spread: float


SHAPES = {"peps": Shape(736, 14_000, 0.9), "oewn-glosses": Shape(107_525, 90, 0.6)}


@dataclass(frozen=True)
class Texts:
    """Documents of one set, and where they come from."""

    origin: str
    documents: Sequence[Document]
    of: int
    """How many the whole set has."""

    @cached_property
    def tokens(self) -> int:
        """Of the documents, each once, without special tokens."""
        tokenizer = model("minilm", "auto").tokenizer
        return sum(len(tokenizer.tokens(each.text)) for each in self.documents)

    @property
    def characters(self) -> int:
        """Of all documents."""
        return sum(len(each.text) for each in self.documents)

    @property
    def estimated(self) -> int:
        """Characters of the whole set, as these documents let expect."""
        return self.characters * self.of // len(self.documents)

    def first(self, characters: int) -> Texts:
        """The beginning: documents up to so many characters, the last one cut."""
        return replace(self, documents=list(_first(self.documents, characters)))


def load(name: str, count: int | None = None) -> Texts:
    """A set, or a choice of `count` of its documents that is the same every time.

    From the folder MILLRACE_DATA (or ../shared/data); generated where it has no such set.
    """
    folder = Path(os.environ.get("MILLRACE_DATA", _SHARED)) / name
    if not (folder / "corpus.jsonl").is_file():
        shape = SHAPES[name]
        return Texts(f"generated like {name}", _generated(shape, count), shape.documents)
    source = JsonLines(path=folder)
    refs = [each for each in source.scan() if isinstance(each, DocumentRef)]
    total = len(refs)
    if count is not None and count < total:
        # Sorted, so that the choice depends on the set alone.
        refs.sort(key=lambda ref: ref.id)
        refs = random.Random(SEED).sample(refs, count)  # noqa: S311 (no secret)
    return Texts(name, [source.read(each) for each in refs], total)


def _first(documents: Sequence[Document], characters: int) -> Iterator[Document]:
    for each in documents:
        if characters <= 0:
            return
        yield replace(each, text=each.text[:characters], page_starts=(), sections=())
        characters -= len(each.text)


def _generated(shape: Shape, count: int | None) -> list[Document]:
    """Sentences of Python's own documentation, shuffled into documents of the shape."""
    chance = random.Random(SEED)  # noqa: S311 (no secret)
    sentences = list(_sentences())
    number = shape.documents if count is None else min(count, shape.documents)
    documents = []
    for at in range(number):
        wanted = shape.characters * chance.lognormvariate(0, shape.spread)
        parts = [chance.choice(sentences)]
        while sum(map(len, parts)) < wanted:
            parts.append(chance.choice(sentences))
        text = " ".join(parts)
        documents.append(Document(id=f"{at:06}", text=text[: max(20, int(wanted))].strip()))
    return documents


def _sentences() -> Iterator[str]:
    source = PythonDocs(include=("topics/**",))
    for ref in source.scan():
        text = source.read(ref).text
        edges = [*sentence_starts(text, "en"), len(text)]
        for start, end in pairwise(edges):
            if sentence := text[start:end].strip():
                yield sentence
