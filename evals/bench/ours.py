"""The contenders of this repository: the kernel by itself, and the whole refresh."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from components.corpus import run as refreshing
from components.corpus.request import Job, Request, new_run_id
from components.encoders.kernel import pool
from components.encoders.landmark import Landmark
from components.encoders.late import Late
from components.encoders.model import Model
from components.encoders.model import model as shared
from components.encoders.naive import Naive
from components.encoders.pieces import Window
from components.splitters.sentence import Sentence
from components.splitters.sentences import Sentences
from components.stages import Encoder, Splitter
from components.values import Document, Span
from evals.bench.limit import Encoded, Run, counted, counting
from evals.bench.texts import Texts

MAX_TOKENS = 128
"""Of a chunk."""


def encoding(make: Callable[[], Encoder], splitter: Splitter) -> Callable[[Texts], Run]:
    """An encoder on the splitter's chunks."""

    def prepare(texts: Texts) -> Run:
        encoder, cut = make(), spans(splitter, texts.documents)
        return counted(lambda: _all(encoder.encode_documents(texts.documents, cut)), _counting)

    return prepare


naive = encoding(Naive, Sentences(max_tokens=MAX_TOKENS))
late = encoding(Late, Sentences(max_tokens=MAX_TOKENS))
landmark = encoding(Landmark, Sentence(max_tokens=MAX_TOKENS))
"""Single sentences, in context."""


def full_windows(length: int) -> Callable[[Texts], Run]:
    """Windows of exactly this length, special tokens included, through all of the text."""

    def prepare(texts: Texts) -> Run:
        model = _model()
        windows = list(_windows(model, texts.documents, length))
        return counted(lambda: _all(pool(model, windows)), lambda: counting(model))

    return prepare


def refresh(encoder: str) -> Callable[[Texts], Run]:
    """A first refresh into an embedded store, in this process, nothing cached."""

    def prepare(texts: Texts) -> Run:
        # Held by the run, and gone with it.
        folder = tempfile.TemporaryDirectory(prefix="millrace-bench-")
        corpus = Path(folder.name) / "corpus.jsonl"
        rows = ({"_id": d.id, "title": d.title, "text": d.text} for d in texts.documents)
        corpus.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

        def work() -> None:
            with tempfile.TemporaryDirectory(dir=folder.name) as aside:
                _refresh(encoder, corpus, Path(aside))

        return counted(work, _counting)

    return prepare


def spans(splitter: Splitter, documents: Sequence[Document]) -> list[list[Span]]:
    """Of each document, as the model's tokenizer counts."""
    tokenizer = _model().tokenizer
    return [splitter.split(each, tokenizer) for each in documents]


def chunks(texts: Texts) -> list[str]:
    """What `naive` encodes, as strings."""
    cut = spans(Sentences(max_tokens=MAX_TOKENS), texts.documents)
    return [
        document.text[span.start : span.end]
        for document, own in zip(texts.documents, cut, strict=True)
        for span in own
    ]


def _refresh(encoder: str, corpus: Path, folder: Path) -> None:
    pipeline = {
        "name": "bench",
        "source": {"use": "jsonl", "path": str(corpus), "template": "{text}"},
        "splitter": {"use": "sentences", "max_tokens": MAX_TOKENS},
        "encoder": {"use": encoder, "model": "minilm"},
        "index": {"use": "qdrant_edge", "path": str(folder / "store")},
        "engine": {"use": "local"},
    }
    file = folder / "pipeline.yaml"
    file.write_text(json.dumps(pipeline))  # JSON is YAML
    request = Request(pipeline=str(file), run_id=new_run_id(), use_cache=False)
    report = refreshing.run(Job(request))
    if report.failures:
        raise RuntimeError(f"{report.failures[0].id}: {report.failures[0].reason}")


def _windows(model: Model, documents: Sequence[Document], length: int) -> Iterator[Window]:
    prefix, suffix = model.tokenizer.prefix, model.tokenizer.suffix
    step = length - len(prefix) - len(suffix)
    ids = np.concatenate([model.tokenizer.tokens(each.text).ids for each in documents])
    count = -(-len(ids) // step)
    for row, own in enumerate(np.resize(ids, count * step).reshape(count, step)):
        read = np.array([*prefix, *own, *suffix], dtype=np.int64)
        yield Window(read, np.full(length, row, dtype=np.int64), row)


def _all(made: Iterable[object]) -> None:
    for _ in made:
        pass


def _counting() -> AbstractContextManager[Encoded]:
    model = _model()
    # A tokenizer remembers texts; every round shall tokenize them anew, as the peers do.
    vars(model).pop("tokenizer", None)
    return counting(model)


def _model() -> Model:
    return shared("minilm", "auto")
