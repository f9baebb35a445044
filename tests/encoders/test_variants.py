"""Every way of pooling, and shorter vectors, against sentence-transformers and transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest
import torch

from components.encoders.landmark import Landmark
from components.encoders.late import Late
from components.encoders.naive import Naive
from components.errors import BadOption
from components.registry import build, resolve
from components.spec import fingerprint
from components.values import Document, Matrix, Span
from tests.encoders.random_models import Kind, sentence_transformer, transformer

PROMPTS = {"query": "query: ", "document": "a passage about "}
TEXTS = ["the mill", "", "Who grinds the corn, and for how much?", "¿Qué hora es?", "x"]
DOCUMENT = Document(id="d", text="The miller grinds. The wheel turns. The brook runs.")
SPANS = [Span(0, 18), Span(18, 35), Span(35, 51)]


pytestmark = pytest.mark.usefixtures("one_thread")


def vectors(encoder: Any) -> Matrix:
    """Of the document's spans."""
    return np.concatenate([each.vectors for each in encoder.encode_documents([DOCUMENT], [SPANS])])


def states(folder: Path, text: str, layer: int) -> npt.NDArray[np.float32]:
    """Hidden states after a layer of a text with its special tokens, as transformers gives them."""
    from transformers import AutoModel, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")["input_ids"]
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        found = model(input_ids=ids, output_hidden_states=True).hidden_states[layer][0]
    return np.asarray(found.numpy(), dtype=np.float32)


