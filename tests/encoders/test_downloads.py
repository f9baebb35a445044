"""Of a model on the hub the configuration is looked at before its weights are fetched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub.utils._paths import filter_repo_objects

from components.encoders import checkpoints
from components.encoders.checkpoints import checkpoint
from components.encoders.naive import Naive
from components.encoders.profiles import known
from components.errors import BadOption, EndpointUnavailable, MillraceError, ModelFault
from tests.encoders.random_models import adapter, change_config, transformer

COMMIT = "1" * 40


class Hub:
    """One model on a hub, and what was fetched of it."""

    def __init__(self, model: Path, cache: Path) -> None:
        self.model, self.cache = model, cache
        self.asked: list[str | None] = []
        self.fetched: list[str] = []
        self.head = COMMIT

    def snapshot_download(
        self, model: str, *, revision: str | None, allow_patterns: Sequence[str]
    ) -> str:
        """As the hub's client does."""
        self.asked.append(revision)
        commit = revision or self.head
        self.head = "2" * 40  # somebody publishes another version meanwhile
        folder = self.cache / "snapshots" / commit
        files = [str(each.relative_to(self.model)) for each in self.model.rglob("*.*")]
        for name in filter_repo_objects(files, allow_patterns=list(allow_patterns)):
            self.fetched.append(name)
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.model / name, folder / name)
        return str(folder)

    @property
    def weights(self) -> list[str]:
        return [each for each in self.fetched if "safetensors" in each]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    found = Hub(transformer(tmp_path / "model", "bert"), tmp_path / "cache")
    monkeypatch.setattr("huggingface_hub.snapshot_download", found.snapshot_download)
    caches = (checkpoints._known, checkpoints._download, checkpoints._from_folder)
    for each in caches:
        each.cache_clear()
    yield found
    for each in caches:
        each.cache_clear()


def module(kind: str) -> dict[str, str]:
    return {"type": f"sentence_transformers.models.{kind}"}


class TestRefusedBefore:
    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"auto_map": {"AutoModel": "modeling.Own"}}, "program code"),
            ({"model_type": "new"}, "does not know"),
            ({"is_encoder_decoder": True}, "a decoder"),
            ({"hidden_size": None}, "how wide"),
        ],
    )
    def test_by_its_configuration(self, hub: Hub, changed: dict[str, Any], reason: str) -> None:
        change_config(hub.model, **changed)
        with pytest.raises(BadOption, match=reason):
            checkpoint("some/model")
        assert "config.json" in hub.fetched
        assert hub.weights == []

    @pytest.mark.parametrize(
        ("name", "content", "reason"),
        [
            ("modules.json", [module("Transformer"), module("Pooling"), module("Dense")], "Dense"),
            ("modules.json", [{"type": "custom_st.Transformer"}], "custom_st"),
            ("1_Pooling/config.json", {"pooling_mode": "weightedmean"}, "pools by weightedmean"),
        ],
    )
    def test_by_what_stands_beside_it(self, hub: Hub, name: str, content: Any, reason: str) -> None:
        (hub.model / "1_Pooling").mkdir()
        (hub.model / name).write_text(json.dumps(content))
        with pytest.raises(BadOption, match=reason):
            checkpoint("some/model")
        assert hub.weights == []

    def test_by_adapters_that_nothing_names(self, hub: Hub) -> None:
        adapter(hub.model / "separation", hub.model, seed=1)
        with pytest.raises(BadOption, match="nothing says which: separation"):
            checkpoint("some/model")
        assert hub.weights == []

    def test_weights_of_another_width_than_the_profile_s(self, hub: Hub) -> None:
        with pytest.raises(ModelFault, match="width 32, not 768"):
            checkpoint("e5-base-v2")
        assert hub.weights == []

    @pytest.mark.parametrize(
        "name",
        [
            "gte-qwen2-7b-instruct",
            "Alibaba-NLP/gte-Qwen2-1.5B-instruct",
            "jina-v5-text-small",
            "nv-embed-v2",
        ],
    )
    def test_a_profile_that_cannot_be_run(self, hub: Hub, name: str) -> None:
        with pytest.raises(BadOption, match="cannot be used"):
            checkpoint(name)
        assert hub.asked == []


