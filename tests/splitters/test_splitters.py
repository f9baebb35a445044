from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from components.encoders.tokenizers import TokenArrays, WordTokenizer, arrays
from components.errors import BadDocument, BadOption
from components.registry import build, resolve
from components.splitters.pages import Pages
from components.splitters.sentence import Sentence
from components.splitters.sentences import Sentences
from components.splitters.tokens import Tokens
from components.splitters.whole import Whole
from components.stages import Splitter, Tokenizer
from components.values import Document, Span
from tests.contracts.splitter import SplitterContract, byte_level


class TestTokens(SplitterContract):
    @pytest.fixture(params=[1, 7, 128])
    def splitter(self, request: pytest.FixtureRequest) -> Tokens:
        return Tokens(max_tokens=request.param)


class TestTokensAcrossPages(SplitterContract):
    breaks_at_pages = False

    @pytest.fixture
    def splitter(self) -> Tokens:
        return Tokens(max_tokens=7, across_pages=True)


class TestSentences(SplitterContract):
    @pytest.fixture(params=[1, 9])
    def splitter(self, request: pytest.FixtureRequest) -> Sentences:
        return Sentences(max_tokens=request.param)


class TestSentence(SplitterContract):
    @pytest.fixture(params=[1, 9])
    def splitter(self, request: pytest.FixtureRequest) -> Sentence:
        return Sentence(max_tokens=request.param)


class TestPages(SplitterContract):
    @pytest.fixture(params=[None, 5])
    def splitter(self, request: pytest.FixtureRequest) -> Pages:
        return Pages(max_tokens=request.param)


class TestWhole(SplitterContract):
    breaks_at_pages = False

    @pytest.fixture
    def splitter(self) -> Whole:
        return Whole(max_tokens=50_000)


class TestTruncated(SplitterContract):
    breaks_at_pages = False
    tiles = False

    @pytest.fixture(params=[1, 10])
    def splitter(self, request: pytest.FixtureRequest) -> Whole:
        return Whole(max_tokens=request.param, overflow="truncate")


class Fixed:
    """Tokens at given places."""

    def __init__(self, *offsets: tuple[int, int]) -> None:
        self.offsets = list(offsets)

    def tokens(self, text: str) -> TokenArrays:
        return arrays([0] * len(self.offsets), self.offsets, len(text))


class Letters:
    """A token for every character that is not white space."""

    def tokens(self, text: str) -> TokenArrays:
        offsets = [(i, i + 1) for i, letter in enumerate(text) if not letter.isspace()]
        return arrays([0] * len(offsets), offsets, len(text))


def cut(
    splitter: Splitter, text: str, *pages: int, tokenizer: Tokenizer | None = None
) -> list[str]:
    document = Document(id="d", text=text, page_starts=pages)
    spans = splitter.split(document, tokenizer or WordTokenizer())
    return [text[span.start : span.end] for span in spans]


class TestCuts:
    def test_max_tokens_is_honoured_exactly(self) -> None:
        assert cut(Tokens(max_tokens=3), " a b c  d e f\ng ") == [" a b c  ", "d e f\n", "g "]

    def test_a_word_begins_a_span_where_the_last_quarter_has_one(self) -> None:
        near, far = "a" * 9 + " bbbb", "a" * 8 + " bbbbb"
        assert cut(Tokens(max_tokens=12), near, tokenizer=Letters()) == ["a" * 9 + " ", "bbbb"]
        assert cut(Tokens(max_tokens=12), far, tokenizer=Letters()) == ["a" * 8 + " bbbb", "b"]

    def test_text_without_tokens_parts_words(self) -> None:
        places = [(at, at + 1) for at in range(14) if at != 9]
        found = cut(Tokens(max_tokens=12), "a" * 9 + "\u200bbbbb", tokenizer=Fixed(*places))
        assert found == ["a" * 9 + "\u200b", "bbbb"]

    def test_the_space_in_front_of_a_byte_level_word_goes_with_it(self) -> None:
        text = "zzzz satz"
        assert len(byte_level().tokens(text).ids) == 6
        assert cut(Tokens(max_tokens=5), text, tokenizer=byte_level()) == ["zzzz", " satz"]

    def test_a_character_of_several_tokens_is_never_cut(self) -> None:
        assert cut(Tokens(max_tokens=3), "😀😀", tokenizer=byte_level()) == ["😀", "😀"]
        assert cut(Tokens(max_tokens=7), "😀😀", tokenizer=byte_level()) == ["😀", "😀"]
        assert cut(Tokens(max_tokens=8), "😀😀", tokenizer=byte_level()) == ["😀😀"]

    def test_a_token_of_two_characters_parts_keeps_the_second_whole(self) -> None:
        overlapping = Fixed((0, 1), (0, 2), (1, 2), (2, 3))
        assert cut(Tokens(max_tokens=1), "abc", tokenizer=overlapping) == ["a", "b", "c"]

    def test_an_empty_token_at_the_end_owns_the_last_character(self) -> None:
        assert cut(Tokens(max_tokens=1), "a ", tokenizer=Fixed((0, 1), (2, 2))) == ["a", " "]

    def test_white_space_beyond_the_cap_is_in_no_span(self) -> None:
        document = Document(id="d", text=" " * 40 + "a" + " " * 40 + "b")
        spans = Tokens(max_tokens=2).split(document, WordTokenizer())
        assert spans == [Span(40, 72), Span(81, 82)]

    def test_leading_white_space_that_fits_is_kept(self) -> None:
        assert cut(Tokens(max_tokens=2), " " * 31 + "a b") == [" " * 31 + "a", "b"]
        assert cut(Tokens(max_tokens=2), " " * 32 + "a b") == ["a b"]


