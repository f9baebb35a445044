"""Dense vectors in fewer bits beside the full ones: searched first, the best scored again in full.

The engine makes the small ones when a generation is finished, from the vectors that it holds. A
generation keeps for good what it was made with; how it is searched may change with every question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from components.indexes.manifest import Generation
from components.options import option

Oversampling = Annotated[float, Field(strict=True, ge=1.0, le=100.0, allow_inf_nan=False)]
"""Candidates per hit. The engine takes any number, and memory for as many."""
QUANTIZATION = option("none", help="search vectors in fewer bits; a change builds a new generation")
RESCORE = option(True, help="score the best of quantised vectors again in full")
OVERSAMPLING = option(
    None, help="candidates per hit for that, 1 to 100; by default 3 for int8, 10 for binary"
)
_PER_KIND = {"none": 1.0, "int8": 3.0, "binary": 10.0}
_SMALL = 10_000 * 1024
"""Bytes of float32 vectors. Below it an engine compares all of them anyway, in under a
millisecond: bits would cost hits and save nothing."""


@dataclass(frozen=True, kw_only=True)
class Approximation:
    """How quantised vectors are searched."""

    exact: bool
    """With the full vectors, all of them."""
    rescore: bool
    oversampling: float


@dataclass(frozen=True, kw_only=True)
class Rescoring:
    """What an index' options say of every search."""

    rescore: bool
    oversampling: float | None
    """None: what the kind of quantisation needs."""

    def of(self, generation: Generation) -> Approximation | None:
        """How a generation is searched, None where its vectors are not quantised."""
        kind = generation.quantization
        if kind == "none":
            return None
        full = 4 * generation.width * generation.totals.chunks
        return Approximation(
            exact=full < _SMALL,
            rescore=self.rescore,
            oversampling=self.oversampling or _PER_KIND[kind],
        )
