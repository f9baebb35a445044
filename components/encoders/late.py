"""Late chunking: a span's vector knows the text around the span (arXiv 2409.04701)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from components.encoders import contextual
from components.encoders.contextual import OVERLAP, WINDOW, Reading
from components.encoders.header import Headed, Header, span_texts
from components.encoders.kernel import unit
from components.encoders.pieces import Rows
from components.encoders.rows import paired
from components.encoders.transformer import Transformer, rows
from components.options import Count, Share, Whole, option
from components.values import Block, Document, Span


@dataclass(frozen=True, kw_only=True)
class Late(Headed, Transformer):
    """Reads windows of the document and pools each span's own tokens, special tokens left out."""

    revision: ClassVar[int] = 1

    window: Count = WINDOW
    overlap: Whole = OVERLAP
    mix: Share = option(0.0, help="weight of the naive vector in the mean of both")
    header: str = option(
        "",
        help="read before each window and not pooled, such as '{title}'",
    )
    min_context: Whole | None = option(
        None,
        help="tokens read on each side of every span where the document has them; none: half "
        "of the overlap",
        stored=False,  # `facts` has what it changes
    )

    @property
    def facts(self) -> Mapping[str, object]:
        of = self._variant
        own = contextual.facts(of.model, self._reading, Header(self.header))
        return {**of.facts, **own}

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """See `Encoder`."""
        return self._blocks(self._rows(documents, spans), documents, spans)

    @property
    def _reading(self) -> Reading:
        return Reading(self.window, self.overlap, self.min_context)

    def _rows(self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]) -> Rows:
        header = Header(self.header)
        late = contextual.rows(self._variant, documents, spans, self._reading, header)
        if not self.mix:
            yield from late
            return
        alone = rows(self._variant, span_texts(documents, spans, header))
        for first, in_context, by_itself in paired(late, alone):
            yield first, unit((1 - self.mix) * in_context + self.mix * by_itself)
