from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from components.errors import BadOption, DoesNotFit, Unavailable
from components.rerankers import cross_encoder
from components.rerankers.cross_encoder import CrossEncoder
from components.values import Hit, Query, Ranked
from tests.encoders.random_models import trained_tokenizer, transformer
from tests.rerankers.test_e2rank import listed, names, texts

library = pytest.importorskip("sentence_transformers")
QUERIES = ("Which wheel turns?", "水車はどこ？")


def rerank(by: CrossEncoder, documents: Sequence[str]) -> list[list[Hit]]:
    queries = [Query(text=text) for text in QUERIES]
    return by.rerank(queries, Ranked([listed(documents)] * len(QUERIES)), [])


@pytest.mark.parametrize("tokens", [None, 20])
def test_scores_are_those_of_the_library(crossed: Path, tokens: int | None) -> None:
    documents = texts(30)
    model = library.CrossEncoder(str(crossed), device="cpu", max_length=tokens)
    found = rerank(CrossEncoder(model=str(crossed), precision="fp32", tokens=tokens), documents)
    for query, own in zip(QUERIES, found, strict=True):
        scores = model.predict(
            [(query, text) for text in documents],
            show_progress_bar=False,
            activation_fn=torch.nn.Identity(),
        )
        assert names(own) == [f"{at:04}" for at in np.argsort(-scores, kind="stable")]
        assert [each.score for each in own] == pytest.approx(np.sort(scores)[::-1], abs=1e-5)


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(BadOption, match="no folder"):
        rerank(CrossEncoder(model="./nowhere"), texts(3))


def test_a_folder_that_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="could not be loaded"):
        rerank(CrossEncoder(model=str(tmp_path)), texts(3))


def test_a_hub_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Unavailable, match="could not be loaded") as caught:
        rerank(CrossEncoder(model="somebody/nothing"), texts(3))
    assert "hub" in caught.value.hint


def test_hits_of_which_the_same_is_read_tie(crossed: Path) -> None:
    """Whatever they are read beside."""
    documents = [f"{'mill ' * 40}{at}" for at in range(70)]
    for own in rerank(plain(crossed, tokens=40), documents):
        assert len({each.score for each in own}) == 1
        assert names(own) == sorted(names(own))


class TestLabels:
    """Of models with several."""

    def test_the_second_of_two_says_relevant(self, crossed: Path, tmp_path: Path) -> None:
        folder = classifier(tmp_path / "two", crossed, num_labels=2)
        documents = texts(20)
        for query, own in zip(QUERIES, rerank(plain(folder), documents), strict=True):
            odds = logits(folder, query, documents) @ np.array([-1.0, 1.0])
            assert names(own) == [f"{at:04}" for at in np.argsort(-odds, kind="stable")]
            assert [each.score for each in own] == pytest.approx(np.sort(odds)[::-1], abs=1e-5)

    def test_or_the_one_that_is_named(self, crossed: Path, tmp_path: Path) -> None:
        labels = {0: "entailment", 1: "neutral", 2: "contradiction"}
        folder = classifier(tmp_path / "three", crossed, id2label=labels)
        documents = texts(20)
        (own, _) = rerank(plain(folder, label="entailment"), documents)
        made = logits(folder, QUERIES[0], documents)
        odds = made[:, 0] - np.log(np.exp(made[:, 1:]).sum(axis=1))
        assert [each.score for each in own] == pytest.approx(np.sort(odds)[::-1], abs=1e-5)

    @pytest.mark.parametrize(
        ("labels", "options"),
        [
            ({"num_labels": 3}, {}),
            ({"id2label": {0: "entailment", 1: "not_entailment"}}, {}),
            ({"num_labels": 2}, {"label": "relevant"}),
            ({"num_labels": 1}, {"label": "relevant"}),
        ],
    )
    def test_what_is_not_known_is_not_guessed(
        self, crossed: Path, tmp_path: Path, labels: dict[str, Any], options: dict[str, Any]
    ) -> None:
        folder = classifier(tmp_path / "named", crossed, **labels)
        with pytest.raises(BadOption, match="label") as caught:
            rerank(plain(folder, **options), texts(3))
        assert caught.value.where == "reranker.label"
        for name in labels.get("id2label", {0: "LABEL_0"}).values():
            assert name in (caught.value.hint or "")


