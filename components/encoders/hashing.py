"""An encoder without a model: hashed words. For tests, and for trying a pipeline out in no time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from components.encoders.header import HEADER, Headed, Header, span_texts
from components.encoders.kernel import unit
from components.encoders.tokenizers import LONGEST_TOKEN, WordTokenizer
from components.encoders.windows import token_ranges
from components.options import Count, option
from components.text.writing import word_form
from components.values import Block, Document, Matrix, Span

_ROWS = 4096


@dataclass(frozen=True, kw_only=True)
class Hashing(Headed):
    """Counts words into `width` signed buckets: texts that share words are near each other, however
    those are typed.
    """

    revision: ClassVar[int] = 3

    width: Count = option(256, help="length of a vector")
    header: str = HEADER

    @property
    def loaded(self) -> bool:
        return False

    @property
    def model_bytes(self) -> int:
        """Of the weights in memory: there are none."""
        return 0

    @property
    def tokenizer(self) -> WordTokenizer:
        return WordTokenizer()

    @property
    def facts(self) -> Mapping[str, object]:
        return {}

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """See `Encoder`."""
        for index, (document, own) in enumerate(zip(documents, spans, strict=True)):
            for first in range(0, len(own), _ROWS):
                part = own[first : first + _ROWS]
                self._check(document, part)
                texts = span_texts([document], [part], Header(self.header))
                yield Block(index, first, self.encode_queries(list(texts)))

    def _check(self, document: Document, spans: Sequence[Span]) -> None:
        """Of the text around these spans alone: all tokens of a huge one take gigabytes."""
        start, end = spans[0].start, spans[-1].end + LONGEST_TOKEN
        own = [Span(each.start - start, each.end - start) for each in spans]
        token_ranges(self.tokenizer.tokens(document.text[start:end]), own)

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Encoder`."""
        rows = np.zeros((len(texts), self.width), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            ids = self.tokenizer.tokens(word_form(text)).ids
            np.add.at(row, ids % self.width, np.where((ids >> 16) & 1, 1.0, -1.0))
            # Words may cancel out; the first bucket keeps such a text from having no direction.
            row[0] += 1e-3
        return unit(rows)
