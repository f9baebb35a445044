"""Chunking-free encoding without training: late pooling at the level of sentences.

After Landmark Embedding (ACL 2024, long 180), whose trained form puts a special token after every
sentence. Used with the splitter `sentence` and the retriever `neighbourhood`, which puts passages
together at query time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from components.encoders import contextual, naive
from components.encoders.header import Header
from components.encoders.model import Model, Precision, model
from components.encoders.rows import blocks
from components.encoders.tokenizers import FastTokenizer
from components.options import Count, Whole, option
from components.values import Block, Document, Matrix, Span


@dataclass(frozen=True, kw_only=True)
class Landmark:
    """Pools whatever spans it is given (sentences, as a rule) from windows of the document."""

    revision: ClassVar[int] = 1

    model: str = option("minilm", help="minilm, ./folder, or a hub id", or_folder=True)
    window: Count = option(256, help="tokens of text read at once")
    overlap: Whole = option(
        64,
        help="tokens shared by neighbouring windows, half of them on each side",
    )
    precision: Precision = option(
        "auto",
        help="auto: bf16 where the processor has it; fp32",
    )

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
        return frozenset()

    @property
    def facts(self) -> Mapping[str, object]:
        contextual.check(self._model, self.window, self.overlap)
        return naive.model_facts(self._model)

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """See `Encoder`."""
        rows = contextual.rows(
            self._model,
            documents,
            spans,
            window=self.window,
            overlap=self.overlap,
            header=Header(""),
        )
        return blocks(rows, spans)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Encoder`."""
        return naive.queries(self._model, texts)
