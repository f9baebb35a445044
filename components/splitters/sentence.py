"""A span for every sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.splitters.sentences import Sentences
from components.splitters.spans import Layout, pack
from components.values import Integers, Span


@dataclass(frozen=True, kw_only=True)
class Sentence(Sentences):
    """Cuts between sentences, and a sentence of more than `max_tokens` as `tokens` does."""

    revision: ClassVar[int] = 1

    def _packed(self, layout: Layout, starts: Integers) -> list[Span]:
        return pack(layout, walls=starts)
