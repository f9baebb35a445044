"""How near to the machine's own rate: matrix products at the model's shapes, and what was asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from components.encoders.model import Model
from components.values import Integers

_ROWS = 2048
_REPEATS = 20


@dataclass(frozen=True)
class Shapes:
    """A transformer's sizes, which decide how many operations a token takes."""

    layers: int
    hidden: int
    inner: int

    @classmethod
    def of(cls, config: Any) -> Shapes:
        """From a transformers configuration."""
        return cls(config.num_hidden_layers, config.hidden_size, config.intermediate_size)

    def operations(self, lengths: Sequence[int]) -> float:
        """Floating-point operations for sequences of these lengths, without any padding.

        Two for each weight of the linear layers and each token; attention's two products besides.
        """
        linear = 2 * (4 * self.hidden**2 + 2 * self.hidden * self.inner) * sum(lengths)
        attention = 4 * self.hidden * sum(each**2 for each in lengths)
        return float(self.layers * (linear + attention))

    def matmul_rate(self, dtype: str) -> float:
        """Operations per second of plain products at these shapes, in a row of layers."""
        import torch

        kind = getattr(torch, dtype)
        rows, wide = (torch.randn(_ROWS, width, dtype=kind) for width in (self.hidden, self.inner))
        square = [torch.randn(self.hidden, self.hidden, dtype=kind) for _ in range(4)]
        up = torch.randn(self.inner, self.hidden, dtype=kind)
        down = torch.randn(self.hidden, self.inner, dtype=kind)
        with torch.inference_mode():
            start = time.perf_counter()
            for _ in range(_REPEATS):
                for weight in (*square, up):
                    torch.nn.functional.linear(rows, weight)
                torch.nn.functional.linear(wide, down)
            seconds = time.perf_counter() - start
        each = 2 * (4 * self.hidden**2 + 2 * self.hidden * self.inner) * _ROWS
        return _REPEATS * each / seconds


@dataclass
class Encoded:
    """Lengths of the sequences that a model has read."""

    lengths: list[int] = field(default_factory=list)


@contextmanager
def counting(model: Model) -> Iterator[Encoded]:
    """Note the sequences that a model reads inside."""
    encoded, hidden = Encoded(), model.hidden

    def noted(batch: Sequence[Integers]) -> Any:
        encoded.lengths += [len(each) for each in batch]
        return hidden(batch)

    model.hidden = noted  # type: ignore[method-assign]
    try:
        yield encoded
    finally:
        model.hidden = hidden  # type: ignore[method-assign]
