"""One span for the whole document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from components.errors import BadDocument
from components.options import Count, option
from components.splitters.spans import Layout, lay_out
from components.stages import Tokenizer
from components.values import Document, Span


@dataclass(frozen=True, kw_only=True)
class Whole:
    """Cuts nowhere; a document that is too long is refused, or truncated."""

    revision: ClassVar[int] = 1

    max_tokens: Count = option(512, help="tokens of a document, at most")
    overflow: Literal["error", "truncate"] = option(
        "error",
        help="what to do with a longer document",
    )

    def split(self, document: Document, tokenizer: Tokenizer) -> list[Span]:
        """See `components.splitters.spans` for the laws.

        Raises BadDocument where the document is too long and `overflow` is `error`.
        """
        layout = lay_out(document, tokenizer, self.max_tokens, across_pages=True)
        if not len(layout):
            return []
        until = layout.reach(0)
        if until == len(layout):
            return [layout.span(0, until)]
        if self.overflow == "error":
            raise _too_long(document, layout)
        return [Span(layout.begin(0), layout.end(until - 1))]


def _too_long(document: Document, layout: Layout) -> BadDocument:
    has = f"{len(layout)} tokens in {layout.end(-1) - layout.begin(0)} characters"
    takes = f"{layout.limit} tokens in {layout.cap} characters"
    return BadDocument(f"too long for one span: it has {has}, a span at most {takes}").at(
        where=document.id,
        hint="raise splitter.max_tokens, set splitter.overflow to truncate, "
        "or use a splitter that cuts: tokens, sentences or pages",
    )
