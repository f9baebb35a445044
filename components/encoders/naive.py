"""Each span encoded by itself: what every vector store does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from components.cache import VectorCache
from components.encoders.device import Precision
from components.encoders.frames import Frame
from components.encoders.header import Header
from components.encoders.kernel import NOBODY, Window, pool
from components.encoders.model import Model
from components.encoders.profiles import Pooling
from components.encoders.rows import beside, blocks
from components.encoders.states import StateLog
from components.encoders.tokenizers import FastTokenizer
from components.encoders.variants import Variant, chosen
from components.encoders.windows import token_ranges
from components.options import Count, Whole, option, part
from components.values import Block, Document, Integers, Matrix, Span


@dataclass(frozen=True, kw_only=True)
class Naive:
    """Reads the span's own text, alone.

    A span or query longer than the model's window is read in consecutive windows, each with the
    model's prompt, and pooled over all.
    """

    revision: ClassVar[int] = 1

    model: str = option(
        "minilm", help="a name of `millrace models`, ./folder, or a hub id", or_folder=True
    )
    header: str = option("", help="read before each span's text, such as '{title}'")
    # Of these, `facts` has what they change, and only where they are set.
    dimensions: Count | None = option(
        None, help="components kept of each vector (Matryoshka); none: all", stored=False
    )
    layers: Count | None = option(
        None, help="layers of the model used (2D Matryoshka); none: all", stored=False
    )
    task: str = option(
        "", help="what queries ask for, of models whose prompt says it", stored=False
    )
    examples: tuple[tuple[str, str], ...] = option(
        (), help="queries with answers, read before each query by models made for it", stored=False
    )
    token_states: Whole = option(
        0,
        help="tokens of a chunk that are kept as one state, a bit per component, for the reranker "
        "`late_interaction`; 1 is best, 0 keeps none",
        stored=False,
    )
    precision: Precision = option(
        "auto",
        help="auto: 16 bits where the device has them; fp32",
    )
    cache: VectorCache | None = part()

    def __post_init__(self) -> None:
        Header(self.header)

    @property
    def _variant(self) -> Variant:
        return chosen(self)

    @property
    def width(self) -> int:
        return self._variant.width

    @property
    def loaded(self) -> bool:
        return self._variant.loaded

    @property
    def model_bytes(self) -> int:
        """Of the weights in memory."""
        return self._variant.bytes

    @property
    def tokenizer(self) -> FastTokenizer:
        return self._variant.model.tokenizer

    @property
    def fields(self) -> frozenset[str]:
        return Header(self.header).fields

    @property
    def facts(self) -> Mapping[str, object]:
        return self._variant.facts

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """See `Encoder`."""
        for document, own in zip(documents, spans, strict=True):
            token_ranges(self.tokenizer.tokens(document.text), own)
        texts = span_texts(documents, spans, Header(self.header))
        log = self._variant.log()
        if self.header:
            found = rows(self._variant, texts)
            return blocks(
                with_states(found, self._variant, documents, spans, log), spans, log, documents
            )
        return blocks(rows(self._variant, texts, log), spans, log, documents)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Encoder`."""
        return queries(self._variant, texts)


def span_texts(
    documents: Sequence[Document], spans: Sequence[Sequence[Span]], header: Header
) -> Iterator[str]:
    """What is read for each span: the header's line, then the span's text."""
    for document, own in zip(documents, spans, strict=True):
        lead = header.lead(document)
        for span in own:
            yield lead + document.text[span.start : span.end]


def rows(
    of: Variant, texts: Iterator[str], log: StateLog | None = None
) -> Iterator[tuple[int, Matrix]]:
    """A row per text, each read by itself with its special tokens, as the model was trained."""
    found = windows(of.model, texts, of.documents)
    return pool(of.model, found, of.dimensions, of.cache, log)


def with_states(
    found: Iterator[tuple[int, Matrix]],
    of: Variant,
    documents: Sequence[Document],
    spans: Sequence[Sequence[Span]],
    log: StateLog | None,
) -> Iterator[tuple[int, Matrix]]:
    """The rows that were found in context, while each span is read once more, by itself, for the
    states of its tokens: in context they are alike, and tell chunks apart less well. As they are
    where no states are kept.
    """
    if log is None:
        return found
    return beside(found, rows(of, span_texts(documents, spans, Header("")), log))


def queries(of: Variant, texts: Sequence[str]) -> Matrix:
    """Matrix (texts, width)."""
    read = pool(of.asked, windows(of.asked, iter(texts), of.queries), of.dimensions)
    matrices = [matrix for _, matrix in read]
    return np.concatenate(matrices) if matrices else np.zeros((0, of.width), np.float32)


def windows(
    of: Model, texts: Iterator[str], frame: Frame, most: int | None = None
) -> Iterator[Window]:
    """Of each text in its frame; `most`: how many of its first tokens are read, None for all."""
    prefix, suffix = of.tokenizer.prefix, of.tokenizer.suffix
    room = of.checkpoint.window - len(prefix) - len(suffix)
    for row, text in enumerate(texts):
        for each in frame.sequences(of.tokenizer, text, room, most):
            ids = np.array([*prefix, *each.ids, *suffix], dtype=np.int64)
            first = each.pooled_from + len(prefix) if frame.pooled_from else 0
            owners = _owners(len(ids), first, row, of.checkpoint.pooling)
            yield Window(ids, owners, row, each.text_from + len(prefix))


def _owners(length: int, first: int, row: int, pooling: Pooling) -> Integers:
    """The owner of each token; `first` is the first one that may be pooled."""
    owners = np.full(length, NOBODY, dtype=np.int64)
    if pooling == "mean":
        owners[first:] = row
    else:
        owners[first if pooling == "cls" else -1] = row
    return owners
