"""Late chunking: a span's vector knows the text around the span (arXiv 2409.04701)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from components.encoders import contextual, naive
from components.encoders.header import Header
from components.encoders.kernel import unit
from components.encoders.model import Model, Precision, model
from components.encoders.rows import blocks, paired
from components.encoders.tokenizers import FastTokenizer
from components.options import Count, Share, Whole, option
from components.values import Block, Document, Matrix, Span


@dataclass(frozen=True, kw_only=True)
class Late:
    """Reads windows of the document and pools each span's own tokens, special tokens left out."""

    revision: ClassVar[int] = 1

    model: str = option("minilm", help="minilm, ./folder, or a hub id", or_folder=True)
    window: Count = option(256, help="tokens of text read at once")
    overlap: Whole = option(
        64,
        help="tokens shared by neighbouring windows, half of them on each side",
    )
    mix: Share = option(0.0, help="weight of the naive vector in the mean of both")
    header: str = option(
        "",
        help="read before each window and not pooled, such as '{title}'",
    )
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
        contextual.check(self._model, self.window, self.overlap)
        return naive.model_facts(self._model)

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """See `Encoder`."""
        return blocks(self._rows(documents, spans), spans)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Encoder`."""
        return naive.queries(self._model, texts)

    def _rows(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[tuple[int, Matrix]]:
        header = Header(self.header)
        late = contextual.rows(
            self._model, documents, spans, window=self.window, overlap=self.overlap, header=header
        )
        if not self.mix:
            yield from late
            return
        texts = naive.span_texts(documents, spans, header)
        alone = naive.rows(self._model, texts, self._model.profile.document_prompt)
        for first, in_context, by_itself in paired(late, alone):
            yield first, unit((1 - self.mix) * in_context + self.mix * by_itself)