class TestSixteenBits:
    """Of models that compute in bf16 the best hits tie no more than their texts do."""

    @pytest.fixture(autouse=True)
    def _in_16_bits(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setattr(cross_encoder, "dtype", lambda precision, on: torch.bfloat16)
        cross_encoder._loaded.cache_clear()
        yield
        cross_encoder._loaded.cache_clear()

    @pytest.mark.parametrize("labels", [1, 2])
    def test_of_an_encoder(self, crossed: Path, tmp_path: Path, labels: int) -> None:
        folder = classifier(tmp_path / "sure", crossed, num_labels=labels)
        sure(folder, "classifier")
        check_distinct(folder)

    def test_of_a_decoder(self, tmp_path: Path) -> None:
        base = transformer(tmp_path / "base", "qwen3", padding="left")
        folder = classifier(tmp_path / "sure", base, num_labels=1)
        sure(folder, "score")
        check_distinct(folder)

    def test_of_a_language_model_that_says_yes_or_no(self, tmp_path: Path) -> None:
        tokenizer = trained_tokenizer("wordpiece", [*texts(30), "yes no " * 50])
        folder = transformer(
            tmp_path / "words", "qwen3", padding="left", tokenizer=tokenizer, positions=256
        )
        config: Any = transformers.AutoConfig.from_pretrained(folder)
        torch.manual_seed(5)
        from_config: Any = transformers.AutoModelForCausalLM.from_config
        made = from_config(config)
        made.save_pretrained(folder)
        check_distinct(folder)


class TestMemory:
    @pytest.fixture
    def crowd(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
        """Lets the library read so many pairs at once; gives what it was asked for."""

        def to(room: int) -> list[int]:
            asked: list[int] = []
            real = library.CrossEncoder.predict

            def predict(self: Any, pairs: Any, *, batch_size: int, **told: Any) -> Any:
                asked.append(batch_size)
                if batch_size > room:
                    raise torch.OutOfMemoryError
                return real(self, pairs, batch_size=batch_size, **told)

            monkeypatch.setattr(library.CrossEncoder, "predict", predict)
            return asked

        return to

    def test_fewer_pairs_are_read_at_once(
        self, crossed: Path, crowd: Callable[[int], list[int]]
    ) -> None:
        by, documents = plain(crossed, tokens=25), texts(30)
        whole = rerank(by, documents)
        asked = crowd(10)
        found = rerank(by, documents)
        assert [names(each) for each in found] == [names(each) for each in whole]
        assert asked == [32, 16, 8]
        rerank(by, documents)
        assert asked[3:] == [8]

    def test_a_passage_that_does_not_fit_is_named(
        self, crossed: Path, crowd: Callable[[int], list[int]]
    ) -> None:
        by = plain(crossed, tokens=26)
        crowd(0)
        with pytest.raises(DoesNotFit, match="the miller grinds all night"):
            rerank(by, [*texts(3), "the miller grinds all night " * 30])


def plain(folder: Path, **options: Any) -> CrossEncoder:
    return CrossEncoder(model=str(folder), precision="fp32", **options)


def check_distinct(folder: Path) -> None:
    """Every text has a score of its own, near to that of 32 bits."""
    documents = texts(40)
    exact = library.CrossEncoder(str(folder), device="cpu")
    for query, own in zip(QUERIES, rerank(CrossEncoder(model=str(folder)), documents), strict=True):
        scores = [each.score for each in own]
        assert len(set(scores)) == len(documents)
        made = exact.predict(
            [(query, text) for text in documents],
            show_progress_bar=False,
            activation_fn=torch.nn.Identity(),
        )
        expected = made if made.ndim == 1 else made[:, 1] - made[:, 0]
        found = sorted(own, key=lambda hit: hit.chunk.id)
        assert [each.score for each in found] == pytest.approx(expected, abs=0.5)


def sure(folder: Path, layer: str) -> None:
    """Makes a model's scores lie closely together, far from 0."""
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    weights = load_file(file)
    weights[f"{layer}.weight"] *= 0.05
    if f"{layer}.bias" in weights:
        weights[f"{layer}.bias"][-1] = 9.0
    save_file(weights, file, metadata={"format": "pt"})


def logits(folder: Path, query: str, documents: Sequence[str]) -> np.ndarray[Any, Any]:
    """(documents, labels), by transformers."""
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
    model: Any = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    made = []
    with torch.no_grad():
        for text in documents:
            read = tokenizer(query, text, return_tensors="pt", truncation=True)
            made.append(model(**read).logits[0].float().numpy())
    return np.array(made)


def classifier(folder: Path, base: Path, **values: Any) -> Path:
    """A cross-encoder in the folder with the configuration and the tokenizer of another."""
    shutil.copytree(base, folder)
    torch.manual_seed(5)
    config: Any = transformers.AutoConfig.from_pretrained(folder, **values)
    from_config: Any = transformers.AutoModelForSequenceClassification.from_config
    made = from_config(config)
    made.save_pretrained(folder)
    return folder
