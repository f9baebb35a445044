"""Each span encoded by itself: what every vector store does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from components.encoders.header import HEADER, Headed, Header, span_texts
from components.encoders.rows import blocks
from components.encoders.transformer import Transformer, rows
from components.encoders.windows import token_ranges
from components.values import Block, Document, Span


@dataclass(frozen=True, kw_only=True)
class Naive(Headed, Transformer):
    """Reads the span's own text, alone.

    A span or query longer than the model's window is read in consecutive windows, each with the
    model's prompt, and pooled over all.
    """

    revision: ClassVar[int] = 1

    header: str = HEADER

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """See `Encoder`."""
        for document, own in zip(documents, spans, strict=True):
            token_ranges(self.tokenizer.tokens(document.text), own)
        texts = span_texts(documents, spans, Header(self.header))
        if self.header:
            return self._blocks(rows(self._variant, texts), documents, spans)
        log = self._variant.log()
        return blocks(rows(self._variant, texts, log), spans, log, documents)
