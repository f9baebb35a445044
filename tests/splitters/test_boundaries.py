from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest
import sentencex
from hypothesis import given
from hypothesis import strategies as st

from components.splitters import boundaries
from components.splitters.boundaries import check_language, sentence_starts


def sentences(text: str, language: str = "en") -> list[str]:
    starts = sentence_starts(text, language).tolist()
    return [text[i:j] for i, j in pairwise([*starts, len(text)])]


@pytest.mark.parametrize(
    "expected",
    [
        ["Hello there. ", "How are you?"],
        ["😀 Hi 👩\u200d👩\u200d👧. ", "𝒜 bye 😀! ", "e\u0301a\u0300. ", "Last one."],
        ["One two.\r\n\r\n", "Three four.\r\n\r\n\r\n", "Five."],
        ["你好。", "你是谁？", "我很好。"],
        ["A heading\n\n", "and its text.\n\n\n\n", "more\n \t\n ", "of it"],
        ["One line\nof two. ", "Next.\n  ", "One more."],
    ],
)
def test_offsets_are_characters(expected: list[str]) -> None:
    assert sentences("".join(expected)) == expected


@pytest.mark.parametrize("space", ["\x85", "\xa0", "\u2028", "\u2029", "\u202f", "\u3000"])
def test_wide_white_space_after_an_initial_does_not_panic(space: str) -> None:
    text = f"Ask John M{space}. He knows it. Ask Anne too."
    assert sentences(text)[-1] == "Ask Anne too."


BREAKS = ["\n", "\n\n", "\n\n\n", "\r\n", "\r\n\r\n", "\n\r\n", "\r", " \n \n"]
WORDS = [
    "He said (this. ",
    "Not so). ",
    'A "b. ',
    'c." ',
    "Dr. ",
    "M.\xa0",
    "1. ",
    "x",
    "😀。",
    " ",
]


@given(
    st.lists(st.sampled_from(BREAKS + WORDS), max_size=30).map("".join),
    st.sampled_from(["en", "de", "ja", "qq"]),
    st.integers(1, 20),
)
def test_a_long_text_read_in_pieces_has_the_sentences_of_the_whole(
    text: str, language: str, piece: int
) -> None:
    whole = sentence_starts(text, language)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boundaries, "_PIECE", piece)
        assert sentence_starts(text, language).tolist() == whole.tolist()


@pytest.mark.parametrize("text", ["", " \n\n \n\n"])
def test_white_space_begins_no_sentence(text: str) -> None:
    assert sentences(text) == []
    assert sentences(f"a.\n\n{text}") == [f"a.\n\n{text}"]


def test_languages_differ_and_unknown_ones_get_the_general_rules() -> None:
    text = "Das gilt ca. Eins bzw. Zwei. Nun."
    assert len(sentences(text, "de")) < len(sentences(text, "qq"))


@pytest.mark.parametrize("code", ["", "English", "EN", "de-AT", "en ", "e"])
def test_what_is_no_language_code_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="language"):
        check_language(code)


@pytest.mark.parametrize("code", ["en", "yue", "pt-br"])
def test_language_codes(code: str) -> None:
    check_language(code)


def test_the_library_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [{"end_index": at + 1, "text": "x"} for at in (3, 0, 3, -1, 99, 5)]
    monkeypatch.setattr(sentencex, "get_sentence_boundaries", lambda language, text: found)
    assert sentence_starts("a" * 5, "en").tolist() == [0, 3]


def test_the_library_is_imported_when_it_is_needed() -> None:
    code = "import sys, components.splitters.sentences as s; s.Sentences(); "
    code += "assert 'sentencex' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
