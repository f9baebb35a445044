from __future__ import annotations

from collections.abc import Callable
from pydoc_data.topics import topics
from typing import Any

import numpy as np
import pytest

from components.encoders import tokenizers
from components.encoders.checkpoints import checkpoint
from components.encoders.naive import Naive
from components.encoders.tokenizers import LONGEST_TOKEN, FastTokenizer, WordTokenizer, arrays
from components.stages import Tokenizer
from tests.contracts.splitter import byte_level, word_pieces


@pytest.fixture(scope="module")
def transformers_tokenizer() -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(checkpoint("minilm").folder))


@pytest.fixture
def tokenizer() -> FastTokenizer:
    return Naive().tokenizer


class TestFastTokenizer:
    @pytest.mark.parametrize(
        "text",
        [topics["pass"], "Café naïve 中文 😀 e\u0301 ﬁne\u200b.", "", " \n ", "x" * 90 + " y"],
        ids=["prose", "odd", "empty", "blank", "unknown"],
    )
    def test_equals_transformers(
        self, transformers_tokenizer: Any, tokenizer: FastTokenizer, text: str
    ) -> None:
        expected = transformers_tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True
        )
        found = tokenizer.tokens(text)
        assert found.ids.tolist() == expected["input_ids"]
        offsets = list(zip(found.starts.tolist(), (found.last + 1).tolist(), strict=True))
        assert offsets == expected["offset_mapping"]

    def test_special_tokens_are_kept_apart(self, tokenizer: FastTokenizer) -> None:
        assert (tokenizer.prefix, tokenizer.suffix) == ([101], [102])
        assert not {101, 102} & set(tokenizer.tokens("[Hello] world.").ids.tolist())

    def test_no_text_is_too_long(self, tokenizer: FastTokenizer) -> None:
        text = "mill " * 3000
        found = tokenizer.tokens(text)
        assert len(found) == 3000
        assert found.last[-1] == len(text) - 2

    @pytest.mark.parametrize("make", [word_pieces, byte_level])
    def test_pieces_of_a_long_text_are_cut_where_nothing_shows(
        self, make: Callable[[], Tokenizer], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        odd = f"中文。Café  2024 🎉\u00a0x_y don't\n{'x' * 300} "
        text = f"{topics['strings']}\n\n{odd}{topics['if']}"
        whole = make().tokens(text)
        for piece in (1, 7, 100, 1_000):
            monkeypatch.setattr(tokenizers, "_PIECE", piece)
            found = make()._encoded(text)  # type: ignore[attr-defined]
            for name in ("ids", "starts", "last"):
                assert getattr(found, name).tolist() == getattr(whole, name).tolist()

    def test_answers_are_alike(self, tokenizer: FastTokenizer) -> None:
        fresh = FastTokenizer(checkpoint("minilm").folder / "tokenizer.json")
        for text in ("The mill", "the mill", "The mill"):
            assert fresh.tokens(text).ids.tolist() == tokenizer.tokens(text).ids.tolist()

    def test_many_texts_are_told_apart(self, tokenizer: FastTokenizer) -> None:
        texts = [f"number {at}" for at in range(1000)]
        once = [tokenizer.tokens(text).ids.tolist() for text in texts]
        assert [tokenizer.tokens(text).ids.tolist() for text in texts] == once
        assert len(set(map(tuple, once))) == 1000

    def test_an_unbroken_run_has_a_token_per_stretch_of_it(self, tokenizer: FastTokenizer) -> None:
        found = tokenizer.tokens("a " + "x" * 300)
        assert len(set(found.ids.tolist())) == 2
        assert found.starts.tolist() == [0, 2, 2 + LONGEST_TOKEN, 2 + 2 * LONGEST_TOKEN]
        assert found.last.tolist() == [0, 1 + LONGEST_TOKEN, 1 + 2 * LONGEST_TOKEN, 301]

    def test_a_byte_level_word_owns_its_last_character_not_the_space_before(self) -> None:
        text = "The cat sat"
        found = byte_level().tokens(text)
        assert any(text[start] == " " for start in found.starts)
        ends_of_words = {2, 6, 10}
        assert ends_of_words <= set(found.last.tolist())

    def test_tokens_of_one_character_share_their_owner(self) -> None:
        found = byte_level().tokens("a😀b")
        assert found.last.tolist() == [0, 1, 1, 1, 1, 2]


class TestArrays:
    def test_an_empty_token_owns_the_character_at_its_place(self) -> None:
        assert arrays([1, 2], [(0, 1), (1, 1)], 3).last.tolist() == [0, 1]

    def test_an_empty_token_at_the_end_owns_the_last_character(self) -> None:
        assert arrays([1, 2], [(0, 1), (3, 3)], 3).last.tolist() == [0, 2]

    def test_owners_never_fall(self) -> None:
        assert arrays([1, 2, 3], [(0, 3), (0, 1), (2, 4)], 4).last.tolist() == [2, 2, 3]

    def test_a_token_of_exactly_the_longest_length_is_one(self) -> None:
        assert len(arrays([7], [(0, LONGEST_TOKEN)], LONGEST_TOKEN)) == 1
        assert arrays([7], [(0, LONGEST_TOKEN + 1)], LONGEST_TOKEN + 1).last.tolist() == [
            LONGEST_TOKEN - 1,
            LONGEST_TOKEN,
        ]

    def test_no_tokens(self) -> None:
        found = arrays([], [], 0)
        assert found.ids.shape == found.starts.shape == found.last.shape == (0,)
        assert found.ids.dtype == np.int64


class TestWordTokenizer:
    def test_words_and_marks(self) -> None:
        text = "It's 3.5, naïve!"
        found = WordTokenizer().tokens(text)
        words = [
            text[start : last + 1] for start, last in zip(found.starts, found.last, strict=True)
        ]
        assert words == ["It", "'", "s", "3", ".", "5", ",", "naïve", "!"]

    def test_case_does_not_matter(self) -> None:
        one, other = WordTokenizer().tokens("Mill WHEEL"), WordTokenizer().tokens("mill wheel")
        assert one.ids.tolist() == other.ids.tolist()

    @pytest.mark.parametrize("portion", [1, 2, 5, 100])
    def test_words_hashed_in_portions_are_those_of_the_whole(
        self, portion: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = f"One, two.\n{'x' * 300} 中文 three!"
        whole = WordTokenizer().tokens(text)
        monkeypatch.setattr(tokenizers, "_WORDS", portion)
        found = WordTokenizer().tokens(text)
        for name in ("ids", "starts", "last"):
            assert getattr(found, name).tolist() == getattr(whole, name).tolist()

    def test_ids_are_those_of_every_run(self) -> None:
        assert WordTokenizer().tokens("123456789").ids.tolist() == [0xCBF43926]
