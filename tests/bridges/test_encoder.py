"""LlamaIndex embeddings as encoders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import registry
from components.encoders.cache import Lookups, VectorCache
from components.encoders.checkpoints import checkpoint
from components.encoders.tokenizers import FastTokenizer, WordTokenizer
from components.errors import BadOption, ModelFault, Unavailable, UnknownComponent
from components.values import Document, Span
from tests.bridges.test_contracts import made
from tests.contracts.encoder import EncoderContract, encoded
from tests.corpora import Corpus, counts
from tests.spec import refused

HERE = "tests.bridges.embeddings."
WORDS = f"llama_index:{HERE}Words"
SOURCE = {"use": "files", "path": "documents"}


class OwnTextContract(EncoderContract):
    def test_making_it_loads_nothing(self, encoder: Any) -> None:
        """All but the width, which only the embedding knows."""
        facts = encoder.facts, encoder.fields, encoder.tokenizer.tokens("flour")
        assert all(each is not None for each in facts)
        assert not encoder.loaded
        assert encoder.width > 0
        assert encoder.loaded


class TestWords(OwnTextContract):
    @pytest.fixture
    def encoder(self) -> Any:
        return made("encoder", f"{HERE}Words")


class TestHeader(OwnTextContract):
    @pytest.fixture
    def encoder(self) -> Any:
        return made("encoder", f"{HERE}Words", header="{title} {source}", size=200)


class TestTokenizerOfAModel(OwnTextContract):
    @pytest.fixture
    def encoder(self) -> Any:
        return made("encoder", f"{HERE}Words", tokenizer_of="minilm", embed_batch_size=2)


def test_each_span_is_embedded_by_itself() -> None:
    encoder = made("encoder", f"{HERE}Words")
    documents = [
        Document(id="a", text="The mill stands. It turns."),
        Document(id="b", text="Nothing of a river. It turns."),
    ]
    spans = [[Span(0, 16), Span(16, 26)], [Span(0, 19), Span(19, 29)]]
    first, second = encoded(encoder, documents, spans)
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_array_equal(first[1:], encoder.encode_queries(["It turns."]))


def test_queries_are_embedded_as_queries() -> None:
    encoder = made("encoder", f"{HERE}Asymmetric")
    ((row,),) = encoded(encoder, [Document(id="a", text="mill")], [[Span(0, 4)]])
    (query,) = encoder.encode_queries(["mill"])
    assert query[0] > 0.9 > row[0]


def test_a_class_of_the_core_by_its_name_alone() -> None:
    encoder = made("encoder", "MockEmbedding", embed_dim=8)
    assert encoder.width == 8
    np.testing.assert_allclose(encoder.encode_queries(["mill"]), np.full((1, 8), 8**-0.5))


def test_a_pipeline_refreshes_and_searches_with_it(tmp_path: Path) -> None:
    stages = {
        "name": "embedded",
        "source": {"use": "files", "path": "documents"},
        "encoder": {"use": WORDS},
        "index": {"use": "qdrant_edge", "path": "store"},
    }
    corpus = Corpus(tmp_path, stages)
    corpus.add("a.txt", "The wheel of the mill turns.")
    corpus.add("b.txt", "Water flows over the weir.")
    assert counts(corpus.refresh()) == (2, 0, 0, 0, 0)
    again = corpus.refresh()
    assert counts(again) == (0, 0, 2, 0, 0)
    assert not again.model_loaded
    assert {len(each) for each in corpus.stored().vectors.values()} == {96}
    assert counts(corpus.refresh(["encoder.size=64"])) == (2, 0, 0, 0, 0)


def test_what_changes_vectors_is_in_the_fingerprint(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, {"name": "x", "source": SOURCE, "encoder": {"use": WORDS}})
    base = corpus.load().fingerprint()
    for same in ("encoder.embed_batch_size=3", "encoder.num_workers=2"):
        assert corpus.load([same]).fingerprint() == base, same
    changed = ("encoder.size=95", "encoder.model_name=other", "encoder.tokenizer_of=minilm")
    others = {corpus.load([each]).fingerprint() for each in changed}
    assert len(others | {base}) == 4


def test_facts_name_the_class_its_version_and_the_tokenizer() -> None:
    facts = made("encoder", f"{HERE}Words").facts
    assert facts["class"] == f"{HERE}Words"
    assert facts["tokenizer"] == "words"
    assert "llama-index-core" in facts
    counted = made("encoder", f"{HERE}Words", tokenizer_of="minilm").facts["tokenizer"]
    folder = str(checkpoint("minilm").folder)
    assert len(counted) == 64
    assert made("encoder", f"{HERE}Words", tokenizer_of=folder).facts["tokenizer"] == counted


def test_the_tokenizer_is_words_or_that_of_a_model() -> None:
    assert isinstance(made("encoder", f"{HERE}Words").tokenizer, WordTokenizer)
    own = made("encoder", f"{HERE}Words", tokenizer_of="minilm").tokenizer
    assert isinstance(own, FastTokenizer)
    with pytest.raises(BadOption, match="no model is called 'minlim'") as caught:
        _ = made("encoder", f"{HERE}Words", tokenizer_of="minlim").tokenizer
    assert caught.value.where == "encoder.tokenizer_of"


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    encoder = made("encoder", f"{HERE}Words", tokenizer_of=str(tmp_path))
    with pytest.raises(ModelFault, match="the tokenizer cannot be read"):
        _ = encoder.tokenizer
    with pytest.raises(BadOption, match="the tokenizer cannot be read"):
        _ = encoder.facts


def test_folders_are_relative_to_the_pipeline_file(tmp_path: Path) -> None:
    encoder = {"use": WORDS, "tokenizer_of": "./tokens", "model_name": "./weights"}
    corpus = Corpus(tmp_path, {"name": "x", "source": SOURCE, "encoder": encoder})
    options = corpus.load().stages["encoder"].options
    assert options["tokenizer_of"] == str(tmp_path / "tokens")
    assert options["model_name"] == str(tmp_path / "weights")


def test_what_only_a_program_can_make_is_no_option() -> None:
    known = registry.options_of(registry.load("encoder", WORDS))
    assert {"size", "model_name", "embed_batch_size", "header", "tokenizer_of"} <= set(known)
    assert not {"callback_manager", "embeddings_cache", "rate_limiter", "tokenizer"} & set(known)


def test_careless_types_and_defaults_are_understood() -> None:
    component = registry.load("encoder", f"llama_index:{HERE}Remote")
    shown = {each.name: each for each in registry.help_of(component)}
    assert (shown["longest"].type, shown["longest"].default) == ("int|none", None)
    assert shown["mode"].default == "text"
    assert type(shown["mode"].default) is str


def test_a_secret_is_taken_from_the_environment_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = f"llama_index:{HERE}Remote"
    file = {"name": "x", "source": SOURCE, "encoder": {"use": use, "api_key": "sesame"}}
    error = refused(tmp_path, json.dumps(file))
    assert isinstance(error, BadOption)
    assert "sesame" not in f"{error}{error.hint}"
    encoder = made("encoder", f"{HERE}Remote")
    with pytest.raises(BadOption, match="needs MILLRACE_LLAMA_INDEX_API_KEY"):
        encoder.encode_queries(["mill"])
    monkeypatch.setenv("MILLRACE_LLAMA_INDEX_API_KEY", "sesame")
    encoder = made("encoder", f"{HERE}Remote")
    assert encoder.encode_queries(["mill"]).shape == (1, 96)
    assert "sesame" not in f"{encoder}{dict(encoder.facts)}"


def test_errors_of_the_embedding_are_told_without_the_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MILLRACE_LLAMA_INDEX_API_KEY", "sesame")
    encoder = made("encoder", f"{HERE}Remote", down=True)
    with pytest.raises(Unavailable, match=r"Remote: no answer for \*\*\*"):
        list(encoder.encode_documents([Document(id="a", text="mill")], [[Span(0, 4)]]))
    monkeypatch.setenv("MILLRACE_LLAMA_INDEX_API_KEY", "bad")
    with pytest.raises(BadOption, match=r"the key \*\*\* has the wrong form"):
        made("encoder", f"{HERE}Remote").encode_queries(["mill"])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("zero", "without a direction"),
        ("nan", "without a direction"),
        ("ragged", "no vectors of one length"),
    ],
)
def test_what_is_no_vector_is_refused(how: str, message: str) -> None:
    encoder = made("encoder", f"{HERE}Broken", how=how)
    with pytest.raises(ModelFault, match=message):
        encoder.encode_queries(["mill", "wheels"])


def test_what_cannot_be_an_encoder() -> None:
    with pytest.raises(UnknownComponent, match="is no BaseEmbedding") as caught:
        registry.load("encoder", "llama_index:SentenceSplitter")
    assert "for the encoder, name one of its BaseEmbedding classes" in caught.value.hint
    with pytest.raises(UnknownComponent, match="is an abstract class"):
        registry.load("encoder", "llama_index:llama_index.core.embeddings.BaseEmbedding")


def test_a_text_is_embedded_once(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path, 2**24)
    documents = [Document(id="a", text="The mill stands. It turns.")]
    first, again, other = (
        registry.build("encoder", registry.resolve("encoder", WORDS, {"size": size}), cache=cache)
        for size in (100, 100, 90)
    )
    (before,) = encoded(first, documents, [[Span(0, 16), Span(16, 26)]])
    assert cache.lookups == Lookups(0, 2)
    (after,) = encoded(again, documents, [[Span(0, 16), Span(16, 26)]])
    assert (cache.lookups, again.loaded) == (Lookups(2, 2), False)
    np.testing.assert_array_equal(before, after)
    encoded(other, documents, [[Span(0, 26)]])
    encoded(other, documents, [[Span(0, 16), Span(16, 26)]])
    assert cache.lookups == Lookups(2, 5)
