"""The models that have a name, with small random ones in the place of their weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from pydantic import TypeAdapter

from components.encoders import checkpoints
from components.encoders.landmark import Landmark
from components.encoders.late import Late
from components.encoders.naive import Naive
from components.encoders.profiles import TASK, Profile, known
from components.errors import BadOption, ModelFault, Unavailable
from components.registry import Choice, resolve
from components.spec import fingerprint
from components.values import Document, Span
from tests.encoders.random_models import (
    change_config,
    in_hub_cache,
    offline,
    sentence_transformer,
    transformer,
)

FAMILIES = 24
LETTERS = "the mill"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of downloaded models of a machine that is offline."""
    with offline(tmp_path / "hub", monkeypatch) as hub:
        yield hub


def downloaded(hub: Path, name: str, **shape: Any) -> Path:
    """A random transformer where the hub's client would have put the model of this name."""
    of = known()[name]
    return transformer(in_hub_cache(hub, of.model, of.revision or "0" * 40), **shape)


def states(folder: Path, ids: Sequence[int]) -> npt.NDArray[np.float32]:
    """Last hidden states as transformers gives them."""
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        found = model(input_ids=torch.tensor([list(ids)])).last_hidden_state[0]
    return np.asarray(found.numpy(), dtype=np.float32)


def last(folder: Path, ids: Sequence[int]) -> npt.NDArray[np.float32]:
    state = states(folder, ids)[-1]
    return np.asarray(state / np.linalg.norm(state), dtype=np.float32)


def ids(folder: Path, text: str) -> list[int]:
    from transformers import AutoTokenizer

    found: list[int] = AutoTokenizer.from_pretrained(folder)(text, add_special_tokens=False)[
        "input_ids"
    ]
    return found


class TestFile:
    @pytest.mark.parametrize("name", list(known()))
    def test_facts_have_their_types_and_agree(self, name: str) -> None:
        of = known()[name]
        again = TypeAdapter(Profile).validate_json(json.dumps(asdict(of)), strict=True)
        assert again == of
        assert of.family
        assert of.revision == "" or len(of.revision) == 40
        assert of.model.count("/") == (1 if of.model else 0)
        assert all(hasattr(of, fact) for fact in of.unverified)
        assert list(of.matryoshka) == sorted(of.matryoshka, reverse=True)
        assert all(each < (of.width or 0) for each in of.matryoshka)
        assert of.refusal or of.pooling
        assert bool(of.late_refusal) == (of.pooling != "mean" or bool(of.query_echo))

    def test_families(self) -> None:
        assert len({each.family for each in known().values()}) == FAMILIES

    def test_no_id_on_the_hub_has_two_names(self) -> None:
        found = [each.model for each in known().values() if each.model]
        assert len(found) == len(set(found))

    @pytest.mark.parametrize(
        ("name", "query", "document"),
        [
            ("minilm", "", ""),
            ("e5-base-v2", "query: ", "passage: "),
            ("multilingual-e5-large-instruct", f"Instruct: {TASK}\nQuery: ", ""),
            (
                "kalm-mini-instruct-v1.5",
                "Instruct: Given a query, retrieve documents that answer the query. \n Query: ",
                "",
            ),
            ("qwen3-embedding-0.6b", f"Instruct: {TASK}\nQuery:", ""),
            ("e2rank-0.6b", f"Instruct: {TASK}\nQuery:", ""),
            ("embeddinggemma-300m", "task: search result | query: ", "title: none | text: "),
            ("nomic-embed-text-v1.5", "search_query: ", "search_document: "),
            ("bge-en-icl", f"<instruct>{TASK}\n<query>", ""),
            ("echo-mistral-7b-meantoken", f"Instruct:{TASK},\nQuery:", "Document:"),
        ],
    )
    def test_prompts_to_the_space(self, name: str, query: str, document: str) -> None:
        of = known()[name]
        assert of.query_prompt.replace("{task}", of.task) == query
        assert of.document_prompt == document


