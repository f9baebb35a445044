"""Models with an adapter for each side: questions are read with one, documents with the other.

What is merged was compared with peft 0.21 itself, in fp32: to 6e-6 of states that it changes by 4.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from components.encoders import adapters
from components.encoders.late import Late
from components.encoders.model import model
from components.encoders.naive import Naive
from components.encoders.profiles import known
from components.errors import BadOption, ModelFault
from components.rerankers.token_states import asked_states
from components.values import Document, Span
from tests.encoders.random_models import adapter, in_hub_cache, offline, transformer

pytestmark = pytest.mark.usefixtures("one_thread")
PROFILE = known()["jina-v3"]
TEXT = "the mill"
DOCUMENT = Document(id="d", text=TEXT)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the hub's client has put the model, without its adapters."""
    adapters.sha256.cache_clear()
    with offline(tmp_path / "hub", monkeypatch) as hub:
        held = in_hub_cache(hub, PROFILE.model, PROFILE.revision)
        shape: dict[str, Any] = {"width": 1024, "layers": 1, "before": "<s>", "after": "</s>"}
        yield transformer(held, "jina_embeddings_v3", **shape)
    adapters.sha256.cache_clear()


@pytest.fixture
def added(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """What each side's adapter adds to the weights."""
    return {
        name: adapter(folder / name, folder, seed=seed)
        for seed, name in enumerate((PROFILE.query_adapter, PROFILE.document_adapter))
    }


def mean(
    folder: Path, naive: Naive, text: str, added: dict[str, torch.Tensor]
) -> npt.NDArray[np.float32]:
    """As transformers reads a text with changed weights."""
    of = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    state = of.state_dict()
    of.load_state_dict({name: each + added.get(name, 0) for name, each in state.items()})
    ids = [*naive.tokenizer.prefix, *naive.tokenizer.ids(text), *naive.tokenizer.suffix]
    with torch.inference_mode():
        found = of(input_ids=torch.tensor([ids])).last_hidden_state[0].mean(0).numpy()
    return np.asarray(found / np.linalg.norm(found), dtype=np.float32)


class TestSides:
    def test_each_is_read_with_its_own(
        self, folder: Path, added: dict[str, dict[str, torch.Tensor]]
    ) -> None:
        naive = Naive(model="jina-v3", precision="fp32")
        query = naive.encode_queries([TEXT])[0]
        (block,) = naive.encode_documents([DOCUMENT], [[Span(0, len(TEXT))]])
        for found, prompt, side in (
            (query, PROFILE.query_prompt, PROFILE.query_adapter),
            (block.vectors[0], PROFILE.document_prompt, PROFILE.document_adapter),
        ):
            text = prompt + TEXT
            np.testing.assert_allclose(found, mean(folder, naive, text, added[side]), atol=1e-4)
            assert np.abs(found - mean(folder, naive, text, {})).max() > 0.01

    def test_late_chunking_reads_documents_with_theirs(
        self, folder: Path, added: dict[str, dict[str, torch.Tensor]]
    ) -> None:
        late = Late(model="jina-v3", precision="fp32", window=64, overlap=8)
        (block,) = late.encode_documents([DOCUMENT], [[Span(0, 3), Span(3, 8)]])
        of = model("jina-v3", "fp32")
        prompt, text = (of.tokenizer.ids(each) for each in (PROFILE.document_prompt, TEXT))
        ids = [*of.tokenizer.prefix, *prompt, *text, *of.tokenizer.suffix]
        states = of.hidden([np.array(ids)]).rows.numpy()
        start = len(of.tokenizer.prefix) + len(prompt)
        expected = states[start : start + 3].mean(0)
        np.testing.assert_allclose(block.vectors[0], expected / np.linalg.norm(expected), atol=1e-4)

    def test_weights_are_those_of_both(
        self, folder: Path, added: dict[str, dict[str, torch.Tensor]]
    ) -> None:
        naive = Naive(model="jina-v3", precision="fp32")
        assert (naive.loaded, naive.model_bytes) == (False, 0)
        naive.encode_queries([TEXT])
        one = naive.model_bytes
        assert naive.loaded
        list(naive.encode_documents([DOCUMENT], [[Span(0, 3)]]))
        assert naive.model_bytes == 2 * one > 0

    def test_states_of_questions_are_read_with_theirs(
        self, folder: Path, added: dict[str, dict[str, torch.Tensor]]
    ) -> None:
        assert asked_states("jina-v3", "fp32", None)._of is model("jina-v3", "fp32", asked=True)
        assert model("jina-v3", "fp32", asked=True) is not model("jina-v3", "fp32")

    def test_models_without_are_one_for_both(self) -> None:
        assert model("minilm", "fp32", asked=True) is model("minilm", "fp32")


class TestFingerprint:
    def test_another_adapter_is_another_model(
        self, folder: Path, added: dict[str, dict[str, torch.Tensor]]
    ) -> None:
        naive = Naive(model="jina-v3", precision="fp32")
        before, identity = naive.facts, model("jina-v3", "fp32").identity
        file = folder / PROFILE.document_adapter / "adapter_config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "lora_alpha": 5}))
        adapters.sha256.cache_clear()
        assert naive.facts != before
        assert model("jina-v3", "fp32").identity != identity

    def test_a_model_without_says_nothing_of_them(self) -> None:
        assert "adapters" not in Naive().facts


class TestRefused:
    @pytest.mark.parametrize(
        ("told", "reason"),
        [
            ({"use_dora": True}, "use_dora"),
            ({"bias": "all"}, "bias"),
            ({"peft_type": "IA3"}, "peft_type"),
            ({"modules_to_save": ["pooler"]}, "modules_to_save"),
            ({"rank_pattern": {"q_proj": 8}}, "rank_pattern"),
            ({"r": 0}, "has no configuration"),
        ],
    )
    def test_what_does_more_than_is_done_here(
        self, tmp_path: Path, told: dict[str, Any], reason: str
    ) -> None:
        base = transformer(tmp_path / "m", "jina_embeddings_v3")
        adapter(tmp_path / "a", base, seed=1, **told)
        with pytest.raises(ModelFault, match=reason):
            adapters.merge(AutoModel.from_pretrained(base), tmp_path / "a")

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"base_model.model.layers.9.mlp.lora_A.weight": (2, 32)}, "has half of what changes"),
            ({"base_model.model.layers.9.mlp.lora_B.weight": (32, 2)}, "has half of what changes"),
            (
                {
                    "base_model.model.layers.9.x.lora_A.weight": (2, 32),
                    "base_model.model.layers.9.x.lora_B.weight": (32, 2),
                },
                r"changes layers\.9\.x, which its model does not have",
            ),
            ({"base_model.model.pooler.dense.weight": (32, 32)}, "no part of LoRA"),
        ],
    )
    def test_what_the_model_does_not_have(
        self, tmp_path: Path, changed: dict[str, tuple[int, int]], reason: str
    ) -> None:
        base = transformer(tmp_path / "m", "jina_embeddings_v3")
        adapter(tmp_path / "a", base, seed=1)
        file = tmp_path / "a" / "adapter_model.safetensors"
        more = {name: torch.ones(shape) for name, shape in changed.items()}
        save_file({**load_file(file), **more}, file)
        with pytest.raises(ModelFault, match=reason):
            adapters.merge(AutoModel.from_pretrained(base), tmp_path / "a")

    @pytest.mark.parametrize("name", ["retrieval_query", "."])
    def test_a_folder_that_does_not_say_which(self, tmp_path: Path, name: str) -> None:
        base = transformer(tmp_path / "m", "jina_embeddings_v3")
        (base / name).mkdir(exist_ok=True)
        (base / name / "adapter_config.json").write_text("{}")
        with pytest.raises(BadOption, match="has adapters, and nothing says which"):
            Naive(model=str(base)).facts  # noqa: B018 - a property that checks

    @pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json"])
    def test_one_that_is_not_there(
        self, folder: Path, added: dict[str, dict[str, torch.Tensor]], name: str
    ) -> None:
        (folder / PROFILE.query_adapter / name).unlink()
        with pytest.raises(ModelFault, match="the adapter retrieval_query has no") as got:
            Naive(model="jina-v3").facts  # noqa: B018 - a property that checks
        assert got.value.where.endswith("retrieval_query")


def test_the_scale_of_rslora(tmp_path: Path) -> None:
    base = transformer(tmp_path / "m", "jina_embeddings_v3")
    added = adapter(tmp_path / "a", base, seed=1, use_rslora=True)
    changed, plain = (AutoModel.from_pretrained(base, dtype=torch.float32) for _ in range(2))
    adapters.merge(changed, tmp_path / "a")
    before = dict(plain.named_parameters())
    assert len(added) == 4
    for name, weight in changed.named_parameters():
        torch.testing.assert_close(weight, before[name] + added.get(name, 0), rtol=1e-5, atol=1e-5)
