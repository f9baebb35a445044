"""A span for every page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.options import Count, option
from components.splitters.spans import lay_out, pack
from components.stages import Tokenizer
from components.values import Document, Span


@dataclass(frozen=True, kw_only=True)
class Pages:
    """Cuts at page starts only; a document without pages is one span.

    With `max_tokens`, longer pages are cut as `tokens` does.
    """

    revision: ClassVar[int] = 1

    max_tokens: Count | None = option(None, help="tokens of a span, at most")

    def split(self, document: Document, tokenizer: Tokenizer) -> list[Span]:
        """See `components.splitters.spans` for the laws."""
        return pack(lay_out(document, tokenizer, self.max_tokens))