class TestNamed:
    def test_prompts_window_and_pooling_are_the_profile_s(self, hub: Path) -> None:
        shape: dict[str, Any] = {"width": 384, "layers": 1, "before": "<s>", "after": "</s>"}
        folder = downloaded(hub, "e5-small-v2", kind="bert", **shape)
        facts = Naive(model="e5-small-v2").facts
        assert (facts["query_prompt"], facts["document_prompt"]) == ("query: ", "passage: ")
        assert (facts["pooling"], facts["window"]) == ("mean", 128)
        whole = [1, *ids(folder, "query: the mill"), 2]
        expected = states(folder, whole).mean(axis=0)
        found = Naive(model="e5-small-v2", precision="fp32").encode_queries([LETTERS])[0]
        np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-5)

    def test_the_id_on_the_hub_is_another_name(self, hub: Path) -> None:
        downloaded(hub, "e5-small-v2", kind="bert", width=384, layers=1)
        assert Naive(model="intfloat/e5-small-v2").facts == Naive(model="e5-small-v2").facts

    def test_an_id_without_a_profile_is_what_its_folder_says(
        self, hub: Path, tmp_path: Path
    ) -> None:
        base = transformer(tmp_path / "b", "bert", before="<s>", after="</s>")
        folder = in_hub_cache(hub, "some/model", "1" * 40)
        sentence_transformer(folder, base, "cls", {"query": "Q: "})
        naive = Naive(model="some/model")
        assert (naive.width, naive.facts["pooling"], naive.facts["query_prompt"]) == (
            32,
            "cls",
            "Q: ",
        )

    def test_a_model_that_cannot_be_fetched(self, hub: Path) -> None:
        with pytest.raises(Unavailable, match="e5-base-v2"):
            Naive(model="e5-base-v2").width  # noqa: B018 - a property that reads

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("embeddinggemma-300m", "dense layers"),
            ("nvidia/NV-Embed-v2", "latent attention"),
            ("jina-v5-text-small", "an adapter \\(LoRA\\) per task"),
            ("Alibaba-NLP/gte-Qwen2-7B-instruct", "attends in both directions"),
        ],
    )
    def test_a_model_that_cannot_be_run(self, name: str, reason: str) -> None:
        with pytest.raises(BadOption, match=reason) as got:
            Naive(model=name).facts  # noqa: B018 - a property that reads
        assert got.value.where == "encoder.model"

    @pytest.mark.parametrize("encoder", [Late, Landmark])
    def test_late_chunking_is_refused_with_the_reason(self, hub: Path, encoder: Any) -> None:
        downloaded(hub, "e2rank-0.6b", kind="qwen3", width=1024, layers=1)
        with pytest.raises(BadOption, match="pools by its last token: late chunking needs mean"):
            encoder(model="e2rank-0.6b").facts  # noqa: B018 - a property that checks

    def test_late_chunking_is_refused_for_echoes(self, hub: Path) -> None:
        downloaded(hub, "echo-mistral-7b-meantoken", kind="mistral")
        late = Late(model="echo-mistral-7b-meantoken", window=32, overlap=8)
        with pytest.raises(BadOption, match="reads every text twice"):
            list(late.encode_documents([Document(id="d", text="mill")], [[Span(0, 4)]]))


class TestWrongWeights:
    def test_of_another_width(self, hub: Path) -> None:
        folder = downloaded(hub, "e5-small-v2", kind="bert", width=32)
        with pytest.raises(ModelFault, match="not the weights of e5-small-v2: width 32, not 384"):
            Naive(model="e5-small-v2").facts  # noqa: B018 - a property that checks
        change_config(folder, hidden_size=384)
        with pytest.raises((ModelFault, RuntimeError)):
            Naive(model="e5-small-v2").encode_queries([LETTERS])

    def test_of_another_pooling(self, hub: Path, tmp_path: Path) -> None:
        base = transformer(tmp_path / "b", "bert", width=384, layers=1)
        of = known()["e5-small-v2"]
        sentence_transformer(in_hub_cache(hub, of.model, of.revision), base, "cls", {})
        with pytest.raises(ModelFault, match="pooling cls, not mean"):
            Naive(model="e5-small-v2").facts  # noqa: B018 - a property that checks

    def test_that_lack_a_layer(self, tmp_path: Path) -> None:
        folder = transformer(tmp_path / "m", "bert", layers=1)
        change_config(folder, num_hidden_layers=2)
        with pytest.raises(ModelFault, match=r"lack encoder\.layer\.1"):
            Naive(model=str(folder)).encode_queries([LETTERS])

    def test_without_the_special_token(self, hub: Path) -> None:
        folder = downloaded(hub, "e2rank-0.6b", kind="qwen3", width=1024, layers=1)
        file = folder / "tokenizer.json"
        file.write_text(file.read_text().replace("<|endoftext|>", "<|other|>"))
        with pytest.raises(ModelFault, match=r"no token '<\|endoftext\|>'"):
            Naive(model="e2rank-0.6b").encode_queries([LETTERS])

    def test_with_program_code_of_their_own(self, tmp_path: Path) -> None:
        folder = transformer(tmp_path / "m", "bert")
        change_config(folder, auto_map={"AutoModel": "modeling.Own"})
        with pytest.raises(BadOption, match="program code of its own"):
            Naive(model=str(folder)).facts  # noqa: B018 - a property that checks


