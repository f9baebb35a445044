"""What LlamaIndex does by default, in stages of ours.

`VectorStoreIndex` cuts by `SentenceSplitter`, 1,024 tokens with 200 of them twice, and the model
reads the beginning of each. So a span here goes from the beginning of a node to that of the next:
what lies in two nodes is read only as the beginning of the later one. Vectors, and with them the
order of documents, are LlamaIndex's; a hit shows its node without the 200 tokens at its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from typing import Any, ClassVar

from components.encoders.naive import Naive
from components.errors import BadDocument, MissingExtra
from components.options import Count, option
from components.splitters.spans import lay_out, pack
from components.stages import Tokenizer
from components.values import Block, Document, Span


@dataclass(frozen=True, kw_only=True)
class Nodes:
    """Cuts where `SentenceSplitter` as it comes begins its nodes, and at page starts: LlamaIndex's
    reader makes a document of every page.
    """

    revision: ClassVar[int] = 1

    @property
    def facts(self) -> Mapping[str, object]:
        """The version decides the cuts. Raises MissingExtra."""
        return {"llama-index-core": _version()}

    def split(self, document: Document, tokenizer: Tokenizer) -> list[Span]:
        """See `components.splitters.spans` for the laws. Raises BadDocument, MissingExtra."""
        layout = lay_out(document, tokenizer, None)
        if not len(layout):
            return []
        parser = _parser()
        bounds = [*(document.page_starts or (0,)), len(document.text)]
        starts = [
            start + at
            for start, end in pairwise(bounds)
            for at in _beginnings(parser, document.text[start:end])
        ]
        return pack(layout, walls=layout.at(starts))


@dataclass(frozen=True, kw_only=True)
class Beginning(Naive):
    """Reads the first tokens of each span, as models in sentence-transformers do."""

    revision: ClassVar[int] = 1

    tokens: Count = option(254, help="of a span, that are read")

    def encode_documents(
        self, documents: Sequence[Document], spans: Sequence[Sequence[Span]]
    ) -> Iterator[Block]:
        """See `Encoder`."""
        cut = [self._cut(*each) for each in zip(documents, spans, strict=True)]
        return super().encode_documents(documents, cut)

    def _cut(self, document: Document, spans: Sequence[Span]) -> list[Span]:
        found = []
        for span in spans:
            last = self.tokenizer.tokens(document.text[span.start : span.end]).last[: self.tokens]
            found.append(Span(span.start, span.start + int(last[-1]) + 1))
        return found


def _beginnings(parser: Any, text: str) -> Iterator[int]:
    at = -1
    for node in parser.split_text(text):
        if node.strip():
            at = text.find(node, at + 1)
            if at < 0:
                raise BadDocument("LlamaIndex made a node that is not a part of the text")
            yield at


def _version() -> str:
    _parser_class()
    return version("llama-index-core")


def _parser() -> Any:
    return _parser_class()()


def _parser_class() -> Any:
    try:
        from llama_index.core.node_parser import SentenceSplitter
    except ModuleNotFoundError as error:
        raise MissingExtra("LlamaIndex's default needs the package 'llama-index-core'").at(
            hint="install millrace[llama-index], or --leave-out llama-index"
        ) from error
    return SentenceSplitter
