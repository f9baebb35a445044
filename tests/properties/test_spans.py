"""The laws of splitting hold for any text, any pages and any kind of tokenizer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.splitters.pages import Pages
from components.splitters.sentence import Sentence
from components.splitters.sentences import Sentences
from components.splitters.tokens import Tokens
from components.splitters.whole import Whole
from components.stages import Splitter
from components.values import Document
from tests.contracts.splitter import TOKENIZERS, check_laws

ODD = [
    "😀",
    "👩\u200d👧",
    "e\u0301",
    "\u200b",
    "\u2028",
    "\u3000",
    "\r\n",
    "\n\n",
    "\f",
    "ﷺ",
    "ſ",
    "中",
]
PLAIN = ["a", "Zz", "word", "Dr. ", ". ", "! ", "A\xa0.", "1.5", " ", "   ", " " * 40, "x" * 150]

texts = st.lists(
    st.one_of(
        st.sampled_from(ODD), st.sampled_from(PLAIN), st.characters(exclude_categories=["Cs"])
    ),
    max_size=60,
).map("".join)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(texts)
    starts = draw(st.sets(st.integers(0, len(text)), max_size=6))
    return Document(id="d", text=text, page_starts=tuple(sorted(starts)))


def splitters(limit: int, across: bool) -> list[tuple[Splitter, bool, bool]]:
    """Each with whether it tiles, and whether it breaks at page starts."""
    return [
        (Tokens(max_tokens=limit, across_pages=across), True, not across),
        (Sentences(max_tokens=limit, across_pages=across), True, not across),
        (Sentence(max_tokens=limit, across_pages=across), True, not across),
        (Pages(max_tokens=limit), True, True),
        (Pages(), True, True),
        (Whole(max_tokens=limit, overflow="truncate"), False, False),
        (Whole(max_tokens=100_000), True, False),
    ]


@pytest.mark.parametrize("kind", TOKENIZERS)
@settings(max_examples=150, deadline=None)
@given(document=documents(), limit=st.integers(1, 20), across=st.booleans())
def test_laws(kind: str, document: Document, limit: int, across: bool) -> None:
    tokenizer = TOKENIZERS[kind]()
    for splitter, tiles, pages in splitters(limit, across):
        check_laws(splitter, document, tokenizer, tiles, pages)
