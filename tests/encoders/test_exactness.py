"""Vectors are those of the methods as written down, computed here a second time in plain steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pydoc_data.topics import topics
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from components.encoders.checkpoints import checkpoint
from components.encoders.landmark import Landmark
from components.encoders.late import Late
from components.encoders.naive import Naive
from components.encoders.windows import Stretch, plan, token_ranges
from components.sources.pydocs import PythonDocs
from components.splitters.sentences import Sentences
from components.splitters.tokens import Tokens
from components.stages import Encoder
from components.values import Document, DocumentRef, Matrix, Span

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """The model as transformers runs it: one text at a time, unpadded, in fp32."""

    tokenizer: Any
    model: Any

    def ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def last(self, text: str) -> npt.NDArray[np.int64]:
        """Last character of each token."""
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return np.array([end - 1 for _, end in encoded["offset_mapping"]], dtype=np.int64)

    def states(self, ids: list[int]) -> Doubles:
        """Hidden states of a sequence with its special tokens, theirs included."""
        whole = [self.tokenizer.cls_token_id, *ids, self.tokenizer.sep_token_id]
        with torch.inference_mode():
            found = self.model(torch.tensor([whole])).last_hidden_state[0]
        return np.asarray(found.double().numpy(), dtype=np.float64)

    def late(self, text: str, spans: list[Span], lead: str = "") -> Doubles:
        """Late chunking of a text in one pass."""
        head, last = self.ids(lead), self.last(text)
        own = self.states(head + self.ids(text))[1 + len(head) : -1]
        means = [own[(span.start <= last) & (last < span.end)].mean(axis=0) for span in spans]
        return directions(np.array(means))

    def late_in(self, text: str, spans: list[Span], stretch: Stretch) -> Doubles:
        """Late chunking in one pass over some of the text's tokens."""
        last = self.last(text)[stretch.start : stretch.end]
        own = self.states(self.ids(text)[stretch.start : stretch.end])[1:-1]
        means = [own[(span.start <= last) & (last < span.end)].mean(axis=0) for span in spans]
        return directions(np.array(means))


def directions(rows: npt.ArrayLike) -> Doubles:
    """Rows scaled to length 1."""
    doubles: Doubles = np.asarray(rows, dtype=np.float64)
    lengths: Doubles = np.linalg.norm(doubles, axis=1, keepdims=True)
    return doubles / lengths


def vectors(encoder: Encoder, document: Document, spans: list[Span]) -> Matrix:
    blocks = encoder.encode_documents([document], [spans])
    return np.concatenate([block.vectors for block in blocks])


def topic(name: str, characters: int | None = None) -> Document:
    return Document(id=name, text=topics[name][:characters], title=f"On {name}")


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def reference() -> Reference:
    from transformers import AutoModel, AutoTokenizer

    folder = str(checkpoint("minilm").folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    return Reference(AutoTokenizer.from_pretrained(folder), model)


@pytest.fixture
def short() -> Document:
    """Fits the default window."""
    document = topic("pass")
    assert 30 < len(Naive().tokenizer.tokens(document.text)) < 256
    return document


@pytest.fixture
def long() -> Document:
    """Several times as long as a window of 64."""
    document = topic("comparisons", 2500)
    assert len(Naive().tokenizer.tokens(document.text)) > 400
    return document


def cut(document: Document, size: int = 24) -> list[Span]:
    return Sentences(max_tokens=size).split(document, Naive().tokenizer)


class TestNaive:
    @pytest.fixture(scope="class")
    def sentence_transformer(self) -> Any:
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(checkpoint("minilm").folder), device="cpu")

    @pytest.mark.parametrize("header", ["", "{title}"])
    def test_equals_sentence_transformers(
        self, sentence_transformer: Any, long: Document, header: str
    ) -> None:
        spans = cut(long, 96)
        lead = f"{long.title}\n" if header else ""
        texts = [lead + long.text[span.start : span.end] for span in spans]
        found = vectors(Naive(precision="fp32", header=header), long, spans)
        expected = sentence_transformer.encode(texts, normalize_embeddings=True)
        assert len(spans) > 4
        np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_queries_equal_sentence_transformers(self, sentence_transformer: Any) -> None:
        texts = ["what does lambda return?", "", "¿Qué hora es?", "x" * 90]
        expected = sentence_transformer.encode(texts, normalize_embeddings=True)
        np.testing.assert_allclose(
            Naive(precision="fp32").encode_queries(texts), expected, atol=1e-5
        )

    def test_a_long_span_is_the_mean_over_its_windows_weighted_by_tokens(
        self, reference: Reference, long: Document
    ) -> None:
        room = checkpoint("minilm").window - 2
        ids = reference.ids(long.text)
        windows = [reference.states(ids[at : at + room]) for at in range(0, len(ids), room)]
        assert len(windows) >= 2
        means = np.array([window.mean(axis=0) for window in windows])
        expected = directions(np.average(means, axis=0, weights=list(map(len, windows)))[None, :])
        whole = [Span(0, len(long.text))]
        found = vectors(Naive(precision="fp32"), long, whole)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        np.testing.assert_allclose(
            Naive(precision="fp32").encode_queries([long.text]), expected, atol=1e-5
        )