def test_weights_in_several_files_are_read(tmp_path: Path) -> None:
    from transformers import AutoModel

    one = transformer(tmp_path / "one", "bert", before="<s>", after="</s>")
    several = transformer(tmp_path / "several", "bert", before="<s>", after="</s>")
    (several / "model.safetensors").unlink()
    AutoModel.from_pretrained(one).save_pretrained(several, max_shard_size="10KB")
    assert len(list(several.glob("model-*.safetensors"))) > 1
    found = Naive(model=str(several), precision="fp32")
    np.testing.assert_allclose(
        found.encode_queries([LETTERS]),
        Naive(model=str(one), precision="fp32").encode_queries([LETTERS]),
        atol=1e-6,
    )
    before = found.facts["weights"]
    checkpoints.weights_sha256.cache_clear()
    assert found.facts["weights"] == before
    min(several.glob("model-*.safetensors")).unlink()
    checkpoints.weights_sha256.cache_clear()
    checkpoints._from_folder.cache_clear()
    with pytest.raises(BadOption, match="model-00001"):
        found.facts  # noqa: B018 - a property that checks


class TestInstruction:
    @pytest.fixture
    def folder(self, hub: Path) -> Path:
        return downloaded(hub, "e2rank-0.6b", kind="qwen3", width=1024, layers=1, positions=160)

    def naive(self, **options: Any) -> Naive:
        return Naive(model="e2rank-0.6b", precision="fp32", **options)

    def test_queries_have_the_task_and_the_appended_token(self, folder: Path) -> None:
        text = f"Instruct: {TASK}\nQuery:{LETTERS}"
        expected = last(folder, [*ids(folder, text), 3])
        np.testing.assert_allclose(self.naive().encode_queries([LETTERS])[0], expected, atol=1e-5)

    def test_another_task(self, folder: Path) -> None:
        expected = last(folder, [*ids(folder, f"Instruct: Grind\nQuery:{LETTERS}"), 3])
        found = self.naive(task="Grind").encode_queries([LETTERS])[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_documents_have_the_appended_token_alone(self, folder: Path) -> None:
        (block,) = self.naive().encode_documents(
            [Document(id="d", text=LETTERS)], [[Span(0, len(LETTERS))]]
        )
        expected = last(folder, [*ids(folder, LETTERS), 3])
        np.testing.assert_allclose(block.vectors[0], expected, atol=1e-5)

    def test_a_token_that_the_tokenizer_adds_is_not_added_twice(self, hub: Path) -> None:
        shape: dict[str, Any] = {"width": 1024, "layers": 1, "after": "<|endoftext|>"}
        downloaded(hub, "qwen3-embedding-0.6b", kind="qwen3", **shape)
        naive = Naive(model="qwen3-embedding-0.6b")
        assert (naive.tokenizer.prefix, naive.tokenizer.suffix) == ([], [3])

    def test_a_long_text_keeps_the_prompt_and_the_token_in_every_window(self, folder: Path) -> None:
        text = "".join(chr(97 + i % 26) for i in range(300))
        head = ids(folder, "Instruct: Grind\nQuery:")
        room = 160 - 1 - len(head)
        body = ids(folder, text)
        pieces = [body[at : at + room] for at in range(0, len(body), room)]
        assert len(pieces) > 2
        total = sum(states(folder, [*head, *each, 3])[-1] for each in pieces)
        found = self.naive(task="Grind").encode_queries([text])[0]
        np.testing.assert_allclose(found, total / np.linalg.norm(total), atol=1e-5)

    def test_a_task_that_fills_the_window(self, folder: Path) -> None:
        with pytest.raises(BadOption, match="leaves no room"):
            self.naive(task="Grind " * 30).encode_queries([LETTERS])

    def test_a_model_without_a_task(self) -> None:
        with pytest.raises(BadOption, match="minilm has no place for a task") as got:
            Naive(task="Grind").facts  # noqa: B018 - a property that checks
        assert got.value.where == "encoder.task"


class TestExamples:
    def test_stand_before_the_query(self, hub: Path) -> None:
        shape: dict[str, Any] = {"width": 4096, "layers": 1, "positions": 512, "before": "<s>"}
        folder = downloaded(hub, "bge-en-icl", kind="mistral", **shape)
        naive = Naive(
            model="bge-en-icl", precision="fp32", task="Find", examples=(("a?", "b."), ("c?", "d."))
        )
        text = (
            "<instruct>Find\n<query>a?\n<response>b.\n\n"
            "<instruct>Find\n<query>c?\n<response>d.\n\n"
            "<instruct>Find\n<query>the mill\n<response>"
        )
        expected = last(folder, [1, *ids(folder, text), 2])
        np.testing.assert_allclose(naive.encode_queries([LETTERS])[0], expected, atol=1e-5)
        (block,) = naive.encode_documents([Document(id="d", text="mill")], [[Span(0, 4)]])
        expected = last(folder, [1, *ids(folder, "mill"), 2])
        np.testing.assert_allclose(block.vectors[0], expected, atol=1e-5)

    def test_are_part_of_the_fingerprint_and_survive_a_generation_s_file(self, hub: Path) -> None:
        downloaded(hub, "bge-en-icl", kind="mistral", width=4096, layers=1, positions=512)
        plain = resolve("encoder", "naive", {"model": "bge-en-icl"})
        given = resolve("encoder", "naive", {"model": "bge-en-icl", "examples": [["a?", "b."]]})
        assert fingerprint({"encoder": plain}) != fingerprint({"encoder": given})
        stored = Choice("naive", {**given.options, "examples": [["a?", "b."]]})
        assert fingerprint({"encoder": stored}) == fingerprint({"encoder": given})

    def test_are_refused_by_models_that_were_not_trained_for_them(self) -> None:
        with pytest.raises(BadOption, match="minilm was not trained to read examples"):
            Naive(examples=(("a?", "b."),)).facts  # noqa: B018 - a property that checks


class TestEcho:
    @pytest.mark.parametrize("name", ["lasttoken", "meantoken"])
    def test_the_second_copy_is_pooled(self, hub: Path, name: str) -> None:
        model = f"echo-mistral-7b-{name}"
        folder = downloaded(hub, model, kind="mistral", before="<s>", positions=256)
        naive = Naive(model=model, precision="fp32", task="Find")
        first = ids(folder, "Instruct:Find,\nQuery:the mill\nQuery again:")
        found = states(folder, [1, *first, *ids(folder, LETTERS), 2])
        expected = found[-1] if name == "lasttoken" else found[1 + len(first) :].mean(axis=0)
        np.testing.assert_allclose(
            naive.encode_queries([LETTERS])[0], expected / np.linalg.norm(expected), atol=1e-5
        )

    def test_documents_have_their_own_words(self, hub: Path) -> None:
        model = "echo-mistral-7b-meantoken"
        folder = downloaded(hub, model, kind="mistral", before="<s>")
        first = ids(folder, "Document:the mill\nDocument again:")
        expected = states(folder, [1, *first, *ids(folder, LETTERS), 2])[1 + len(first) :].mean(0)
        (block,) = Naive(model=model, precision="fp32").encode_documents(
            [Document(id="d", text=LETTERS)], [[Span(0, len(LETTERS))]]
        )
        np.testing.assert_allclose(block.vectors[0], expected / np.linalg.norm(expected), atol=1e-5)

    def test_a_long_text_is_echoed_piece_by_piece(self, hub: Path) -> None:
        model = "echo-mistral-7b-lasttoken"
        folder = downloaded(hub, model, kind="mistral", before="<s>", positions=64)
        text = "".join(chr(97 + i % 26) for i in range(50))
        head, again = ids(folder, "Document:"), ids(folder, "\nDocument again:")
        room = (64 - 2 - len(head) - len(again)) // 2
        body = ids(folder, text)
        pieces = [body[at : at + room] for at in range(0, len(body), room)]
        assert len(pieces) > 1
        total = sum(states(folder, [1, *head, *each, *again, *each, 2])[-1] for each in pieces)
        (block,) = Naive(model=model, precision="fp32").encode_documents(
            [Document(id="d", text=text)], [[Span(0, 50)]]
        )
        np.testing.assert_allclose(block.vectors[0], total / np.linalg.norm(total), atol=1e-5)
