"""What rerankers cost: `python -m evals.bench.reranking`.

Models are random, because time does not depend on the weights, and all of one shape: a decoder that
is read at its last token, which makes the index and which E²Rank uses; the same one pooled over all
tokens, which makes the index that keeps their states; a cross-encoder. They and `feedback` rerank
100 hits per question, in turns, asked one by one, of which nothing is remembered, and then again;
the fetch of what is stored counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from components.encoders.checkpoints import checkpoint
from components.machine import temporary
from evals.bench import results
from evals.command import as_json, console, table, told
from evals.compare.costs import QUESTIONS, Reading, one_by_one, percentiles
from evals.compare.plan import plan
from evals.compare.request import read
from evals.experiment import indexes

_PIPELINE = """\
name: {name}
source: {{use: files, path: .}}
splitter: {{use: sentences, max_tokens: 96}}
encoder: {{use: naive, {encoder}}}
retriever: {{use: dense}}
reranker: {reranker}
"""
_LAST = "model: DECODER"
_POOLED = "model: POOLED, token_states: 1"
SYSTEMS: Mapping[str, tuple[str, str]] = {
    "none": (_LAST, "{use: none}"),
    "feedback": (_LAST, "{use: feedback}"),
    "late-interaction": (_POOLED, "{use: late_interaction, states: stored}"),
    "late-interaction-read": (_POOLED, "{use: late_interaction, states: read}"),
    "e2rank": (_LAST, "{use: e2rank, vectors: stored}"),
    "e2rank-encode": (_LAST, "{use: e2rank, vectors: encode}"),
    "cross-encoder": (_LAST, "{use: cross_encoder, model: CROSSED}"),
}
"""Encoders and rerankers by the names of their systems."""


def measure(width: int, layers: int, home: Path, data: str = "sample") -> Iterator[Reading]:
    """Every system's answer to every question, as it comes."""
    models = _models(width, layers, home)
    files = []
    for name, (encoder, reranker) in SYSTEMS.items():
        text = _PIPELINE.format(name=name, encoder=encoder, reranker=reranker)
        for mark, folder in models.items():
            text = text.replace(mark, str(folder))
        files.append(home / f"{name}.yaml")
        files[-1].write_text(text, encoding="utf-8")
    made = plan(read(pipelines=files, data=data, metrics=["R@10"], home=home / "compare"))
    for each in made.systems:
        indexes.build(each)  # those that share an index find it
    yield from one_by_one(made.systems, made.request.data.queries(scoped=False))


def _models(width: int, layers: int, home: Path) -> dict[str, Path]:
    """Folders of random models, by the marks that stand for them."""
    import torch
    import transformers
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    torch.manual_seed(0)
    config: Any = transformers.Qwen3Config(
        vocab_size=len(_tokenizer()),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64,
        num_key_value_heads=width // 64,
        head_dim=64,
        max_position_embeddings=32_768,
        pad_token_id=_tokenizer().pad_token_id,
    )
    config.num_labels = 1
    plain: Any = transformers.AutoModel
    crossed: Any = transformers.AutoModelForSequenceClassification
    kinds = {"DECODER": (plain, "lasttoken"), "POOLED": (plain, "mean"), "CROSSED": (crossed, "")}
    for name, (kind, pooling) in kinds.items():
        folder = home / name.lower()
        kind.from_config(config).save_pretrained(folder)
        _tokenizer().save_pretrained(folder)
        if pooling:
            told = {"pooling_mode": pooling, "word_embedding_dimension": width}
            (folder / "1_Pooling").mkdir()
            (folder / "1_Pooling" / "config.json").write_text(json.dumps(told))
    return {name: home / name.lower() for name in kinds}


@cache
def _tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(checkpoint("minilm").folder)


@click.command()
@click.option("--width", type=click.IntRange(64), default=384, show_default=True)
@click.option("--layers", type=click.IntRange(1), default=6, show_default=True)
@results.out("reranking-")
@as_json
@told()
def main(width: int, layers: int, out: Path | None, as_json: bool) -> None:
    """Measure, and print a table."""
    readings = []
    progress = Progress(console=Console(stderr=True))
    with temporary.folder("millrace-bench-") as home, progress:
        task = progress.add_task("building two indexes", total=None)
        for reading in measure(width, layers, home):
            readings.append(reading)
            progress.update(task, description="asking", total=QUESTIONS * len(SYSTEMS), advance=1)
    found = {
        "model": {"width": width, "layers": layers},
        "readings": [asdict(each) for each in readings],
    }
    shown = console(stderr=as_json)
    shown.print(_table(readings, f"rerank 100 hits, a model {width} wide with {layers} layers"))
    kept = results.keep(found, out, shown, "reranking-")
    if as_json:
        click.echo(json.dumps(kept))


def _table(readings: Sequence[Reading], title: str) -> Table:
    columns = ("p50 ms", "p95 ms", "again p50 ms", "hits read", "search p50 ms")
    found = table(title, "reranker", *columns)
    for name in SYSTEMS:
        own = [each for each in readings if each.system == name]
        spent = percentiles(own)
        times = (
            spent["rerank"]["p50"],
            spent["rerank"]["p95"],
            percentiles(own, again=True)["rerank"]["p50"],
        )
        found.add_row(
            name,
            *(f"{each:,.1f}" for each in times),
            f"{fmean(each.reranked for each in own):,.0f}",
            f"{spent['total']['p50']:,.1f}",
        )
    return found


if __name__ == "__main__":
    main()
