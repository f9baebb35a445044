"""Spans of whole sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.options import Count, option
from components.splitters.boundaries import check_language, sentence_starts
from components.splitters.spans import ACROSS_PAGES, MAX_TOKENS, Layout, lay_out, pack
from components.stages import Tokenizer
from components.values import Document, Integers, Span


@dataclass(frozen=True, kw_only=True)
class Sentences:
    """Packs consecutive sentences into spans of at most `max_tokens`.

    A longer sentence is cut as `tokens` does; what is left of it is packed with the next ones.
    """

    revision: ClassVar[int] = 1

    max_tokens: Count = MAX_TOKENS
    across_pages: bool = ACROSS_PAGES
    language: str = option("en", help="code of the text's language")

    def __post_init__(self) -> None:
        check_language(self.language)

    def split(self, document: Document, tokenizer: Tokenizer) -> list[Span]:
        """See `components.splitters.spans` for the laws."""
        layout = lay_out(document, tokenizer, self.max_tokens, across_pages=self.across_pages)
        return self._packed(layout, layout.at(sentence_starts(document.text, self.language)))

    def _packed(self, layout: Layout, starts: Integers) -> list[Span]:
        return pack(layout, seams=starts)
