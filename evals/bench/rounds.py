"""Rounds in which contenders take turns, so that a slow moment of the machine meets them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from evals.bench.limit import Run, Shapes


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One contender in one round."""

    tokens: int
    """Of the documents, each counted once."""
    seconds: float
    encoded_tokens: int
    """That the transformer read: special tokens and overlaps counted, padding not."""
    operations: float
    dtype: str
    limit: float
    """Operations per second of plain matrix products in `dtype`, in the same round."""

    @property
    def rate(self) -> float:
        """Document tokens per second."""
        return self.tokens / self.seconds

    @property
    def share(self) -> float | None:
        """Of the limit; None where nothing was counted."""
        return self.operations / self.seconds / self.limit if self.limit else None

    def to_json(self) -> dict[str, Any]:
        """With what follows from it."""
        return {**asdict(self), "tokens_per_second": self.rate, "share": self.share}


def timed(run: Run, tokens: int, shapes: Shapes, limits: Mapping[str, float]) -> Measured:
    """Run once."""
    start = time.perf_counter()
    encoded = run()
    seconds = time.perf_counter() - start
    return Measured(
        tokens=tokens,
        seconds=seconds,
        encoded_tokens=sum(encoded.lengths),
        operations=shapes.operations(encoded.lengths),
        dtype=encoded.dtype,
        limit=limits.get(encoded.dtype, 0.0),
    )


def interleaved(
    runs: Mapping[str, Run],
    rounds: int,
    tokens: int,
    shapes: Shapes,
    limits: Callable[[], Mapping[str, float]],
) -> Iterator[tuple[int, str, Measured]]:
    """Round, name and result as they come. Every round begins with another contender."""
    names = list(runs)
    for number in range(rounds) if names else ():
        limit = limits()
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            yield number, name, timed(runs[name], tokens, shapes, limit)
