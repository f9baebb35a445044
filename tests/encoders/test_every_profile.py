"""Every model that has a name and can be used, with a small random one of its architecture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel

from components.encoders.naive import Naive
from components.encoders.profiles import known
from components.values import Document, Span
from tests.encoders.random_models import Kind, adapter, in_hub_cache, offline, transformer

pytestmark = pytest.mark.usefixtures("one_thread")
KINDS: dict[str, Kind] = {
    "e5-small": "bert",
    "e5-base": "bert",
    "e5-large": "bert",
    "e5-small-v2": "bert",
    "e5-base-v2": "bert",
    "e5-large-v2": "bert",
    "multilingual-e5-small": "bert",
    "multilingual-e5-base": "xlm-roberta",
    "multilingual-e5-large": "xlm-roberta",
    "multilingual-e5-large-instruct": "xlm-roberta",
    "e5-mistral-7b-instruct": "mistral",
    "gte-small": "bert",
    "gte-base": "bert",
    "gte-large": "bert",
    "gte-base-en-v1.5": "gte",
    "gte-large-en-v1.5": "gte",
    "gte-multilingual-base": "gte",
    "gte-modernbert-base": "modernbert",
    "nomic-embed-text-v1": "nomic_bert",
    "nomic-embed-text-v1.5": "nomic_bert",
    "kalm-mini-instruct-v1": "qwen2",
    "kalm-mini-instruct-v1.5": "qwen2",
    "jina-v3": "jina_embeddings_v3",
    "granite-30m-english": "roberta",
    "granite-125m-english": "roberta",
    "granite-107m-multilingual": "xlm-roberta",
    "granite-278m-multilingual": "xlm-roberta",
    "granite-english-r2": "modernbert",
    "granite-small-english-r2": "modernbert",
    "qwen3-embedding-0.6b": "qwen3",
    "qwen3-embedding-4b": "qwen3",
    "qwen3-embedding-8b": "qwen3",
    "bge-en-icl": "mistral",
    "e2rank-0.6b": "qwen3",
    "e2rank-4b": "qwen3",
    "e2rank-8b": "qwen3",
    "echo-mistral-7b-lasttoken": "mistral",
    "echo-mistral-7b-meantoken": "mistral",
    "starbucks-msmarco": "bert",
    "lmk": "mistral",
}
"""Of each model's config.json, the kind."""
DOCUMENT = Document(id="d", text="the mill")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with offline(tmp_path / "hub", monkeypatch) as hub:
        yield hub


def test_each_one_that_can_be_used_is_built_here() -> None:
    usable = [name for name, each in known().items() if not each.refusal and not each.package]
    assert sorted(KINDS) == sorted(usable)


def check(name: str, hub: Path) -> None:
    """The vectors of a random model are those of transformers' hidden states, pooled as the profile
    says, for its prompts and special tokens.
    """
    of = known()[name]
    folder = transformer(
        in_hub_cache(hub, of.model, of.revision or "0" * 40),
        KINDS[name],
        width=of.width or 64,
        layers=1,
        positions=512,
        before="<s>",
    )
    if of.query_adapter:  # what they change: see test_adapters
        for seed, each in enumerate((of.query_adapter, of.document_adapter)):
            adapter(folder / each, folder, seed=seed)
    naive = Naive(model=name, precision="fp32")
    query = naive.encode_queries([DOCUMENT.text])[0]
    (block,) = naive.encode_documents([DOCUMENT], [[Span(0, len(DOCUMENT.text))]])
    assert query.shape == block.vectors[0].shape == (of.width or 64,)
    assert np.linalg.norm(query) == pytest.approx(1, abs=1e-4)
    if of.query_echo or of.query_adapter:
        return  # both copies: see TestEcho
    prompt = of.query_prompt.replace("{task}", of.task)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    for found, text in (
        (query, prompt + DOCUMENT.text + of.query_suffix),
        (block.vectors[0], of.document_prompt + DOCUMENT.text),
    ):
        ids = [*naive.tokenizer.prefix, *naive.tokenizer.ids(text), *naive.tokenizer.suffix]
        with torch.inference_mode():
            states = model(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()
        row = {"mean": states.mean(0), "cls": states[0], "last": states[-1]}[of.pooling or "mean"]
        np.testing.assert_allclose(found, row / np.linalg.norm(row), atol=1e-5)


@pytest.mark.parametrize("name", ["e5-small-v2", "gte-multilingual-base"])
def test_some_give_a_vector(hub: Path, name: str) -> None:
    check(name, hub)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_every_one_gives_a_vector(hub: Path, name: str) -> None:
    check(name, hub)