class TestLate:
    def test_equals_one_pass_over_a_text_that_fits(
        self, reference: Reference, short: Document
    ) -> None:
        spans = cut(short)
        assert len(spans) > 2
        np.testing.assert_allclose(
            vectors(Late(precision="fp32"), short, spans),
            reference.late(short.text, spans),
            atol=1e-5,
        )

    def test_text_in_no_span_is_context_too(self, reference: Reference, short: Document) -> None:
        spans = cut(short)[1:2]
        np.testing.assert_allclose(
            vectors(Late(precision="fp32", overlap=4), short, spans),
            reference.late(short.text, spans),
            atol=1e-5,
        )

    def test_a_token_goes_to_the_span_of_its_last_character(self, reference: Reference) -> None:
        document = Document(id="d", text="The miller unloads the grain")
        spans = [Span(0, 7), Span(7, 28)]  # inside "miller"
        assert 7 not in reference.last(document.text)
        np.testing.assert_allclose(
            vectors(Late(precision="fp32"), document, spans),
            reference.late(document.text, spans),
            atol=1e-5,
        )

    def test_a_span_over_everything_is_the_mean_of_all_tokens_but_the_special_ones(
        self, reference: Reference, short: Document
    ) -> None:
        states = reference.states(reference.ids(short.text))
        found = vectors(Late(precision="fp32"), short, [Span(0, len(short.text))])
        expected = directions(states[1:-1].mean(axis=0, keepdims=True))
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert np.abs(found - directions(states.mean(axis=0, keepdims=True))).max() > 1e-4

    @pytest.mark.parametrize("size", [8, 24])
    def test_a_long_text_equals_passes_over_the_planned_stretches(
        self, reference: Reference, long: Document, size: int
    ) -> None:
        window, overlap = 64, 16
        document = replace(long, text=long.text[:1200])
        spans = cut(document, size)
        first, past = token_ranges(Naive().tokenizer.tokens(document.text), spans)
        stretches = plan(first, past, len(reference.ids(document.text)), window, overlap // 2)
        assert len(stretches) > 3
        own = [
            [
                span
                for span, begin, end in zip(spans, first, past, strict=True)
                if stretch.own_start <= begin and end <= stretch.own_end
            ]
            for stretch in stretches
        ]
        assert [span for group in own for span in group] == spans
        expected = np.concatenate(
            [
                reference.late_in(document.text, group, stretch)
                for group, stretch in zip(own, stretches, strict=True)
            ]
        )
        encoder = Late(precision="fp32", window=window, overlap=overlap)
        np.testing.assert_allclose(vectors(encoder, document, spans), expected, atol=1e-5)

    def test_a_span_longer_than_the_window_is_pooled_over_all_its_stretches(
        self, reference: Reference, long: Document
    ) -> None:
        document = replace(long, text=long.text[:700])
        total = len(reference.ids(document.text))
        edges = np.array([0]), np.array([total])
        stretches = plan(*edges, total, 48, 6)
        assert len(stretches) > 2
        kept = [
            reference.states(reference.ids(document.text)[each.start : each.end])[1:-1][
                each.own_start - each.start : each.own_end - each.start
            ]
            for each in stretches
        ]
        found = vectors(
            Late(precision="fp32", window=48, overlap=12), document, [Span(0, len(document.text))]
        )
        expected = directions(np.concatenate(kept).mean(axis=0, keepdims=True))
        np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_several_documents_equal_each_alone(self, reference: Reference) -> None:
        documents = [topic(name, 400) for name in ("pass", "break", "continue")]
        spans = [cut(each) for each in documents]
        blocks = list(Late(precision="fp32").encode_documents(documents, spans))
        found = np.concatenate([block.vectors for block in blocks])
        expected = [
            reference.late(document.text, own)
            for document, own in zip(documents, spans, strict=True)
        ]
        np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-5)

    def test_the_header_is_read_and_not_pooled(self, reference: Reference, short: Document) -> None:
        spans = cut(short)
        with_header = vectors(Late(precision="fp32", header="{title}"), short, spans)
        expected = reference.late(short.text, spans, lead=f"{short.title}\n")
        np.testing.assert_allclose(with_header, expected, atol=1e-5)
        without = vectors(Late(precision="fp32"), short, spans)
        assert np.abs(with_header - without).max(axis=1).min() > 1e-3

    def test_context_is_kept_however_long_a_header_is(
        self, reference: Reference, long: Document
    ) -> None:
        titled = replace(long, title="mill " * 600)
        ids, context = reference.ids(titled.text), 200
        lead = reference.ids(titled.title)[: 510 - 2 * context - 1]
        (token,) = Tokens(max_tokens=1).split(titled, Naive().tokenizer)[250:251]
        assert len(ids) > 250 + context
        late = Late(precision="fp32", window=510, min_context=context, header="{title}")
        around = reference.states(lead + ids[250 - context : 251 + context])
        expected = directions(around[1 + len(lead) + context][None, :])
        np.testing.assert_allclose(vectors(late, titled, [token]), expected, atol=1e-5)

    def test_an_empty_header_changes_nothing(self, short: Document) -> None:
        spans, untitled = cut(short), replace(short, title="")
        np.testing.assert_allclose(
            vectors(Late(precision="fp32", header="About {title}"), untitled, spans),
            vectors(Late(precision="fp32"), untitled, spans),
            atol=1e-6,
        )

    def test_a_header_longer_than_the_model_leaves_room_for_the_text(self, short: Document) -> None:
        titled = replace(short, title="mill " * 600)
        spans = cut(titled)
        found = vectors(Late(precision="fp32", window=300, header="{title}"), titled, spans)
        assert found.shape == (len(spans), 384)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)

    def test_mix_is_the_mean_of_both_vectors(self, long: Document) -> None:
        spans = cut(long)[:12]
        header = "{title}"
        late = vectors(Late(precision="fp32", header=header), long, spans)
        naive = vectors(Naive(precision="fp32", header=header), long, spans)
        mixed = vectors(Late(precision="fp32", header=header, mix=0.3), long, spans)
        np.testing.assert_allclose(mixed, directions(0.7 * late + 0.3 * naive), atol=1e-5)

    def test_nothing_but_the_naive_vector_is_left_of_a_full_mix(self, short: Document) -> None:
        spans = cut(short)
        np.testing.assert_allclose(
            vectors(Late(precision="fp32", mix=1.0), short, spans),
            vectors(Naive(precision="fp32"), short, spans),
            atol=1e-5,
        )

    def test_queries_are_those_of_naive(self) -> None:
        texts = ["what does lambda return?", ""]
        np.testing.assert_allclose(
            Late(precision="fp32", mix=0.5).encode_queries(texts),
            Naive(precision="fp32").encode_queries(texts),
            atol=1e-6,
        )


