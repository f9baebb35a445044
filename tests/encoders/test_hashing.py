from __future__ import annotations

import numpy as np
import pytest

from components.encoders.hashing import Hashing
from components.errors import BadOption
from components.registry import build, resolve
from components.values import Document, Span
from tests.test_writing import ALIKE


def test_shared_words_make_texts_near() -> None:
    query, near, far = Hashing().encode_queries(
        ["the mill wheel", "a wheel of the mill", "birds sing in trees"]
    )
    assert query @ near > 0.5
    assert query @ far < 0.3


def test_neither_case_nor_white_space_nor_order_matters() -> None:
    one, other = Hashing().encode_queries(["Mill   wheel\n", "WHEEL mill"])
    np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("forms", ALIKE.values(), ids=ALIKE)
def test_how_a_word_is_typed_does_not_matter(forms: tuple[str, ...]) -> None:
    one, *others = Hashing().encode_queries([f"mill {form} wheel" for form in forms])
    for other in others:
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_mark_or_an_unseen_character_parts_no_word() -> None:
    text = "Ku\u0308ndigungs\u00adfrist हिन्दी\u200b می\u200cخواهم"
    assert len(Hashing().tokenizer.tokens(text)) == 3


def test_repeated_words_count_more() -> None:
    mill, once, often = Hashing().encode_queries(["mill", "mill wheel", "mill mill mill wheel"])
    assert mill @ often > mill @ once > 0.5


def test_a_text_without_words_has_a_direction() -> None:
    rows = Hashing(width=8).encode_queries(["", " \n"])
    np.testing.assert_allclose(rows, np.eye(8)[[0, 0]], atol=1e-6)


def test_words_that_cancel_out_leave_a_direction() -> None:
    words = [f"w{number}" for number in range(60)]
    rows = Hashing(width=1).encode_queries([f"{one} {other}" for one in words for other in words])
    np.testing.assert_allclose(np.abs(rows), 1.0, atol=1e-6)


def test_width_is_an_option() -> None:
    assert Hashing(width=3).encode_queries(["a", "b"]).shape == (2, 3)
    assert Hashing(width=3).width == 3


def test_a_span_is_encoded_as_its_text() -> None:
    document = Document(id="d", text="The mill. The wheel.", title="Water")
    spans = [Span(0, 10), Span(10, 20)]
    (plain,) = Hashing().encode_documents([document], [spans])
    np.testing.assert_array_equal(
        plain.vectors, Hashing().encode_queries(["The mill. ", "The wheel."])
    )
    (titled,) = Hashing(header="{title}").encode_documents([document], [spans])
    np.testing.assert_array_equal(
        titled.vectors, Hashing().encode_queries(["Water\nThe mill. ", "Water\nThe wheel."])
    )


def test_a_long_document_comes_in_several_blocks() -> None:
    document = Document(id="d", text="a " * 5000)
    spans = [Span(at, at + 2) for at in range(0, 10_000, 2)]
    blocks = list(Hashing(width=4).encode_documents([document], [spans]))
    assert len(blocks) > 1
    assert [block.first for block in blocks] == [
        sum(len(each.vectors) for each in blocks[:at]) for at in range(len(blocks))
    ]
    assert sum(len(block.vectors) for block in blocks) == 5000


@pytest.mark.parametrize("options", [{"width": 0}, {"header": "{title!r}"}, {"header": "{"}])
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(BadOption):
        build("encoder", resolve("encoder", "hashing", options))
