"""A splitter that cuts between lines: poems, logs, tables in plain text."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

import numpy as np

from components.options import Count, option
from components.splitters.spans import lay_out, pack
from components.stages import Tokenizer
from components.values import Document, Span


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Cuts after every few lines, and inside of lines that are too long."""

    revision: ClassVar[int] = 1

    lines: Count = option(10, help="lines of a span, at most")
    max_tokens: Count = option(256, help="tokens of a span, at most")

    def split(self, document: Document, tokenizer: Tokenizer) -> list[Span]:
        """See `Splitter`."""
        layout = lay_out(document, tokenizer, self.max_tokens)
        ends = list(accumulate(map(len, document.text.splitlines(keepends=True))))
        cuts = np.array(ends[self.lines - 1 :: self.lines], dtype=np.int64)
        return pack(layout, walls=layout.at(cuts))