class TestFetched:
    def test_configuration_and_weights_are_of_one_commit(self, hub: Hub) -> None:
        found = checkpoint("some/model")
        assert hub.asked == [None, COMMIT]
        assert found.folder.name == COMMIT
        assert hub.weights == ["model.safetensors"]
        assert Naive(model="some/model", precision="fp32").encode_queries(["x"]).shape == (1, 32)

    def test_nothing_is_asked_again(self, hub: Hub) -> None:
        checkpoint("some/model")
        checkpoint("some/model")
        assert len(hub.asked) == 2

    def test_no_code_and_no_other_weights(self, hub: Hub) -> None:
        for name in ("modeling.py", "pytorch_model.bin", "README.md"):
            (hub.model / name).write_text("x")
        (hub.model / "onnx").mkdir()
        (hub.model / "onnx" / "model.onnx").write_text("x")
        checkpoint("some/model")
        assert {Path(each).suffix for each in hub.fetched} <= {".json", ".safetensors"}

    def test_adapters_of_both_sides_and_no_others(self, hub: Hub) -> None:
        of = known()["jina-v3"]
        hub.model = transformer(hub.model.parent / "j", "jina_embeddings_v3", width=1024, layers=1)
        for seed, name in enumerate((of.query_adapter, of.document_adapter, "separation")):
            adapter(hub.model / name, hub.model, seed=seed)
        assert Naive(model="jina-v3").facts["adapters"]
        assert sorted(hub.weights) == [
            "model.safetensors",
            "retrieval_passage/adapter_model.safetensors",
            "retrieval_query/adapter_model.safetensors",
        ]
        assert hub.asked == [of.revision, of.revision]

    def test_a_hub_that_does_not_answer(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise ConnectionError("down")

        monkeypatch.setattr("huggingface_hub.snapshot_download", refuse)
        with pytest.raises(EndpointUnavailable, match="could not be fetched") as got:
            checkpoint("some/model")
        assert isinstance(got.value, MillraceError)


class TestLookalikes:
    """A folder that is called as a model with prompts, and says nothing of them."""

    @pytest.mark.parametrize(
        "name", ["e5-small-v2", "E5-Small-v2", "models--intfloat--e5-small-v2/snapshots/1234"]
    )
    def test_the_model_is_said_to_have_prompts(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
    ) -> None:
        folder = transformer(tmp_path / name, "bert", width=384, layers=1)
        assert Naive(model=str(folder)).facts["query_prompt"] == ""
        assert "'query: ' before queries and 'passage: ' before documents" in caplog.text
        assert "e5-small-v2" in caplog.text
        assert len(caplog.records) == 1

    def test_a_model_whose_queries_alone_have_one(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        checkpoint(str(transformer(tmp_path / "E2Rank-0.6B", "qwen3", width=1024, layers=1)))
        assert "Query:' before queries" in caplog.text
        assert "documents" not in caplog.text

    @pytest.mark.parametrize("prompts", [{"query": "query: "}, {"passage": "passage: "}])
    def test_a_folder_that_says_so_itself(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, prompts: dict[str, str]
    ) -> None:
        folder = transformer(tmp_path / "e5-small-v2", "bert", width=384, layers=1)
        (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
        checkpoint(str(folder))
        assert not caplog.records

    @pytest.mark.parametrize(
        ("name", "width"),
        [
            ("e5-small-v2", 64),
            ("my-e5-small-v2-finetuned", 384),
            ("gte-small", 384),
            ("model", 384),
        ],
    )
    def test_others_are_left_alone(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, width: int
    ) -> None:
        checkpoint(str(transformer(tmp_path / name, "bert", width=width, layers=1)))
        assert not caplog.records

    def test_prompts_are_not_made_up(self, tmp_path: Path) -> None:
        named = transformer(tmp_path / "e5-small-v2", "bert", width=384, layers=1)
        plain = transformer(tmp_path / "plain", "bert", width=384, layers=1)
        one, other = (Naive(model=str(each), precision="fp32") for each in (named, plain))
        assert one.facts == other.facts
        np.testing.assert_array_equal(one.encode_queries(["x"]), other.encode_queries(["x"]))