def unit(rows: npt.ArrayLike) -> npt.NDArray[np.float32]:
    wide = np.asarray(rows, dtype=np.float32)
    return np.asarray(wide / np.linalg.norm(wide, axis=-1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize(
    ("kind", "padding", "pooling"),
    [  # on the left, padding would move BERT's positions; a decoder's first token sees only itself
        ("bert", "right", "mean"),
        ("bert", "right", "cls"),
        ("bert", "right", "lasttoken"),
        ("qwen3", "right", "mean"),
        ("qwen3", "left", "mean"),
        ("qwen3", "right", "lasttoken"),
        ("qwen3", "left", "lasttoken"),
        ("mistral", "right", "lasttoken"),
        ("mistral", "left", "lasttoken"),
    ],
)
class TestSentenceTransformers:
    def test_naive_equals_it_with_prompts(
        self, tmp_path: Path, kind: Kind, padding: str, pooling: str
    ) -> None:
        base = transformer(tmp_path / "b", kind, before="<s>", after="</s>", padding=padding)
        other = sentence_transformer(tmp_path / "m", base, pooling, PROMPTS)
        naive = Naive(model=str(tmp_path / "m"), precision="fp32")
        found = naive.encode_queries(TEXTS)
        np.testing.assert_allclose(found, other.encode(TEXTS, prompt_name="query"), atol=1e-5)
        spans = [DOCUMENT.text[each.start : each.end] for each in SPANS]
        expected = other.encode(spans, prompt_name="document")
        np.testing.assert_allclose(vectors(naive), expected, atol=1e-5)
        assert np.abs(expected[0] - expected[1]).max() > 0.01
        assert np.abs(found - other.encode(TEXTS)).max() > 0.01, "the prompt changes nothing"


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_prompts_are_left_out_of_the_pooling_where_the_model_says_so(
    tmp_path: Path, pooling: str
) -> None:
    base = transformer(tmp_path / "b", "bert", before="<s>", after="</s>")
    other = sentence_transformer(tmp_path / "m", base, pooling, PROMPTS, include_prompt=False)
    naive = Naive(model=str(tmp_path / "m"), precision="fp32")
    texts = [each for each in TEXTS if each]
    found = naive.encode_queries(texts)
    np.testing.assert_allclose(found, other.encode(texts, prompt_name="query"), atol=1e-5)
    whole = sentence_transformer(tmp_path / "w", base, pooling, PROMPTS)
    assert np.abs(found - whole.encode(texts, prompt_name="query")).max() > 0.01
    assert naive.facts["prompt_left_out"] is True


class TestDimensions:
    def test_equal_truncation_by_sentence_transformers(self, tmp_path: Path) -> None:
        base = transformer(tmp_path / "b", "bert", before="<s>", after="</s>")
        other = sentence_transformer(tmp_path / "m", base, "mean", {})
        naive = Naive(model=str(tmp_path / "m"), precision="fp32", dimensions=12)
        expected = other.encode(TEXTS, truncate_dim=12, normalize_embeddings=True)
        assert naive.width == 12
        np.testing.assert_allclose(naive.encode_queries(TEXTS), expected, atol=1e-5)

    @pytest.mark.parametrize("of", [Naive, Late, Landmark])
    def test_are_the_first_ones_scaled_anew(self, tmp_path: Path, of: Any) -> None:
        folder = str(transformer(tmp_path / "b", "bert", before="<s>", after="</s>"))
        options = {} if of is Naive else {"window": 40, "overlap": 8}
        full = of(model=folder, precision="fp32", **options)
        short = of(model=folder, precision="fp32", dimensions=8, **options)
        np.testing.assert_allclose(vectors(short), unit(vectors(full)[:, :8]), atol=1e-5)
        queries = full.encode_queries(TEXTS)
        np.testing.assert_allclose(short.encode_queries(TEXTS), unit(queries[:, :8]), atol=1e-5)
        assert short.encode_queries([]).shape == (0, 8)

    def test_mix_is_of_both_vectors_cut(self, tmp_path: Path) -> None:
        folder = str(transformer(tmp_path / "b", "bert", before="<s>", after="</s>"))
        shared: dict[str, Any] = {"model": folder, "precision": "fp32", "dimensions": 8}
        late = Late(window=64, overlap=8, **shared)
        both = unit(0.5 * vectors(late) + 0.5 * vectors(Naive(**shared)))
        np.testing.assert_allclose(
            vectors(Late(window=64, overlap=8, mix=0.5, **shared)), both, atol=1e-5
        )

    def test_more_than_there_are(self) -> None:
        with pytest.raises(BadOption, match="has 384 dimensions, not 500") as got:
            Naive(dimensions=500).width  # noqa: B018 - a property that checks
        assert got.value.where == "encoder.dimensions"

    def test_that_a_named_model_was_not_trained_for(self) -> None:
        with pytest.raises(BadOption, match="minilm was not trained for 128"):
            Naive(dimensions=128).facts  # noqa: B018 - a property that checks


class TestLayers:
    @pytest.mark.parametrize("kind", get_args(Kind))
    @pytest.mark.parametrize("layers", [1, 2, 3])
    def test_equal_the_hidden_states_pooled(self, tmp_path: Path, kind: Kind, layers: int) -> None:
        folder = transformer(tmp_path / "b", kind, before="<s>", after="</s>")
        naive = Naive(model=str(folder), precision="fp32", layers=layers)
        expected = [unit(states(folder, text, layers).mean(axis=0)) for text in TEXTS]
        np.testing.assert_allclose(naive.encode_queries(TEXTS), expected, atol=1e-5)

    def test_of_late_chunking(self, tmp_path: Path) -> None:
        folder = transformer(tmp_path / "b", "bert", before="<s>", after="</s>")
        late = Late(
            model=str(folder), precision="fp32", window=64, overlap=8, layers=2, dimensions=16
        )
        own = states(folder, DOCUMENT.text, 2)[1:-1]
        expected = [own[each.start : each.end].mean(axis=0)[:16] for each in SPANS]
        np.testing.assert_allclose(vectors(late), unit(expected), atol=1e-5)

    def test_the_whole_model_is_not_touched(self, tmp_path: Path) -> None:
        folder = str(transformer(tmp_path / "b", "bert", before="<s>", after="</s>"))
        whole = Naive(model=folder, precision="fp32")
        before = whole.encode_queries(TEXTS)
        cut = Naive(model=folder, precision="fp32", layers=1).encode_queries(TEXTS)
        np.testing.assert_array_equal(whole.encode_queries(TEXTS), before)
        assert np.abs(cut - before).max() > 0.01

    def test_more_than_there_are(self) -> None:
        with pytest.raises(BadOption, match="has 6 layers, not 7") as got:
            Naive(layers=7).facts  # noqa: B018 - a property that checks
        assert (got.value.where, got.value.hint) == ("encoder.layers", "from 1 to 6")


class TestFingerprint:
    def marks(self, use: str, **options: Any) -> str:
        return fingerprint({"encoder": resolve("encoder", use, options)})

    @pytest.mark.parametrize(
        ("use", "known"),
        [
            ("naive", "7537ac85e8b3ac4e"),
            ("late", "6eb023bb8571dbaa"),
            ("landmark", "25f5bc12af7028e9"),
        ],
    )
    def test_an_index_of_before_these_options_is_still_current(self, use: str, known: str) -> None:
        assert self.marks(use) == known
        assert self.marks(use, dimensions=384, layers=6) == known

    def test_changes_with_each_option(self, tmp_path: Path) -> None:
        base = transformer(tmp_path / "b", "bert", before="<s>", after="</s>")
        sentence_transformer(tmp_path / "m", base, "mean", {"query": "Task: {task}\nQuery: "})
        folder = str(tmp_path / "m")
        options: list[dict[str, Any]] = [{}, {"dimensions": 8}, {"layers": 2}, {"task": "Find it"}]
        found = {self.marks("naive", model=folder, **each) for each in options}
        assert len(found) == len(options)


@pytest.mark.parametrize(
    "options",
    [{"dimensions": 0}, {"layers": 0}, {"layers": 1.5}, {"examples": ["a"]}, {"task": 3}],
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(BadOption):
        build("encoder", resolve("encoder", "naive", options))
