"""What reads listwise prompts: a model in this process, or an endpoint that serves one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from components.encoders.kernel import pool
from components.encoders.pieces import NOBODY, Window
from components.encoders.rows import joined
from components.encoders.transformer import rows
from components.encoders.variants import Variant
from components.values import Matrix


class Embedder(Protocol):
    """Unit vectors of texts."""

    @property
    def longest(self) -> int:
        """Tokens of a text that it reads at most."""
        ...

    def length(self, text: str) -> int:
        """Tokens of a text."""
        ...

    def prompts(self, texts: Sequence[str]) -> Matrix:
        """Matrix (texts, width): each text exactly as it is, read at its last token."""
        ...

    def documents(self, texts: Sequence[str]) -> Matrix:
        """Matrix (texts, width), as an index of the model's has them."""
        ...


@dataclass(frozen=True)
class LocalModel:
    """A model that is read at its last token. One forward pass per prompt."""

    of: Variant

    @property
    def longest(self) -> int:
        return self.of.model.checkpoint.window

    def length(self, text: str) -> int:
        return len(self.of.model.tokenizer.ids(text))

    def prompts(self, texts: Sequence[str]) -> Matrix:
        windows = (self._window(row, text) for row, text in enumerate(texts))
        return joined(pool(self.of.model, windows, self.of.dimensions), self.of.width)

    def documents(self, texts: Sequence[str]) -> Matrix:
        return joined(rows(self.of, iter(texts)), self.of.width)

    def _window(self, row: int, text: str) -> Window:
        ids = np.array(self.of.model.tokenizer.ids(text), dtype=np.int64)
        owners = np.full(len(ids), NOBODY, dtype=np.int64)
        owners[-1] = row
        return Window(ids, owners, row)