class TestPageBreaks:
    def test_a_span_ends_with_its_page(self) -> None:
        assert cut(Tokens(), "a b c d", 0, 4) == ["a b ", "c d"]
        assert cut(Tokens(across_pages=True), "a b c d", 0, 4) == ["a b c d"]

    def test_white_space_on_top_of_a_page_belongs_to_it(self) -> None:
        assert cut(Tokens(), "a  b", 0, 2) == ["a ", " b"]

    def test_blank_pages_join_the_span_before(self) -> None:
        assert cut(Pages(), "\fa\f\f\fb\f", 0, 1, 3, 4, 5, 7) == ["\fa\f\f\f", "b\f"]

    def test_a_straddling_token_goes_where_its_last_character_is(self) -> None:
        document = Document(id="d", text="a hello b", page_starts=(0, 4))
        assert Pages().split(document, WordTokenizer()) == [Span(0, 4), Span(4, 9)]
        assert cut(Pages(), "hello b", 0, 4) == ["hello b"]

    def test_a_page_is_one_span_of_any_length_unless_limited(self) -> None:
        text = "a" + " " * 3000 + "b"
        assert cut(Pages(), text) == [text]
        assert cut(Pages(max_tokens=2), "a b c d e", 0, 6) == ["a b ", "c ", "d e"]


class TestSentenceCuts:
    text = "One two. Three four five.\n\nSix. Seven eight nine ten eleven twelve. End."

    def test_a_span_per_sentence(self) -> None:
        assert cut(Sentence(), self.text) == [
            *("One two. ", "Three four five.\n\n", "Six. "),
            *("Seven eight nine ten eleven twelve. ", "End."),
        ]

    def test_whole_sentences_are_packed(self) -> None:
        assert cut(Sentences(max_tokens=9), self.text) == [
            *("One two. Three four five.\n\nSix. ", "Seven eight nine ten eleven twelve. End."),
        ]

    def test_a_paragraph_ends_a_sentence(self) -> None:
        assert cut(Sentence(), "A heading\n\nand text") == ["A heading\n\n", "and text"]

    def test_a_long_sentence_is_cut_and_its_rest_packed(self) -> None:
        assert cut(Sentences(max_tokens=4), self.text)[2:] == [
            *("Six. ", "Seven eight nine ten ", "eleven twelve. ", "End."),
        ]
        assert cut(Sentence(max_tokens=4), self.text)[3:5] == [
            *("Seven eight nine ten ", "eleven twelve. "),
        ]

    def test_pages_break_sentences(self) -> None:
        assert cut(Sentences(), "One two three.", 0, 4) == ["One ", "two three."]
        assert cut(Sentences(across_pages=True), "One two three.", 0, 4) == ["One two three."]


class TestWholeOverflow:
    def test_too_long(self) -> None:
        with pytest.raises(BadDocument, match="6 tokens in 11 characters, a span at most 4") as got:
            cut(Whole(max_tokens=4), "a b c d e f")
        assert got.value.where == "d"
        assert "overflow" in got.value.hint

    def test_truncated_at_the_last_character_of_the_last_token(self) -> None:
        assert cut(Whole(max_tokens=2, overflow="truncate"), " ab cd  ef") == [" ab cd"]

    def test_too_many_characters_are_too_long(self) -> None:
        with pytest.raises(BadDocument, match="2 tokens in 66 characters"):
            cut(Whole(max_tokens=2), "a" + " " * 64 + "b")


@pytest.mark.parametrize("use", ["tokens", "sentences", "sentence", "pages", "whole"])
def test_the_catalogue_builds_them(use: str) -> None:
    splitter: Any = build("splitter", resolve("splitter", use, {}))
    assert splitter.revision == 1
    assert isinstance(splitter, Splitter)


@pytest.mark.parametrize("options", [{"max_tokens": 0}, {"language": "English"}])
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadOption):
        build("splitter", resolve("splitter", "sentences", options))


def test_many_tokens_are_cut_in_linear_time() -> None:
    text = "a" * 200_000
    spans = Tokens(max_tokens=100).split(Document(id="d", text=text), Letters())
    assert np.all(np.diff([span.start for span in spans]) == 100)


@pytest.mark.parametrize("splitter", [Tokens(), Sentences()])
def test_a_long_text_takes_little_more_than_its_tokens(splitter: Splitter) -> None:
    text = "The mill turned 3.5 times (or so), said Dr. Who. It stood still.\n\n" * 5_000
    tracemalloc.start()
    splitter.split(Document(id="d", text=text), WordTokenizer())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 72 * len(WordTokenizer().tokens(text))
