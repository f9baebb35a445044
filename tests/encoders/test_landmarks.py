"""The encoder `landmark`: trained models read at their special token, and smoothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from components.encoders.landmark import Landmark
from components.encoders.landmarks import plan
from components.encoders.late import Late
from components.encoders.naive import Naive
from components.encoders.profiles import known
from components.encoders.smoothing import smoothed
from components.errors import BadOption, EmptySpan
from components.registry import resolve
from components.spec import fingerprint
from components.stages import Encoder
from components.values import Document, Matrix, Span
from tests.contracts.encoder import EncoderContract
from tests.encoders.random_models import (
    in_hub_cache,
    offline,
    sentence_transformer,
    trained_tokenizer,
    transformer,
)

SENTENCES = ["The miller grinds.", " The wheel turns.", " The brook runs dry in June.", " Rain."]
TEXT = "".join(SENTENCES)
ENDS = np.cumsum(list(map(len, SENTENCES))).tolist()
SPANS = [Span(start, end) for start, end in pairwise([0, *ENDS])]
LMK = "</s>"


pytestmark = pytest.mark.usefixtures("one_thread")


def marked(folder: Path, **settings: Any) -> Path:
    """The folder's model as one trained for landmarks. Its tokens are single characters."""
    file = folder / "config_sentence_transformers.json"
    file.write_text(json.dumps({"landmark": LMK, **settings}))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return marked(transformer(tmp_path / "m", "mistral", positions=256))


def unit(rows: npt.ArrayLike) -> Matrix:
    wide = np.asarray(rows, dtype=np.float32)
    return np.asarray(wide / np.linalg.norm(wide, axis=-1, keepdims=True), dtype=np.float32)


def reference(folder: Path, sentences: Sequence[str], before: str = "") -> Matrix:
    """Hidden states at the token inserted after each sentence of one sequence."""
    from transformers import AutoModel, AutoTokenizer

    read = AutoTokenizer.from_pretrained(folder)
    landmark = read.convert_tokens_to_ids(LMK)
    ids = list(read(before, add_special_tokens=False)["input_ids"])
    for sentence in sentences:
        ids += [*read(sentence, add_special_tokens=False)["input_ids"], landmark]
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        states = model(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()
    return unit([state for state, each in zip(states, ids, strict=True) if each == landmark])


def vectors(encoder: Encoder, text: str = TEXT, spans: Sequence[Span] = SPANS) -> Matrix:
    blocks = encoder.encode_documents([Document(id="d", text=text)], [spans])
    return np.concatenate([block.vectors for block in blocks])


def landmark(folder: Path, **options: Any) -> Landmark:
    return Landmark(
        model=str(folder), precision="fp32", **{"window": 200, "overlap": 20, **options}
    )


class TestTrained:
    def test_equals_the_states_at_tokens_inserted_in_one_pass(self, folder: Path) -> None:
        found = vectors(landmark(folder))
        np.testing.assert_allclose(found, reference(folder, SENTENCES), atol=1e-5)
        alone = np.concatenate([reference(folder, [each]) for each in SENTENCES])
        assert np.abs(found - alone)[1:].max(axis=1).min() > 1e-3, "no sentence knows another"

    def test_what_follows_a_sentence_does_not_matter(self, folder: Path) -> None:
        shorter = vectors(landmark(folder), "".join(SENTENCES[:2]), SPANS[:2])
        np.testing.assert_allclose(vectors(landmark(folder))[:2], shorter, atol=1e-5)

    def test_a_query_is_its_text_and_the_token(self, folder: Path) -> None:
        texts = ["who grinds?", "June"]
        expected = np.concatenate([reference(folder, [each]) for each in texts])
        np.testing.assert_allclose(landmark(folder).encode_queries(texts), expected, atol=1e-5)

    def test_naive_is_each_sentence_alone(self, folder: Path) -> None:
        alone = np.concatenate([reference(folder, [each]) for each in SENTENCES])
        naive = Naive(model=str(folder), precision="fp32")
        np.testing.assert_allclose(vectors(naive), alone, atol=1e-5)

    def test_text_in_no_span_is_context(self, folder: Path) -> None:
        found = vectors(landmark(folder), spans=SPANS[1:])
        expected = reference(folder, SENTENCES[1:], before=SENTENCES[0])
        np.testing.assert_allclose(found, expected, atol=1e-5)

    def test_the_document_s_prompt_stands_before_every_window(self, tmp_path: Path) -> None:
        folder = marked(
            transformer(tmp_path / "m", "qwen3", positions=256), prompts={"document": "Read: "}
        )
        found = vectors(landmark(folder))
        np.testing.assert_allclose(found, reference(folder, SENTENCES, "Read: "), atol=1e-5)
        found = vectors(landmark(folder, window=30, overlap=0))[2:3]
        np.testing.assert_allclose(found, reference(folder, SENTENCES[2:3], "Read: "), atol=1e-5)

    @pytest.mark.parametrize("options", [{"overlap": 12}, {"overlap": 5, "min_context": 12}])
    def test_a_long_document_is_read_in_windows_with_context_before(
        self, folder: Path, options: dict[str, int]
    ) -> None:
        found = vectors(landmark(folder, window=48, **options))
        first, second, third, fourth = SENTENCES
        expected = [
            reference(folder, [first, second]),  # 19 and 18 tokens: the third does not fit
            reference(folder, [third, fourth], before=f"{second[-11:]}{LMK}"),
        ]
        expected[1] = expected[1][-2:]  # the context's own token is not among the vectors
        np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-5)

    def test_a_span_that_is_too_long_is_the_mean_of_its_pieces(self, folder: Path) -> None:
        pieces = [TEXT[at : at + 25] for at in range(0, len(TEXT), 25)]
        states = []
        for number, piece in enumerate(pieces):
            before = f"{pieces[number - 1][-3:]}{LMK}" if number else ""
            states.append(raw(folder, before + piece + LMK))
        found = vectors(landmark(folder, window=30, overlap=4), spans=[Span(0, len(TEXT))])
        np.testing.assert_allclose(found, unit(np.mean(states, axis=0))[None, :], atol=1e-5)

    def test_a_window_of_the_sequence_s_length_changes_nothing(self, folder: Path) -> None:
        length = len(TEXT) + len(SPANS)
        whole = vectors(landmark(folder))
        np.testing.assert_allclose(vectors(landmark(folder, window=length)), whole, atol=1e-6)
        assert np.abs(vectors(landmark(folder, window=length - 1)) - whole).max() > 1e-3

    def test_fewer_dimensions(self, folder: Path) -> None:
        expected = unit(vectors(landmark(folder))[:, :8])
        np.testing.assert_allclose(vectors(landmark(folder, dimensions=8)), expected, atol=1e-5)

    def test_several_documents_equal_each_alone(self, folder: Path) -> None:
        documents = [Document(id=str(n), text=TEXT[: ENDS[n]]) for n in range(4)]
        spans = [SPANS[: n + 1] for n in range(4)]
        documents.insert(1, Document(id="empty", text=""))
        spans.insert(1, [])
        encoder = landmark(folder, window=40)
        found = [each.vectors for each in encoder.encode_documents(documents, spans)]
        alone = [
            vectors(encoder, document.text, own)
            for document, own in zip(documents, spans, strict=True)
            if own
        ]
        np.testing.assert_allclose(np.concatenate(found), np.concatenate(alone), atol=1e-5)

    def test_a_span_without_a_token(self, folder: Path) -> None:
        with pytest.raises(EmptySpan):
            vectors(landmark(folder), "one", [Span(0, 3), Span(3, 3)])


