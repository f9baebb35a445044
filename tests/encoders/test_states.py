"""States of tokens: what the kernel keeps of them, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.encoders import frames
from components.encoders import states as encoder_states
from components.encoders.cache import Lookups, VectorCache
from components.encoders.kernel import pool
from components.encoders.landmark import Landmark
from components.encoders.late import Late
from components.encoders.naive import Naive
from components.encoders.pieces import NOBODY, Window
from components.encoders.states import StateLog, likeness
from components.errors import BadOption
from components.values import Document, Matrix, Span, States
from tests.encoders.random_models import TokenizerKind, trained_tokenizer, transformer
from tests.encoders.test_kernel import TABLE, Table, calls, window

SPECIAL = (3, 4)
"""Words of the table that stand for special tokens."""
TEXT = "The miller grinds. The wheel turns. The brook runs past the mill."
SPANS = [Span(0, 18), Span(18, 35), Span(35, len(TEXT))]


class Marked(Table):
    """The table with a tokenizer that has special tokens."""

    def __init__(self, batch_tokens: int) -> None:
        super().__init__(batch_tokens)
        self.__dict__["tokenizer"] = SimpleNamespace(prefix=SPECIAL[:1], suffix=SPECIAL[1:])


def taken(
    model: Table, made: Sequence[Window], every: int, cache: VectorCache | None = None
) -> list[States]:
    """Of all rows, taken as the rows come."""
    log = StateLog(every)
    found: list[States] = []
    for first, matrix in pool(model, made, cache=cache, states=log):
        assert first == len(found)
        found += log.take(first, len(matrix))
    return found


def expected(made: Sequence[Window], every: int) -> list[list[tuple[int, ...]]]:
    """States of each row as signs, sorted; plainly, a token at a time."""
    rows = 1 + max((int(each.owners.max()) for each in made), default=-1)
    found: list[list[tuple[int, ...]]] = [[] for _ in range(rows)]
    for each in made:
        for row in range(rows):
            own = [
                TABLE[id] / np.linalg.norm(TABLE[id])
                for id, owner in zip(each.ids, each.owners, strict=True)
                if owner == row and id not in SPECIAL
            ]
            for start in range(0, len(own), every):
                total = np.sum(own[start : start + every], axis=0, dtype=np.float32)
                found[row].append(tuple((total > 0).astype(int)))
    return [sorted(each) for each in found]


def signs(states: States, width: int) -> list[tuple[int, ...]]:
    return sorted(map(tuple, np.unpackbits(states, axis=1, count=width).tolist()))


class TestKernel:
    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(calls(), st.integers(1, 24), st.integers(1, 4))
    def test_states_are_the_signs_of_pooled_tokens(
        self, tmp_path: Path, made: list[Window], budget: int, every: int
    ) -> None:
        """Also with a cache that knows windows of other examples, and then from the cache."""
        cache = VectorCache(tmp_path, 2**26)
        for known in (None, cache, cache):
            found = taken(Marked(budget), made, every, known)
            assert [signs(each, TABLE.shape[1]) for each in found] == expected(made, every)

    def test_nothing_is_read_twice_and_vectors_without_states_do_not_do(
        self, tmp_path: Path
    ) -> None:
        made = [window([row] * 4, row) for row in range(30)]
        cache = VectorCache(tmp_path, 2**26)
        plain, first, again, other = Marked(40), Marked(40), Marked(40), Marked(40)
        list(pool(plain, made, cache=cache))
        taken(first, made, 2, cache)
        taken(again, made, 2, cache)
        taken(other, made, 3, cache)
        assert [len(each.shapes) for each in (plain, first, again, other)] == [3, 3, 0, 3]
        list(pool(again, made, cache=cache))
        assert not again.shapes

    def test_what_is_read_again_is_no_hit(self, tmp_path: Path) -> None:
        made = [window([row] * 4, row) for row in range(30)]
        cache = VectorCache(tmp_path, 2**26)
        list(pool(Marked(40), made, cache=cache))
        taken(Marked(40), made, 2, cache)
        assert cache.lookups == Lookups(0, 60)
        taken(Marked(40), made, 2, cache)
        assert cache.lookups == Lookups(30, 60)

    def test_a_prompt_has_no_states(self) -> None:
        ids = np.array([9, 10, 11, 12])
        made = [Window(ids, np.zeros(4, np.int64), 0, kept_from=3)]
        (states,) = taken(Marked(10), made, 1)
        assert signs(states, TABLE.shape[1]) == [tuple((TABLE[12] > 0).astype(int))]

    def test_a_row_of_special_tokens_alone_has_none(self) -> None:
        ids = np.array([*SPECIAL, 9, 10])
        made = [Window(ids, np.array([0, 0, 1, NOBODY]), 0)]
        assert [len(each) for each in taken(Marked(10), made, 2)] == [0, 1]


class TestLikeness:
    @given(
        st.integers(1, 5),
        st.lists(st.integers(0, 4), max_size=6),
        st.integers(1, 20),
        st.integers(0, 2**32 - 1),
    )
    def test_is_the_mean_of_the_largest_products(
        self, tokens: int, sizes: list[int], width: int, seed: int
    ) -> None:
        chance = np.random.default_rng(seed)
        query = chance.normal(size=(tokens, width)).astype(np.float32)
        plain = [np.where(chance.random((size, width)) > 0.5, 1.0, -1.0) for size in sizes]
        packed = [np.packbits(each > 0, axis=1) for each in plain]
        scores = [
            (query @ each.T / np.sqrt(width)).max(axis=1).mean() if len(each) else 0.0
            for each in plain
        ]
        found = likeness(query, packed)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, scores, atol=1e-4)

    def test_many_states_are_unpacked_a_portion_at_a_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chance = np.random.default_rng(3)
        query = chance.normal(size=(5, 24)).astype(np.float32)
        sizes = (3, 0, 9, 1, 4, 4, 0, 30, 2)
        passages = [chance.integers(0, 256, (size, 3), np.uint8) for size in sizes]
        together = likeness(query, passages)
        monkeypatch.setattr(encoder_states, "_UNPACKED", 8)
        unpacked: list[int] = []
        inner = np.unpackbits

        def counted(packed: Any, *args: Any, **options: Any) -> Any:
            unpacked.append(len(packed))
            return inner(packed, *args, **options)

        monkeypatch.setattr(np, "unpackbits", counted)
        np.testing.assert_allclose(likeness(query, passages), together, atol=1e-6)
        assert unpacked == [3, 9, 5, 4, 30, 2]

    def test_of_a_question_without_tokens(self) -> None:
        passages = [np.zeros((2, 1), np.uint8)]
        assert likeness(np.zeros((0, 8), np.float32), passages).tolist() == [0.0]

    def test_signs_keep_the_order_of_real_passages(self) -> None:
        """Against the cosines of whole states, with the real model: the same passage is best."""
        from components.rerankers.token_states import token_states

        texts = [
            "The miller grinds wheat into flour.",
            "A heron stands in the shallow water.",
            "Prices of flour rose in the spring.",
            "The wheel of the mill has twelve blades.",
        ]
        whole = dict(token_states("minilm", "fp32", 256).read(texts))
        states = encoded(Naive(precision="fp32", token_states=1), texts)
        for question, best in [("Who makes flour of wheat?", 0), ("a bird at the brook", 1)]:
            (asked,) = dict(token_states("minilm", "fp32", None).read([question])).values()
            full = [float((asked @ whole[text].T).max(axis=1).mean()) for text in texts]
            kept = likeness(asked, states)
            assert int(np.argmax(full)) == int(np.argmax(kept)) == best
            assert np.corrcoef(full, kept)[0, 1] > 0.95


def encoded(encoder: Naive | Late | Landmark, texts: Sequence[str]) -> list[States]:
    documents = [Document(id=text, text=text) for text in texts]
    spans = [[Span(0, len(text))] for text in texts]
    return [s for block in encoder.encode_documents(documents, spans) for s in block.states]


def own_tokens(folder: Path, text: str) -> Matrix:
    """Unit states of a text's tokens without the special ones, by transformers."""
    import transformers

    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
    model: Any = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32)
    ids = tokenizer(text, add_special_tokens=False).input_ids
    first, last = tokenizer.convert_tokens_to_ids(["<s>", "</s>"])
    with torch.no_grad():
        found = model(torch.tensor([[first, *ids, last]])).last_hidden_state[0, 1:-1]
    unit: Matrix = torch.nn.functional.normalize(found, dim=-1).numpy()
    return unit


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return transformer(tmp_path_factory.mktemp("tiny"), "bert", before="<s>", after="</s>")


