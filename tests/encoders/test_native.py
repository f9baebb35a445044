"""Models that the installed transformers computes itself, and those that it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

from components.encoders.checkpoints import checkpoint
from components.encoders.late import Late
from components.encoders.naive import Naive
from components.encoders.native import named
from components.errors import BadOption
from components.values import Document, Span
from tests.encoders.random_models import Kind, change_config, transformer

pytestmark = pytest.mark.usefixtures("one_thread")
TEXTS = ["the mill", "Who grinds the corn, and for how much?"]
NOMIC = {
    "activation_function": "swiglu",
    "architectures": ["NomicBertModel"],
    "auto_map": {"AutoModel": "nomic-ai/nomic-bert-2048--modeling_hf_nomic_bert.NomicBertModel"},
    "causal": False,
    "layer_norm_epsilon": 1e-12,
    "max_trained_positions": 2048,
    "mlp_fc1_bias": False,
    "mlp_fc2_bias": False,
    "model_type": "nomic_bert",
    "n_embd": 768,
    "n_head": 12,
    "n_inner": 3072,
    "n_layer": 12,
    "n_positions": 8192,
    "parallel_block": False,
    "prenorm": False,
    "qkv_proj_bias": False,
    "rotary_emb_base": 1000,
    "rotary_emb_fraction": 1.0,
    "rotary_emb_interleaved": False,
    "rotary_emb_scale_base": None,
    "rotary_scaling_factor": None,
    "type_vocab_size": 2,
    "use_rms_norm": False,
    "vocab_size": 30528,
}
"""The config.json of nomic-embed-text-v1.5, without what says nothing of the forward pass."""


def means(folder: Path, texts: list[str]) -> npt.NDArray[np.float32]:
    """Mean-pooled unit vectors as transformers gives them."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    rows = []
    for text in texts:
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.inference_mode():
            rows.append(model(input_ids=ids).last_hidden_state[0].mean(0).numpy())
    made = np.stack(rows)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize("kind", ["nomic_bert", "jina_embeddings_v3", "gte", "modernbert"])
def test_architectures_that_transformers_has_are_read_as_it_reads_them(
    tmp_path: Path, kind: Kind
) -> None:
    folder = transformer(tmp_path / "m", kind, before="<s>", after="</s>")
    naive = Naive(model=str(folder), precision="fp32")
    np.testing.assert_allclose(naive.encode_queries(TEXTS), means(folder, TEXTS), atol=1e-5)
    late = Late(model=str(folder), precision="fp32", window=64, overlap=8)
    (block,) = late.encode_documents([Document(id="d", text="the mill")], [[Span(0, 8)]])
    assert np.isfinite(block.vectors).all()


@pytest.mark.parametrize("kind", ["nomic_bert", "jina_embeddings_v3", "gte"])
def test_code_beside_a_configuration_for_transformers_is_not_needed(
    tmp_path: Path, kind: Kind
) -> None:
    folder = transformer(tmp_path / "m", kind, before="<s>", after="</s>")
    expected = means(folder, TEXTS)
    change_config(folder, auto_map={"AutoModel": "some/repository--modeling.Own"})
    naive = Naive(model=str(folder), precision="fp32")
    np.testing.assert_allclose(naive.encode_queries(TEXTS), expected, atol=1e-5)


