"""Late chunking: a span's vector knows the text around the span (arXiv 2409.04701)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from components.cache import VectorCache
from components.encoders import contextual, naive
from components.encoders.contextual import Reading
from components.encoders.device import Precision
from components.encoders.header import Header
from components.encoders.kernel import unit
from components.encoders.rows import blocks, paired
from components.encoders.tokenizers import FastTokenizer
from components.encoders.variants import Variant, chosen
from components.options import Count, Share, Whole, option, part
from components.values import Block, Document, Matrix, Span


@dataclass(frozen=True, kw_only=True)
class Late:
    """Reads windows of the document and pools each span's own tokens, special tokens left out."""

    revision: ClassVar[int] = 1

    model: str = option(
        "minilm", help="a name of `millrace models`, ./folder, or a hub id", or_folder=True
    )
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
    # Of these, `facts` has what they change, and only where they are set.
    min_context: Whole | None = option(
        None,
        help="tokens read on each side of every span where the document has them; none: half "
        "of the overlap",
        stored=False,
    )
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
    token_states: Whole = option(
        0,
        help="tokens of a chunk that are kept as one state, a bit per component, for the reranker "
        "`late_interaction`; 1 is best, 0 keeps none",
        stored=False,
    )
    precision: Precision = option(
        "auto",
        help="auto: 16 bits where the device has them; fp32",
    )
    cache: VectorCache | None = part()

    def __post_init__(self) -> None:
        Header(self.header)

    @property
    def _variant(self) -> Variant:
        return chosen(self)

    @property
    def _reading(self) -> Reading:
        return Reading(self.window, self.overlap, self.min_context)

    @property
    def width(self) -> int:
        return self._variant.width

    @property
    def loaded(self) -> bool:
        return self._variant.loaded

    @property
    def model_bytes(self) -> int:
        """Of the weights in memory."""
        return self._variant.bytes

    @property
    def tokenizer(self) -> FastTokenizer:
        return self._variant.model.tokenizer

    @property
    def fields(self) -> frozenset[str]:
        return Header(self.header).fields

    @property
    def facts(self) -> Mapping[str, object]:
        of = self._variant
        own = contextual.facts(of.model, self._reading, Header(self.header))
        return {**of.facts, **own}

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """See `Encoder`."""
        log = self._variant.log()
        found = self._rows(documents, spans)
        return blocks(
            naive.with_states(found, self._variant, documents, spans, log), spans, log, documents
        )

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """See `Encoder`."""
        return naive.queries(self._variant, texts)

    def _rows(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[tuple[int, Matrix]]:
        header = Header(self.header)
        late = contextual.rows(self._variant, documents, spans, self._reading, header)
        if not self.mix:
            yield from late
            return
        texts = naive.span_texts(documents, spans, header)
        alone = naive.rows(self._variant, texts)
        for first, in_context, by_itself in paired(late, alone):
            yield first, unit((1 - self.mix) * in_context + self.mix * by_itself)