def test_landmark_is_late_pooling_of_sentences(reference: Reference, short: Document) -> None:
    spans = cut(short, 12)
    np.testing.assert_allclose(
        vectors(Landmark(precision="fp32"), short, spans),
        reference.late(short.text, spans),
        atol=1e-5,
    )


def test_landmark_reads_long_texts_in_the_windows_of_late(long: Document) -> None:
    document = replace(long, text=long.text[:900])
    spans = cut(document, 12)
    np.testing.assert_allclose(
        vectors(Landmark(precision="fp32", window=48, overlap=12), document, spans),
        vectors(Late(precision="fp32", window=48, overlap=12), document, spans),
        atol=1e-6,
    )


class TestPrecision:
    @pytest.fixture(autouse=True)
    def bf16(self) -> None:
        native = (
            torch.cuda.is_bf16_supported()
            if torch.cuda.is_available()
            else torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
        )
        if not native:
            pytest.skip("this processor has no bf16: auto is fp32")

    def test_bf16_is_near_fp32(self, long: Document) -> None:
        spans = Tokens(max_tokens=40).split(long, Naive().tokenizer)[:10]
        for encoder in (Naive(), Late()):
            exact = vectors(replace(encoder, precision="fp32"), long, spans)
            quick = vectors(encoder, long, spans)
            assert quick.dtype == np.float32
            assert np.einsum("ij,ij->i", exact, quick).min() >= 0.999
            assert np.abs(exact - quick).max() > 1e-5, "auto did not read in bf16"

    @pytest.mark.slow
    @pytest.mark.parametrize(("encoder", "enough"), [(Naive(), 1000), (Late(), 200)])
    def test_bf16_is_near_fp32_on_chunks_of_the_sample(self, encoder: Encoder, enough: int) -> None:
        source, splitter = PythonDocs(include=("stdlib/*",)), Sentences(max_tokens=48)
        documents, spans = [], []
        for ref in source.scan():
            assert isinstance(ref, DocumentRef)
            document = source.read(ref)
            documents.append(document)
            spans.append(splitter.split(document, encoder.tokenizer)[:10])
            if sum(map(len, spans)) >= enough:
                break
        exact, quick = (
            np.concatenate([each.vectors for each in use.encode_documents(documents, spans)])
            for use in (replace(encoder, precision="fp32"), encoder)  # type: ignore[type-var]
        )
        assert len(exact) >= enough
        assert np.einsum("ij,ij->i", exact, quick).min() >= 0.999
