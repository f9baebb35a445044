"""Who is measured: each is prepared on the texts, then run as often as wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evals.bench import ours, peers
from evals.bench.limit import Run
from evals.bench.texts import Texts


@dataclass(frozen=True)
class Contender:
    """Something that makes vectors of documents."""

    name: str
    title: str
    does: str
    """What its seconds pay for, besides tokenizing."""
    prepare: Callable[[Texts], Run]
    """What is not measured: imports, weights. Raises ModuleNotFoundError."""


ALL = (
    Contender("kernel-128", "kernel, 128 tokens", "forward passes", ours.full_windows(128)),
    Contender("kernel-256", "kernel, 256 tokens", "forward passes", ours.full_windows(256)),
    Contender("naive", "kernel, naive", "encode", ours.naive),
    Contender("late", "kernel, late 256/64", "encode", ours.late),
    Contender("landmark", "kernel, landmark 256/64", "encode", ours.landmark),
    Contender("refresh", "refresh, naive", "split, encode, store", ours.refresh("naive")),
    Contender("refresh-late", "refresh, late", "split, encode, store", ours.refresh("late")),
    Contender("st-fp32", "sentence-transformers fp32", "encode", peers.transformer("float32")),
    Contender("st-bf16", "sentence-transformers bf16", "encode", peers.transformer("bfloat16")),
    Contender("chonkie", "chonkie LateChunker", "split, encode", peers.chonkie),
    Contender("llama-index", "LlamaIndex into Qdrant", "split, encode, store", peers.llama_index),
)
REFERENCE = "st-bf16"
"""What the table compares with."""
WHOLE = ("refresh", "naive", "late", "landmark")
"""Of ours, those that also take whole sets, what matters most first."""
LITTLE = 4_000
"""Characters of a first run, in which weights are loaded and kernels are chosen."""


def chosen(names: Sequence[str]) -> list[Contender]:
    """Those of these names, all where there are none."""
    return [each for each in ALL if not names or each.name in names]