class TestNomic:
    def as_published(self, folder: Path, **changed: Any) -> Path:
        """The folder's model with its configuration in the words of the model's own code."""
        file = folder / "config.json"
        own = json.loads(file.read_text())
        sizes = {
            "n_embd": own["hidden_size"],
            "n_head": own["num_attention_heads"],
            "n_inner": own["intermediate_size"],
            "n_layer": own["num_hidden_layers"],
            "vocab_size": own["vocab_size"],
        }
        file.write_text(json.dumps({**NOMIC, **sizes, "pad_token_id": 0, **changed}))
        return folder

    def test_its_configuration_is_transformers_own(self) -> None:
        found = AutoConfig.for_model(**named(NOMIC)).to_dict()
        assert found == AutoConfig.for_model("nomic_bert").to_dict()

    def test_sizes_that_the_class_would_not_read_are_kept(self, tmp_path: Path) -> None:
        folder = transformer(tmp_path / "m", "nomic_bert", before="<s>", after="</s>", layers=2)
        expected = means(folder, TEXTS)
        self.as_published(folder)
        of = checkpoint(str(folder))
        assert (of.width, of.layers, of.positions) == (32, 2, 2048)
        naive = Naive(model=str(folder), precision="fp32")
        np.testing.assert_allclose(naive.encode_queries(TEXTS), expected, atol=1e-5)

    @pytest.mark.parametrize(
        "changed",
        [
            {"prenorm": True},
            {"activation_function": "gelu"},
            {"rotary_emb_fraction": 0.5},
            {"qkv_proj_bias": True},
            {"n_inner": None},
            {"causal": True},
        ],
    )
    def test_what_the_class_does_not_do_is_refused(
        self, tmp_path: Path, changed: dict[str, Any]
    ) -> None:
        folder = self.as_published(transformer(tmp_path / "m", "nomic_bert"), **changed)
        with pytest.raises(BadOption, match="transformers has no class"):
            Naive(model=str(folder)).facts  # noqa: B018 - a property that checks


class TestRefused:
    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"auto_map": {"AutoModel": "modeling.Own"}}, "program code of its own"),
            ({"auto_map": {"AutoConfig": "m.C", "AutoModel": "m.O"}}, "program code of its own"),
            ({"is_encoder_decoder": True}, "an encoder and a decoder"),
        ],
    )
    def test_by_its_configuration(
        self, tmp_path: Path, changed: dict[str, Any], reason: str
    ) -> None:
        folder = transformer(tmp_path / "m", "bert")
        change_config(folder, **changed)
        with pytest.raises(BadOption, match=reason) as got:
            Naive(model=str(folder)).facts  # noqa: B018 - a property that checks
        assert got.value.where == "encoder.model"

    @pytest.mark.parametrize("kind", ["new", "brand-new", None])
    def test_a_kind_that_transformers_does_not_know(self, tmp_path: Path, kind: str | None) -> None:
        folder = transformer(tmp_path / "m", "bert")
        change_config(folder, model_type=kind)
        with pytest.raises(BadOption, match="does not know"):
            Naive(model=str(folder)).encode_queries(["x"])

    def test_a_module_that_is_program_code(self, tmp_path: Path) -> None:
        folder = transformer(tmp_path / "m", "bert")
        modules = [
            {"type": "custom_st.Transformer"},
            {"type": "sentence_transformers.models.Pooling"},
        ]
        (folder / "modules.json").write_text(json.dumps(modules))
        with pytest.raises(BadOption, match=r"custom_st\.Transformer"):
            checkpoint(str(folder))

    @pytest.mark.parametrize("name", ["modules.json", "1_Pooling/config.json"])
    def test_a_damaged_file_beside_it(self, tmp_path: Path, name: str) -> None:
        folder = transformer(tmp_path / "m", "bert")
        (folder / "1_Pooling").mkdir()
        (folder / name).write_text("{")
        with pytest.raises(BadOption, match="not a model folder") as got:
            checkpoint(str(folder))
        assert got.value.where.endswith(name)


@pytest.mark.parametrize("kind", ["camembert", "roberta", "xlm-roberta", "bert"])
def test_the_longest_text_fits_the_positions(tmp_path: Path, kind: Kind) -> None:
    folder = transformer(tmp_path / "m", kind, before="<s>", after="</s>", positions=40, layers=1)
    positions = checkpoint(str(folder)).positions
    assert positions == (40 if kind == "bert" else 39)
    naive = Naive(model=str(folder), precision="fp32")
    assert np.isfinite(naive.encode_queries(["x" * 200])).all()
