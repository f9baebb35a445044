"""How near to the machine's own rate: matrix products at the model's shapes, and what was asked."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from components.encoders.model import Model
from components.encoders.model import model as shared
from components.values import Integers

DTYPES = ("bfloat16", "float32")
_ROWS = 2048
_SECONDS = 0.5
_AT_LEAST = 3
"""Passes, on a machine that is slow."""


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

    @classmethod
    def embedded(cls) -> Shapes:
        """Of the embedded model."""
        from transformers import AutoConfig

        return cls.of(AutoConfig.from_pretrained(str(shared("minilm", "auto").checkpoint.folder)))

    @property
    def weights(self) -> int:
        """Of one layer's matrices."""
        return 4 * self.hidden**2 + 2 * self.hidden * self.inner

    def operations(self, lengths: Sequence[int]) -> float:
        """Floating-point operations for sequences of these lengths, without any padding.

        Two for each weight of the linear layers and each token; attention's two products besides.
        """
        linear = 2 * self.weights * sum(lengths)
        attention = 4 * self.hidden * sum(each**2 for each in lengths)
        return float(self.layers * (linear + attention))

    def matmul_rate(self, dtype: str) -> float:
        """Operations per second of plain products at these shapes: a layer's six, over and over.

        The median over passes; weights as torch keeps them or laid out in advance for bf16,
        whichever is faster.
        """
        return max(self._rate(dtype, ahead) for ahead in {False, dtype == "bfloat16"})

    def _rate(self, dtype: str, ahead: bool) -> float:
        import torch
        from torch import nn

        from components.encoders.packed import pack

        sizes = [*[(self.hidden, self.hidden)] * 4, (self.hidden, self.inner)]
        sizes.append((self.inner, self.hidden))
        layer = nn.Sequential(*(nn.Linear(*size, bias=False) for size in sizes))
        layer.to(getattr(torch, dtype))
        if ahead:
            pack(layer)
        inputs = [torch.randn(_ROWS, width, dtype=getattr(torch, dtype)) for width, _ in sizes]
        seconds: list[float] = []
        with torch.inference_mode():
            while sum(seconds) < _SECONDS or len(seconds) < _AT_LEAST:
                start = time.perf_counter()
                for product, rows in zip(layer, inputs, strict=True):
                    product(rows)
                seconds.append(time.perf_counter() - start)
        return 2 * self.weights * _ROWS / statistics.median(seconds)


@dataclass
class Encoded:
    """What a transformer has read: lengths of sequences without padding, and in which type."""

    lengths: list[int] = field(default_factory=list)
    dtype: str = ""


Run = Callable[[], Encoded]
"""Does all the work once and tells what the transformer read."""


def counted(
    work: Callable[[], object], counting: Callable[[], AbstractContextManager[Encoded]]
) -> Run:
    """`work`, with what is counted meanwhile."""

    def run() -> Encoded:
        with counting() as encoded:
            work()
        return encoded

    return run


@contextmanager
def counting(model: Model) -> Iterator[Encoded]:
    """Note what a model of ours reads inside."""
    encoded, hidden = Encoded(), model.hidden

    def noted(batch: Sequence[Integers]) -> Any:
        encoded.lengths += [len(each) for each in batch]
        states = hidden(batch)
        encoded.dtype = _name(states.rows.dtype)
        return states

    model.hidden = noted  # type: ignore[method-assign]
    try:
        yield encoded
    finally:
        del model.hidden


@contextmanager
def counting_module(module: Any) -> Iterator[Encoded]:
    """Note what a transformer of sentence-transformers reads inside, by its attention masks."""
    encoded = Encoded(dtype=_name(next(module.parameters()).dtype))

    def noted(_: Any, given: tuple[dict[str, Any]]) -> None:
        (features,) = given
        encoded.lengths += features["attention_mask"].sum(dim=1).tolist()

    # Around the module: it calls the model's `forward`, past the model's own hooks.
    hook = module.register_forward_pre_hook(noted)
    try:
        yield encoded
    finally:
        hook.remove()


def _name(dtype: Any) -> str:
    return str(dtype).removeprefix("torch.")
