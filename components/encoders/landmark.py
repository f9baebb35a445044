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
from components.encoders.model import Precision
from components.encoders.rows import blocks
from components.encoders.tokenizers import FastTokenizer
from components.encoders.variants import Variant, variant
from components.options import Count, Whole, option
from components.values import Block, Document, Matrix, Span


@dataclass(frozen=True, kw_only=True)
class Landmark:
    """Pools whatever spans it is given (sentences, as a rule) from windows of the document."""

    revision: ClassVar[int] = 1

    model: str = option(
        "minilm", help="a name of `millrace models`, ./folder, or a hub id", or_folder=True
    )
    window: Count = option(256, help="tokens of text read at once")
    overlap: Whole = option(
        64,
        help="tokens shared by neighbouring windows, half of them on each side",
    )
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
    precision: Precision = option(
        "auto",
        help="auto: bf16 where the processor has it; fp32",
    )

    @property
    def _variant(self) -> Variant:
        return variant(
            self.model,
            self.precision,
            dimensions=self.dimensions,
            layers=self.layers,
            task=self.task,
            examples=self.examples,
        )

    @property
    def width(self) -> int:
        return self._variant.width

    @property
    def loaded(self) -> bool:
        return self._variant.model.loaded

    @property
    def tokenizer(self) -> FastTokenizer:
        return self._variant.model.tokenizer

    @property
    def fields(self) -> frozenset[str]:
        return frozenset()

    @property
    def facts(self) -> Mapping[str, object]:
        contextual.check(self._variant.model, self.window, self.overlap)
        return self._variant.facts

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """See `Encoder`."""
        rows = contextual.rows(
            self._variant,
            documents,
            spans,
            window=self.window,
            overlap=self.overlap,
            header=Header(""),
        )
        return blocks(rows, spans)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Encoder`."""
        return naive.queries(self._variant, texts)
