from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.encoders.checkpoints import check_weights, checkpoint
from components.encoders.landmark import Landmark
from components.encoders.late import Late
from components.encoders.model import Model
from components.encoders.naive import Naive
from components.errors import BadOption, ModelFault
from components.registry import build, resolve
from components.values import Document, Span

FLAGS = {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": False}


def folder(path: Path, **files: Mapping[str, Any] | None) -> Path:
    """The embedded model's folder with other JSON files in it; None leaves one out."""
    path.mkdir()
    changed = {f"{name}.json": content for name, content in files.items()}
    for each in checkpoint("minilm").folder.iterdir():
        if each.name not in (*changed, "1_Pooling"):
            (path / each.name).symlink_to(each)
    for name, content in changed.items():
        if content is not None:
            (path / name).write_text(json.dumps(content))
    return path


def pooled_by(path: Path, config: Mapping[str, Any]) -> Path:
    made = folder(path)
    (made / "1_Pooling").mkdir()
    (made / "1_Pooling" / "config.json").write_text(json.dumps(config))
    return made


class TestEmbedded:
    def test_weights_are_those_it_was_written_for(self) -> None:
        check_weights(checkpoint("minilm"))

    def test_facts_say_what_the_name_stands_for(self) -> None:
        facts = Naive().facts
        assert facts["weights"] == checkpoint("minilm").weights_sha256
        assert (facts["pooling"], facts["window"]) == ("mean", 256)

    def test_a_folder_with_the_same_files_is_the_same_model(self, tmp_path: Path) -> None:
        own, copy = Naive(), Naive(model=str(pooled_by(tmp_path / "m", {"pooling_mode": "mean"})))
        assert (copy.facts, copy.width) == (own.facts, own.width)

    def test_everything_but_vectors_is_known_without_torch(self) -> None:
        code = (
            "import sys\n"
            "from components.encoders.late import Late\n"
            "late = Late(header='{title}')\n"
            "late.facts, late.width, late.fields, late.tokenizer.tokens('a')\n"
            "print(late.loaded, 'torch' in sys.modules, 'transformers' in sys.modules)\n"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert done.stdout.split() == [b"False"] * 3

    def test_loaded_from_the_first_vector_on(self) -> None:
        own = Model(checkpoint("minilm"), "fp32")
        assert not own.loaded
        own.hidden([np.array([101, 102])])
        assert own.loaded


class TestFolder:
    def test_prompts_window_and_width_are_read(self, tmp_path: Path) -> None:
        made = folder(
            tmp_path / "m",
            config_sentence_transformers={"prompts": {"query": "q: ", "passage": "p: "}},
            sentence_bert_config={"max_seq_length": 100},
        )
        found = checkpoint(str(made))
        assert (found.profile.query_prompt, found.profile.document_prompt) == ("q: ", "p: ")
        assert (found.window, found.positions, found.width) == (100, 512, 384)
        facts = Naive(model=str(made)).facts
        assert (facts["query_prompt"], facts["document_prompt"]) == ("q: ", "p: ")

    def test_the_tokenizer_s_limit_is_the_window_where_no_other_is_given(
        self, tmp_path: Path
    ) -> None:
        made = folder(
            tmp_path / "m",
            sentence_bert_config={"max_seq_length": None},
            tokenizer_config={"model_max_length": 200},
        )
        assert checkpoint(str(made)).window == 200

    def test_no_window_is_longer_than_the_model(self, tmp_path: Path) -> None:
        made = folder(
            tmp_path / "m", sentence_bert_config=None, tokenizer_config={"model_max_length": 10**30}
        )
        assert checkpoint(str(made)).window == 512

    def test_prompts_stand_before_the_texts(self, tmp_path: Path) -> None:
        made = folder(
            tmp_path / "m",
            config_sentence_transformers={"prompts": {"query": "query: ", "document": "text: "}},
        )
        prompted, plain = Naive(model=str(made), precision="fp32"), Naive(precision="fp32")
        np.testing.assert_allclose(
            prompted.encode_queries(["flour"]), plain.encode_queries(["query: flour"]), atol=1e-6
        )
        (block,) = prompted.encode_documents([Document(id="d", text="flour")], [[Span(0, 5)]])
        np.testing.assert_allclose(block.vectors, plain.encode_queries(["text: flour"]), atol=1e-6)

    @pytest.mark.parametrize(
        ("config", "pooling"),
        [
            ({**FLAGS, "pooling_mode_mean_tokens": True}, "mean"),
            ({**FLAGS, "pooling_mode_cls_token": True}, "cls"),
            ({**FLAGS, "pooling_mode_lasttoken": True}, "last"),
            ({"pooling_mode": "mean", "include_prompt": True}, "mean"),
            ({"pooling_mode": "cls", "include_prompt": True}, "cls"),
            ({"pooling_mode": "lasttoken"}, "last"),
        ],
    )
    def test_pooling_is_read_as_old_and_new_versions_write_it(
        self, tmp_path: Path, config: Mapping[str, Any], pooling: str
    ) -> None:
        assert checkpoint(str(pooled_by(tmp_path / "m", config))).pooling == pooling

    @pytest.mark.parametrize(
        "config",
        [
            {**FLAGS, "pooling_mode_max_tokens": True},
            {"pooling_mode": "weightedmean"},
            {"pooling_mode": ["cls", "mean"]},
        ],
    )
    def test_other_pooling_is_refused(self, tmp_path: Path, config: Mapping[str, Any]) -> None:
        with pytest.raises(BadOption, match="pools by"):
            checkpoint(str(pooled_by(tmp_path / "m", config)))

    def test_late_pooling_needs_a_mean_pooled_model(self, tmp_path: Path) -> None:
        made = str(pooled_by(tmp_path / "m", {"pooling_mode": "cls"}))
        document = Document(id="d", text="Flour")
        for encoder in (Late(model=made), Landmark(model=made), Late(model=made, mix=1.0)):
            with pytest.raises(BadOption, match="mean pooling") as got:
                encoder.facts  # noqa: B018 - a property that checks
            assert got.value.where == "encoder.model"
            with pytest.raises(BadOption):
                list(encoder.encode_documents([document], [[Span(0, 5)]]))
            assert not encoder.loaded

    @pytest.mark.parametrize(("pooling", "at"), [("cls", 0), ("lasttoken", -1)])
    def test_naive_pools_as_the_model_was_trained(
        self, tmp_path: Path, pooling: str, at: int
    ) -> None:
        made = str(pooled_by(tmp_path / "m", {"pooling_mode": pooling}))
        naive = Naive(model=made, precision="fp32")
        ids = [101, *naive.tokenizer.tokens("the mill wheel").ids, 102]
        state = Model(checkpoint("minilm"), "fp32").hidden([np.array(ids)]).rows[at].numpy()
        np.testing.assert_allclose(
            naive.encode_queries(["the mill wheel"])[0], state / np.linalg.norm(state), atol=1e-5
        )


class TestRefused:
    @pytest.mark.parametrize("name", ["minilm-l6", "./nowhere", "/no/such/folder"])
    def test_an_unknown_model(self, name: str) -> None:
        with pytest.raises(BadOption, match="no model is called") as got:
            checkpoint(name)
        assert got.value.where == "encoder.model"
        assert "minilm" in got.value.hint

    def test_a_folder_that_holds_no_model(self, tmp_path: Path) -> None:
        with pytest.raises(BadOption, match="not a model folder"):
            checkpoint(str(tmp_path))

    def test_a_folder_with_a_damaged_configuration(self, tmp_path: Path) -> None:
        made = folder(tmp_path / "m", config=None)
        (made / "config.json").write_text("{")
        with pytest.raises(BadOption, match="not a model folder"):
            checkpoint(str(made))

    @pytest.mark.parametrize(
        ("name", "content", "told"),
        [
            ("config", [1], "no JSON object"),
            ("config", None, "no JSON object"),
            ("config", {"hidden_size": 384, "max_position_embeddings": None}, "max_position_emb"),
            ("config", {"hidden_size": 8, "model_type": "roberta", "pad_token_id": None}, "pad_to"),
            ("config", {"hidden_size": 8, "auto_map": 5}, "int"),
            ("config_sentence_transformers", {"prompts": {"query": 5}}, "query"),
            ("config_sentence_transformers", {"prompts": ["q"]}, "list"),
            ("config_sentence_transformers", {"landmark": 5}, "landmark"),
            ("sentence_bert_config", {"max_seq_length": "x"}, "max_seq_length"),
            ("sentence_bert_config", {"max_seq_length": float("inf")}, "infinity"),
            ("modules", {"type": "x"}, "no JSON list"),
            ("modules", ["x"], "str"),
        ],
    )
    def test_a_folder_whose_files_say_what_no_model_is(
        self, tmp_path: Path, name: str, content: Any, told: str
    ) -> None:
        made = folder(tmp_path / "m", **{name: {}})
        (made / f"{name}.json").write_text(json.dumps(content))
        with pytest.raises(BadOption, match=rf"not a model folder: .*{told}") as got:
            checkpoint(str(made))
        assert got.value.where.startswith(str(made))

    def test_an_index_of_weights_that_is_none(self, tmp_path: Path) -> None:
        made = folder(tmp_path / "m", **{"model.safetensors.index": {"weights": 5}})
        (made / "model.safetensors").unlink()
        with pytest.raises(BadOption, match=r"not a model folder: .*weight_map"):
            checkpoint(str(made))

    def test_a_prompt_that_is_null_is_none(self, tmp_path: Path) -> None:
        told = {"prompts": {"query": None, "document": None, "passage": "p: "}}
        found = checkpoint(str(folder(tmp_path / "m", config_sentence_transformers=told)))
        assert (found.profile.query_prompt, found.profile.document_prompt) == ("", "")

    @pytest.mark.parametrize("weights", [b"", b"other weights", b"\x40" + bytes(7) + b"{}" * 32])
    def test_weights_that_are_broken(self, tmp_path: Path, weights: bytes) -> None:
        made = folder(tmp_path / "m")
        (made / "model.safetensors").unlink()
        (made / "model.safetensors").write_bytes(weights)
        broken = Naive(model=str(made))
        with pytest.raises(ModelFault, match="cannot be read") as got:
            broken.encode_queries(["flour"])
        assert got.value.where == str(made)
        assert not broken.loaded

    def test_a_configuration_that_no_weights_fit(self, tmp_path: Path) -> None:
        config = json.loads((checkpoint("minilm").folder / "config.json").read_text())
        made = folder(tmp_path / "m", config={**config, "num_attention_heads": 7})
        with pytest.raises(ModelFault, match=r"cannot be read: .*heads"):
            Naive(model=str(made)).encode_queries(["flour"])

    def test_a_folder_without_weights(self, tmp_path: Path) -> None:
        made = folder(tmp_path / "m")
        (made / "model.safetensors").unlink()
        with pytest.raises(BadOption, match=r"model\.safetensors"):
            checkpoint(str(made))

    def test_weights_that_are_not_the_profile_s(self, tmp_path: Path) -> None:
        made = folder(tmp_path / "m")
        (made / "model.safetensors").unlink()
        (made / "model.safetensors").write_bytes(b"other weights")
        other = Model(replace(checkpoint("minilm"), folder=made), "fp32")
        assert other.tokenizer.prefix == [101]
        with pytest.raises(ModelFault, match="not the expected ones") as got:
            other.hidden([np.array([101, 102])])
        assert got.value.where.endswith("model.safetensors")
        assert not other.loaded

    @pytest.mark.parametrize(
        "options",
        [{"precision": "fp16"}, {"window": 0}, {"overlap": -1}, {"mix": 1.5}, {"windows": 3}],
    )
    def test_bad_options(self, options: dict[str, Any]) -> None:
        with pytest.raises(BadOption):
            build("encoder", resolve("encoder", "late", options))


def test_a_model_with_further_modules_is_refused(tmp_path: Path) -> None:
    source = checkpoint("minilm").folder
    for file in source.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "modules.json").unlink()
    kinds = ["models.Transformer", "models.Pooling", "models.Dense"]
    (tmp_path / "modules.json").write_text(json.dumps([{"type": kind} for kind in kinds]))
    with pytest.raises(BadOption, match="Dense"):
        checkpoint(str(tmp_path))
