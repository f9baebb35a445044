"""A span for every sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.options import Count, option
from components.splitters.boundaries import check_language, sentence_starts
from components.splitters.spans import lay_out, pack
from components.stages import Tokenizer
from components.values import Document, Span


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """Cuts between sentences, and a sentence of more than `max_tokens` as `tokens` does."""

    revision: ClassVar[int] = 1

    max_tokens: Count = option(128, help="tokens of a span, at most")
    across_pages: bool = option(False, help="whether a span may cross pages")
    language: str = option("en", help="code of the text's language")

    def __post_init__(self) -> None:
        check_language(self.language)

    def split(self, document: Document, tokenizer: Tokenizer) -> list[Span]:
        """See `components.splitters.spans` for the laws."""
        starts = sentence_starts(document.text, self.language)
        layout = lay_out(document, tokenizer, self.max_tokens, across_pages=self.across_pages)
        return pack(layout, walls=layout.at(starts))