def raw(folder: Path, text: str) -> npt.NDArray[np.float32]:
    """The last state of a text, whose special tokens are written out, at its own length."""
    from transformers import AutoModel, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(folder)(text, add_special_tokens=False)["input_ids"]
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        found = model(input_ids=torch.tensor([ids])).last_hidden_state[0, -1]
    return np.asarray(found.numpy(), dtype=np.float32)


class TestPlan:
    @settings(deadline=None)
    @given(
        st.lists(st.tuples(st.integers(0, 4), st.integers(2, 20)), min_size=1, max_size=12),
        st.integers(0, 30),
        st.integers(0, 20),
    )
    def test_every_piece_is_read_once_with_what_stands_before_it(
        self, lengths: list[tuple[int, int]], context: int, spare: int
    ) -> None:
        ends = np.cumsum([gap + length for gap, length in lengths])
        starts = ends - [length for _, length in lengths]
        window = context + max(length for _, length in lengths) + spare
        found = plan(starts, ends, window, context)
        edges = [piece for _, _, piece in found] + [len(lengths)]
        assert edges == sorted(set(edges))
        assert edges[0] == 0
        for (start, end, piece), following in zip(found, edges[1:], strict=True):
            assert end - start <= window
            assert start == max(0, starts[piece] - context)
            assert end == ends[following - 1]


