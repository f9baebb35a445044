"""Each span encoded by itself: what every vector store does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from components.encoders.header import Header
from components.encoders.kernel import NOBODY, Window, pool
from components.encoders.model import Model, Precision, model
from components.encoders.rows import blocks
from components.encoders.tokenizers import FastTokenizer
from components.encoders.windows import token_ranges
from components.options import option
from components.values import Block, Document, Integers, Matrix, Span


@dataclass(frozen=True, kw_only=True)
class Naive:
    """Reads the span's own text, alone.

    A span longer than the model's window is read in consecutive windows and pooled over all.
    """

    revision: ClassVar[int] = 1

    model: str = option("minilm", help="minilm, ./folder, or a hub id", or_folder=True)
    header: str = option("", help="read before each span's text, such as '{title}'")
    precision: Precision = option(
        "auto",
        help="auto: bf16 where the processor has it; fp32",
    )

    def __post_init__(self) -> None:
        Header(self.header)

    @property
    def _model(self) -> Model:
        return model(self.model, self.precision)

    @property
    def width(self) -> int:
        return self._model.profile.width

    @property
    def loaded(self) -> bool:
        return self._model.loaded

    @property
    def tokenizer(self) -> FastTokenizer:
        return self._model.tokenizer

    @property
    def fields(self) -> frozenset[str]:
        return Header(self.header).fields

    @property
    def facts(self) -> Mapping[str, object]:
        return model_facts(self._model)

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """See `Encoder`."""
        for document, own in zip(documents, spans, strict=True):
            token_ranges(self.tokenizer.tokens(document.text), own)
        texts = span_texts(documents, spans, Header(self.header))
        return blocks(rows(self._model, texts, self._model.profile.document_prompt), spans)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Encoder`."""
        return queries(self._model, texts)


def model_facts(of: Model) -> dict[str, object]:
    """What a model's name stands for in a fingerprint."""
    profile = of.profile
    return {
        "weights": profile.weights_sha256,
        "pooling": profile.pooling,
        "window": profile.window,
        "query_prompt": profile.query_prompt,
        "document_prompt": profile.document_prompt,
    }


def span_texts(
    documents: Sequence[Document], spans: Sequence[Sequence[Span]], header: Header
) -> Iterator[str]:
    """What is read for each span: the header's line, then the span's text."""
    for document, own in zip(documents, spans, strict=True):
        lead = header.lead(document)
        for span in own:
            yield lead + document.text[span.start : span.end]


def rows(of: Model, texts: Iterator[str], prompt: str) -> Iterator[tuple[int, Matrix]]:
    """A row per text, each read by itself with its special tokens, as the model was trained."""
    return pool(of, _windows(of, texts, prompt))


def queries(of: Model, texts: Sequence[str]) -> Matrix:
    """Matrix (texts, width)."""
    matrices = [matrix for _, matrix in rows(of, iter(texts), of.profile.query_prompt)]
    return np.concatenate(matrices) if matrices else np.zeros((0, of.profile.width), np.float32)


def _windows(of: Model, texts: Iterator[str], prompt: str) -> Iterator[Window]:
    prefix = np.asarray(of.tokenizer.prefix, np.int64)
    suffix = np.asarray(of.tokenizer.suffix, np.int64)
    room = of.profile.window - len(prefix) - len(suffix)
    for row, text in enumerate(texts):
        ids = np.asarray(of.tokenizer.ids(prompt + text), np.int64)
        for start in range(0, max(1, len(ids)), room):
            sequence = np.concatenate([prefix, ids[start : start + room], suffix])
            yield Window(sequence, _owners(sequence, row, of.profile.pooling), row)


def _owners(sequence: Integers, row: int, pooling: str) -> Integers:
    if pooling == "mean":
        return np.full(len(sequence), row, dtype=np.int64)
    owners = np.full(len(sequence), NOBODY, dtype=np.int64)
    owners[0 if pooling == "cls" else -1] = row
    return owners
