"""Spans of so many tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.options import Count
from components.splitters.spans import ACROSS_PAGES, MAX_TOKENS, lay_out, pack
from components.stages import Tokenizer
from components.values import Document, Span


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Cuts after `max_tokens`, or before a word in the last quarter of the span."""

    revision: ClassVar[int] = 1

    max_tokens: Count = MAX_TOKENS
    across_pages: bool = ACROSS_PAGES

    def split(self, document: Document, tokenizer: Tokenizer) -> list[Span]:
        """See `components.splitters.spans` for the laws."""
        layout = lay_out(document, tokenizer, self.max_tokens, across_pages=self.across_pages)
        return pack(layout)
