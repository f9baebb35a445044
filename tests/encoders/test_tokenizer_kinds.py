"""Encoding with tokenizers of three kinds, against transformers and on any text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from components.encoders.landmark import Landmark
from components.encoders.late import Late
from components.encoders.naive import Naive
from components.encoders.windows import plan, token_ranges
from components.stages import Encoder
from components.values import Document, Matrix, Span
from tests.encoders.random_models import (
    TokenizerKind,
    sentence_transformer,
    trained_tokenizer,
    transformer,
)

KINDS = get_args(TokenizerKind)
TEXT = (
    topics["pass"].strip()
    + ' Naïve “quotes”, ½ and ﬁ; 粉ひき小屋. The miller said "grind": 100 % 🌾!'
)
PIECES = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        ["the miller grinds. ", " ", "\n\n", ".", "a", "é", "e\u0301\u0323", "\u200b", "\u200d",
         "\ufeff", "👩\u200d👩\u200d👧", "🌾", "🇨🇭", "\u0301", "粉", "ﬃ", "ß", "İ", "½", "\u00ad",
         "\x00", "\u202e", "x" * 150, "word " * 30]
    ),
)  # fmt: skip


pytestmark = pytest.mark.usefixtures("one_thread")


@cache
def tokenizer(kind: TokenizerKind) -> Any:
    names = ("comparisons", "assert", "strings", "lambda", "while", "if")
    return trained_tokenizer(kind, [topics[name] for name in names])


@dataclass(frozen=True)
class Reference:
    """Late chunking as it is written down, by transformers alone: one text, unpadded, in fp32."""

    folder: Path

    def late(self, text: str, spans: list[Span], start: int = 0, end: int | None = None) -> Matrix:
        """Of the whole text or of its tokens `start` to `end`."""
        from transformers import AutoModel, AutoTokenizer

        read = AutoTokenizer.from_pretrained(self.folder)
        found = read(text, return_offsets_mapping=True, add_special_tokens=False)
        own, offsets = found["input_ids"][start:end], found["offset_mapping"][start:end]
        ids = [read.convert_tokens_to_ids("<s>"), *own, read.convert_tokens_to_ids("</s>")]
        model = AutoModel.from_pretrained(self.folder, dtype=torch.float32).eval()
        with torch.inference_mode():
            states = model(input_ids=torch.tensor([ids])).last_hidden_state[0, 1:-1].numpy()
        last = np.array([past - 1 for _, past in offsets])
        means = [states[(span.start <= last) & (last < span.end)].mean(axis=0) for span in spans]
        return unit(means)


def unit(rows: npt.ArrayLike) -> Matrix:
    wide = np.asarray(rows, dtype=np.float32)
    return np.asarray(wide / np.linalg.norm(wide, axis=-1, keepdims=True), dtype=np.float32)


def vectors(encoder: Encoder, text: str, spans: list[Span]) -> Matrix:
    blocks = encoder.encode_documents([Document(id="d", text=text)], [spans])
    return np.concatenate([block.vectors for block in blocks])


def tiles(encoder: Encoder, text: str, cuts: list[int]) -> list[Span]:
    """Spans over all of the text, cut where both sides hold a token."""
    last = encoder.tokenizer.tokens(text).last
    edges = [0]
    for cut in sorted(set(cuts)):
        if ((edges[-1] <= last) & (last < cut)).any() and (last >= cut).any():
            edges.append(cut)
    return [Span(start, end) for start, end in pairwise([*edges, len(text)])]


@pytest.mark.parametrize("kind", KINDS)
class TestExact:
    @pytest.fixture
    def folder(self, tmp_path: Path, kind: TokenizerKind) -> Path:
        return transformer(tmp_path / "b", "bert", positions=512, tokenizer=tokenizer(kind))

    def test_late_equals_one_pass_over_the_text(self, folder: Path) -> None:
        late = Late(model=str(folder), precision="fp32", window=500)
        spans = tiles(late, TEXT, list(range(17, len(TEXT), 37)))
        assert len(spans) > 8
        expected = Reference(folder).late(TEXT, spans)
        np.testing.assert_allclose(vectors(late, TEXT, spans), expected, atol=1e-5)
        assert np.abs(expected[1:] - expected[:-1]).max(axis=1).min() > 1e-3

    def test_a_span_over_everything_is_the_mean_of_its_tokens(self, folder: Path) -> None:
        late = Late(model=str(folder), precision="fp32", window=500)
        whole = [Span(0, len(TEXT))]
        expected = Reference(folder).late(TEXT, whole)
        np.testing.assert_allclose(vectors(late, TEXT, whole), expected, atol=1e-5)

    @pytest.mark.parametrize("context", [0, 5, 16])
    def test_every_span_equals_a_pass_over_the_window_planned_for_it(
        self, folder: Path, context: int
    ) -> None:
        late = Late(model=str(folder), precision="fp32", window=80, min_context=context)
        tokens = late.tokenizer.tokens(TEXT)
        spans = tiles(late, TEXT, list(range(11, len(TEXT), 23)))
        first, past = token_ranges(tokens, spans)
        stretches = plan(first, past, len(tokens), 80, context)
        found = vectors(late, TEXT, spans)
        seen = set()
        for span, begin, end, vector in zip(spans, first, past, found, strict=True):
            (own,) = (each for each in stretches if each.own_start <= begin < each.own_end)
            assert end <= own.own_end
            assert begin - own.start >= min(context, begin)
            assert own.end - end >= min(context, len(tokens) - end)
            expected = Reference(folder).late(TEXT, [span], own.start, own.end)
            np.testing.assert_allclose(vector[None, :], expected, atol=1e-5)
            seen.add(own)
        assert len(seen) == len(stretches) > 2

    def test_a_window_of_the_text_s_length_changes_nothing(self, folder: Path) -> None:
        late = Late(model=str(folder), precision="fp32", window=500)
        length = len(late.tokenizer.tokens(TEXT))
        spans = tiles(late, TEXT, list(range(17, len(TEXT), 37)))
        exact = Late(model=str(folder), precision="fp32", window=length)
        narrower = Late(model=str(folder), precision="fp32", window=length - 1)
        expected = vectors(late, TEXT, spans)
        np.testing.assert_allclose(vectors(exact, TEXT, spans), expected, atol=1e-6)
        assert np.abs(vectors(narrower, TEXT, spans) - expected).max() > 1e-3

    def test_naive_equals_sentence_transformers(self, folder: Path, tmp_path: Path) -> None:
        other = sentence_transformer(tmp_path / "m", folder, "mean", {})
        naive = Naive(model=str(tmp_path / "m"), precision="fp32")
        spans = tiles(naive, TEXT, list(range(17, len(TEXT), 37)))
        texts = [TEXT[span.start : span.end] for span in spans]
        np.testing.assert_allclose(vectors(naive, TEXT, spans), other.encode(texts), atol=1e-5)
        queries = ["the mill?", "", "½ 🌾", TEXT]
        expected = other.encode(queries)
        np.testing.assert_allclose(naive.encode_queries(queries), expected, atol=1e-5)


class TestAnyText:
    @pytest.fixture(scope="class", params=KINDS)
    def folders(
        self, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
    ) -> tuple[Path, Path]:
        """A bidirectional model, and a causal one trained for landmarks, of one tokenizer."""
        shape: dict[str, Any] = {"layers": 1, "width": 16, "tokenizer": tokenizer(request.param)}
        at = tmp_path_factory.mktemp(request.param)
        causal = transformer(at / "c", "mistral", **shape)
        (causal / "config_sentence_transformers.json").write_text('{"landmark": "</s>"}')
        return transformer(at / "b", "bert", **shape), causal

    @settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(PIECES, min_size=1, max_size=12), st.lists(st.integers(0, 400), max_size=12))
    def test_a_unit_vector_per_span_in_order(
        self, folders: tuple[Path, Path], pieces: list[str], cuts: list[int]
    ) -> None:
        both, causal = map(str, folders)
        text = "".join(pieces)
        naive = Naive(model=both, precision="fp32")
        assume(len(naive.tokenizer.tokens(text)))
        spans = tiles(naive, text, [cut % len(text) for cut in cuts])
        shape: dict[str, Any] = {"precision": "fp32", "window": 24, "min_context": 6}
        encoders: list[Encoder] = [
            naive,
            Late(model=both, mix=0.25, **shape),
            Landmark(model=both, smoothing=2, **shape),
            Landmark(model=causal, **shape),
        ]
        for encoder in encoders:
            blocks = list(encoder.encode_documents([Document(id="d", text=text)], [spans]))
            order = [each.first + at for each in blocks for at in range(len(each.vectors))]
            assert order == list(range(len(spans)))
            found = np.concatenate([each.vectors for each in blocks])
            assert found.shape == (len(spans), 16)
            assert found.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-4)
