"""What every encoder with a model has: its options, and how it reads a text by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from components.encoders.cache import VectorCache
from components.encoders.device import PRECISION, Precision
from components.encoders.frames import Frame
from components.encoders.header import span_texts
from components.encoders.kernel import pool
from components.encoders.model import Model
from components.encoders.pieces import NOBODY, Rows, Window
from components.encoders.profiles import Pooling
from components.encoders.rows import beside, blocks, joined
from components.encoders.states import StateLog
from components.encoders.tokenizers import FastTokenizer
from components.encoders.variants import Variant, check_pooling, variant
from components.options import Count, Whole, option, part
from components.values import Block, Document, Integers, Matrix, Span


@dataclass(frozen=True, kw_only=True)
class Transformer:
    """The options of an encoder with a model, and what follows from them alone."""

    model: str = option(
        "minilm", help="a name of `millrace models`, ./folder, or a hub id", or_folder=True
    )
    # Of these, `facts` has what they change, and only where they are set.
    dimensions: Count | None = option(
        None,
        help="components kept of each vector (Matryoshka); none: all",
        stored=False,
        last=True,
    )
    layers: Count | None = option(
        None, help="layers of the model used (2D Matryoshka); none: all", stored=False, last=True
    )
    task: str = option(
        "", help="what queries ask for, of models whose prompt says it", stored=False, last=True
    )
    examples: tuple[tuple[str, str], ...] = option(
        (),
        help="queries with answers, read before each query by models made for it",
        stored=False,
        last=True,
    )
    token_states: Whole = option(
        0,
        help="tokens of a chunk that are kept as one state, a bit per component, for the reranker "
        "`late_interaction`; 1 is best, 0 keeps none",
        stored=False,
        last=True,
    )
    precision: Precision = option("auto", help=PRECISION, last=True)
    cache: VectorCache | None = part()

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
        return frozenset()

    @property
    def facts(self) -> Mapping[str, object]:
        return self._variant.facts

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Encoder`."""
        of = self._variant
        found = windows(of.asked, iter(texts), of.queries)
        return joined(pool(of.asked, found, of.dimensions), of.width)

    @property
    def _variant(self) -> Variant:
        """Raises as `variant` does."""
        found = variant(
            self.model,
            self.precision,
            dimensions=self.dimensions,
            layers=self.layers,
            task=self.task,
            examples=self.examples,
        )
        if self.token_states:
            check_pooling(found.model)
        return replace(found, cache=self.cache, token_states=self.token_states)

    def _blocks(
        self,
        found: Rows,
        documents: Sequence[Document],
        spans: Sequence[Sequence[Span]],
    ) -> Iterator[Block]:
        """Of rows that were found in context. Where states are kept, each span is read once more,
        by itself, for those of its tokens: in context they are alike, and tell chunks apart less
        well.
        """
        log = self._variant.log()
        if log:
            alone = rows(self._variant, span_texts(documents, spans), log)
            found = beside(found, alone)
        return blocks(found, spans, log, documents)


def rows(of: Variant, texts: Iterator[str], log: StateLog | None = None) -> Rows:
    """A row per text, each read by itself with its special tokens, as the model was trained."""
    return of.pooled(windows(of.model, texts, of.documents), log)


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
