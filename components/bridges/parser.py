"""A LlamaIndex node parser as a splitter."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from components.bridges import foreign
from components.bridges.foreign import Wrapped
from components.errors import BadDocument, BadOption
from components.options import option
from components.splitters.spans import lay_out, pack
from components.stages import Tokenizer
from components.values import Document, Integers, Span


@dataclass(frozen=True, kw_only=True)
class FromParser:
    """Cuts where a node parser begins its nodes, and at page starts.

    The text between two nodes joins the one before, so that spans tile; nodes may not overlap.
    """

    revision: ClassVar[int] = 1
    _wraps: ClassVar[Wrapped]

    across_pages: bool = option(False, help="whether a span may cross pages")

    def __post_init__(self) -> None:
        overlap = getattr(self, "chunk_overlap", 0)
        if overlap:
            raise ValueError(
                f"chunk_overlap must be 0, not {overlap}: spans are disjoint. What a vector knows "
                "of the text around its span is the encoder's choice: encoder.use=late"
            )

    @property
    def facts(self) -> Mapping[str, object]:
        """Versions of what decides the cuts."""
        return foreign.versions(self._wraps.kind)

    def split(self, document: Document, tokenizer: Tokenizer) -> list[Span]:
        """See `components.splitters.spans` for the laws.

        Raises BadDocument where the nodes are not consecutive parts of the text, BadOption where
        the parser refuses its options.
        """
        layout = lay_out(document, tokenizer, None, across_pages=self.across_pages)
        if not len(layout):
            return []
        return pack(layout, walls=layout.at(self._starts(document)))

    @cached_property
    def _parser(self) -> Any:
        making = foreign.arguments(self, self._wraps.making)
        with foreign.called(self._wraps.name, BadOption, making), redirect_stdout(io.StringIO()):
            return self._wraps.kind(**making)

    def _starts(self, document: Document) -> Integers:
        """Offset of each node, ascending.

        Sought from the end of the node before: a node's own offset is that of the first like text,
        and a short one may be found inside a longer one.
        """
        from llama_index.core.schema import Document as Foreign

        parser, ignored = self._parser, io.StringIO()
        with foreign.called(self._wraps.name, BadDocument, {}), redirect_stdout(ignored):
            nodes = parser.get_nodes_from_documents([Foreign(text=document.text, id_="document")])
        starts, at = [], 0
        for node in nodes:
            content = node.get_content()
            if not content.strip():
                continue
            start = document.text.find(content, at)
            if start < 0:
                raise self._elsewhere(content)
            starts.append(start)
            at = start + len(content)
        return np.array(starts, dtype=np.int64)

    def _elsewhere(self, content: str) -> BadDocument:
        shown = " ".join(content.split())[:60]
        return BadDocument(
            f"{self._wraps.name} made a node that does not follow the node before in the text: "
            f"{shown!r}. Only parsers that cut, and neither change nor repeat text, can split"
        )