class TestProfile:
    @pytest.fixture
    def hub(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """The folder of downloaded models of a machine that is offline."""
        with offline(tmp_path / "hub", monkeypatch) as hub:
            yield hub

    def test_a_named_model_is_read_at_its_token(self, hub: Path) -> None:
        of = known()["lmk"]
        folder = transformer(in_hub_cache(hub, of.model, "0" * 40), "mistral", before="<s>")
        encoder = Landmark(model="lmk", precision="fp32", window=100, overlap=10)
        found = vectors(encoder)
        np.testing.assert_allclose(found, reference(folder, SENTENCES, "<s>"), atol=1e-5)
        query = encoder.encode_queries(["who?"])
        np.testing.assert_allclose(query, reference(folder, ["who?"], "<s>"), atol=1e-5)
        assert encoder.facts["landmark"] is True

    def test_one_names_the_token(self) -> None:
        named = [each for each in known().values() if each.landmark]
        assert [each.model for each in named] == ["Lk123/LMK"]
        assert all(each.eos and each.pooling == "last" for each in named)


class TestRefused:
    def refused(self, encoder: Any, where: str, reason: str) -> None:
        with pytest.raises(BadOption, match=reason) as got:
            encoder.facts  # noqa: B018 - a property that checks
        assert got.value.where == f"encoder.{where}"
        assert got.value.hint
        with pytest.raises(BadOption, match=reason):
            vectors(encoder)

    def test_a_model_that_was_not_trained_for_landmarks(self, tmp_path: Path) -> None:
        base = transformer(tmp_path / "b", "mistral")
        sentence_transformer(tmp_path / "m", base, "lasttoken", {})
        self.refused(landmark(tmp_path / "m"), "model", "not trained for landmarks and pools by")

    def test_a_landmark_of_a_model_that_pools_by_mean(self, tmp_path: Path) -> None:
        base = transformer(tmp_path / "b", "mistral")
        sentence_transformer(tmp_path / "m", base, "mean", {})
        self.refused(landmark(marked(tmp_path / "m")), "model", "by mean and has a landmark")

    def test_late_chunking_of_a_landmark_model(self, folder: Path) -> None:
        late = Late(model=str(folder), window=60, overlap=10)
        self.refused(late, "model", "needs mean pooling")

    def test_a_window_that_the_model_cannot_read(self, folder: Path) -> None:
        self.refused(landmark(folder, window=257), "window", "257")
        assert landmark(folder, window=256).facts["landmark"] is True

    def test_context_that_leaves_nothing_of_the_window(self, folder: Path) -> None:
        self.refused(landmark(folder, window=40, overlap=39), "overlap", "leave nothing")
        self.refused(landmark(folder, window=40, min_context=39), "min_context", "leave nothing")
        assert landmark(folder, window=40, min_context=38).facts["min_context"] == 38


def smoothed_plainly(rows: Matrix, radius: int, decay: float) -> Matrix:
    """As it is written down, of one document."""
    return unit(
        [
            sum(
                np.exp(-decay * abs(d)) * rows[i + d]
                for d in range(-radius, radius + 1)
                if 0 <= i + d < len(rows)
            )
            for i in range(len(rows))
        ]
    )


class TestSmoothing:
    @settings(deadline=None)
    @given(
        st.lists(st.integers(0, 5), min_size=1, max_size=6),
        st.lists(st.integers(1, 4), max_size=20),
        st.integers(0, 4),
        st.sampled_from([0.0, 0.5, 1.0, 9.0]),
    )
    def test_equals_the_formula_in_every_document_however_rows_arrive(
        self, counts: list[int], sizes: list[int], radius: int, decay: float
    ) -> None:
        total = sum(counts)
        rows = unit(np.random.default_rng(7).normal(size=(total, 6)) + 0.1)
        edges = [0, *(each for each in np.cumsum(sizes).tolist() if each < total), total]
        arriving = ((start, rows[start:end]) for start, end in pairwise(edges) if start < end)
        spans = [[Span(at, at + 1) for at in range(count)] for count in counts]
        found = list(smoothed(arriving, spans, radius, decay))
        assert [first for first, _ in found] == [0, *np.cumsum([len(m) for _, m in found])][:-1]
        borders = np.cumsum(counts)[:-1]
        expected = [
            smoothed_plainly(own, radius, decay) for own in np.split(rows, borders) if len(own)
        ]
        if total:
            got = np.concatenate([matrix for _, matrix in found])
            np.testing.assert_allclose(got, np.concatenate(expected), atol=1e-5)

    @pytest.mark.parametrize("window", [200, 40])
    def test_of_both_forms(self, folder: Path, tmp_path: Path, window: int) -> None:
        pooled = transformer(tmp_path / "b", "bert", positions=256)
        for each in (folder, pooled):
            plain = vectors(landmark(each, window=window))
            found = vectors(landmark(each, window=window, smoothing=2, decay=0.5))
            np.testing.assert_allclose(found, smoothed_plainly(plain, 2, 0.5), atol=1e-5)

    def test_queries_stay_as_they_are(self, folder: Path) -> None:
        plain, mixed = landmark(folder), landmark(folder, smoothing=1)
        np.testing.assert_array_equal(mixed.encode_queries(["a"]), plain.encode_queries(["a"]))


def test_what_changes_vectors_changes_the_fingerprint() -> None:
    def mark(**options: Any) -> str:
        return fingerprint({"encoder": resolve("encoder", "landmark", options)})

    changed: list[dict[str, Any]] = [
        {},
        {"min_context": 0},
        {"min_context": 33},
        {"smoothing": 1},
        {"smoothing": 2},
        {"smoothing": 2, "decay": 0.5},
    ]
    assert len({mark(**each) for each in changed}) == len(changed)
    assert mark(min_context=32) == mark(decay=0.5) == mark()


class TestContract(EncoderContract):
    @pytest.fixture(params=[{}, {"smoothing": 1}])
    def encoder(self, request: pytest.FixtureRequest, tmp_path: Path) -> Landmark:
        read = trained_tokenizer("unigram", [topics["comparisons"], topics["assert"]])
        folder = marked(transformer(tmp_path / "m", "mistral", tokenizer=read))
        return landmark(folder, window=48, overlap=12, **request.param)

    def test_a_span_is_near_its_own_text(self, encoder: Encoder) -> None:
        pytest.skip("the weights are random")