class TestEncoders:
    @pytest.mark.parametrize("every", [1, 2, 3])
    def test_a_naive_spans_states_are_its_own_tokens(self, tiny: Path, every: int) -> None:
        encoder = Naive(model=str(tiny), precision="fp32", token_states=every)
        document = Document(id="d", text=TEXT)
        found = [s for b in encoder.encode_documents([document], [SPANS]) for s in b.states]
        assert len(found) == len(SPANS)
        for span, states in zip(SPANS, found, strict=True):
            rows = own_tokens(tiny, TEXT[span.start : span.end])
            starts = np.arange(0, len(rows), every)
            plain = np.packbits(np.add.reduceat(rows, starts, axis=0) > 0, axis=1)
            assert states.shape == plain.shape
            assert np.unpackbits(states ^ plain).mean() < 0.002  # what is zero to six digits

    def test_a_header_is_read_for_the_vector_alone(self, tiny: Path) -> None:
        made: dict[str, Any] = {"model": str(tiny), "precision": "fp32"}
        documents = [Document(id=name, text=TEXT, title=name * 9) for name in "abc"]
        spans = [SPANS[:1], [], SPANS]
        plain, headed = (
            list(Naive(**made, token_states=1, header=header).encode_documents(documents, spans))
            for header in ("", "{title}")
        )
        for one, other in zip(plain, headed, strict=True):
            assert (one.document, one.first) == (other.document, other.first)
            for own, its in zip(one.states, other.states, strict=True):
                np.testing.assert_array_equal(own, its)
        alone = list(Naive(**made, header="{title}").encode_documents(documents, spans))
        for one, other in zip(alone, headed, strict=True):
            np.testing.assert_allclose(one.vectors, other.vectors, atol=1e-6)

    @pytest.mark.parametrize("kind", [Late, Landmark])
    def test_states_are_those_of_the_chunk_by_itself(self, tiny: Path, kind: Any) -> None:
        made: dict[str, Any] = {"model": str(tiny), "precision": "fp32", "token_states": 1}
        documents = [Document(id=name, text=TEXT) for name in "abc"]
        spans = [SPANS[:1], [], SPANS]
        plain = list(Naive(**made).encode_documents(documents, spans))
        kept = list(kind(**made, window=100, overlap=8).encode_documents(documents, spans))
        for one, other in zip(plain, kept, strict=True):
            for own, its in zip(one.states, other.states, strict=True):
                np.testing.assert_array_equal(own, its)

    def test_vectors_are_the_same_with_and_without(self, tiny: Path) -> None:
        document = Document(id="d", text=TEXT)
        kinds: list[tuple[Any, dict[str, Any]]] = [
            (Naive, {}),
            (Late, {"window": 100}),
            (Landmark, {"window": 100}),
        ]
        for kind, options in kinds:
            made = {"model": str(tiny), "precision": "fp32", **options}
            plain, kept = kind(**made), kind(**made, token_states=2)
            one, other = (
                [block.vectors for block in encoder.encode_documents([document], [SPANS])]
                for encoder in (plain, kept)
            )
            np.testing.assert_array_equal(np.concatenate(one), np.concatenate(other))

    def test_a_documents_prompt_is_not_among_them(
        self, tiny: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plain = Naive(model=str(tiny), precision="fp32", token_states=1)
        prompted = frames.Frame(("passage: ", ""))
        (without,) = encoded(plain, [TEXT])
        monkeypatch.setattr(frames, "of_documents", lambda profile: prompted)
        (behind,) = encoded(plain, [TEXT])
        assert behind.shape == without.shape
        assert (behind != without).any()  # they have read the prompt

    @pytest.mark.parametrize("kind", ["wordpiece", "byte-level", "unigram"])
    def test_every_token_behind_a_prompt_is_among_them(
        self, tmp_path: Path, kind: TokenizerKind
    ) -> None:
        """Also the first, which may begin with the prompt's last blank."""
        tokenizer = trained_tokenizer(kind, [TEXT, "passage: " * 9], 300)
        folder = transformer(tmp_path / "prompted", "bert", tokenizer=tokenizer)
        told = folder / "config_sentence_transformers.json"
        told.write_text('{"prompts": {"document": "passage: "}}')
        (found,) = encoded(Naive(model=str(folder), precision="fp32", token_states=1), [TEXT])
        behind = tokenizer.encode("passage: " + TEXT, add_special_tokens=False)
        assert len(found) == sum(end > len("passage: ") for _, end in behind.offsets)

    def test_none_are_kept_unless_they_are_asked_for(self, tiny: Path) -> None:
        assert encoded(Naive(model=str(tiny), precision="fp32"), [TEXT]) == []
        assert "token_states" not in Naive(model=str(tiny)).facts
        assert Naive(model=str(tiny), token_states=2).facts["token_states"] == 2

    def test_a_model_that_is_read_at_one_token_is_refused(self, tmp_path: Path) -> None:
        folder = transformer(tmp_path / "cls", "bert", before="<s>", after="</s>")
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
        with pytest.raises(BadOption, match="pools by its cls token") as caught:
            _ = Naive(model=str(folder), token_states=2).facts
        assert caught.value.where == "encoder.token_states"
