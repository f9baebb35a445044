"""Numbered passages for a model, and the citations in its answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.answerers.passages import citations, passages
from components.values import Chunk, Hit, Span


def hit(number: int, text: str = "Some text.", **more: Any) -> Hit:
    chunk = Chunk(
        id=f"c{number}", document_id=f"d{number}", version="1", ordinal=number,
        span=Span(number, number + len(text)), text=text, **more,
    )  # fmt: skip
    return Hit(chunk=chunk, score=1.0, chunk_ids=(chunk.id,))


HITS = [hit(number) for number in range(1, 8)]


def cited(answer: str) -> list[str]:
    return [each.chunk_id for each in citations(answer, HITS)]


def test_each_has_its_number_and_where_it_is_from() -> None:
    hits = [
        hit(1, " First.\n", title="A\n report", page=0),
        hit(2, "Second.", page=4, last_page=4),
        hit(3, "Third.", title="Notes", page=9, last_page=10),
        hit(4, "Fourth."),
    ]
    assert passages(hits, None).text == (
        "[1] A report, page 1\nFirst.\n\n"
        "[2] d2, page 5\nSecond.\n\n"
        "[3] Notes, pages 10-11\nThird.\n\n"
        "[4] d4\nFourth."
    )


def test_without_hits_there_is_no_text() -> None:
    for characters in (None, 1):
        assert passages([], characters).text == ""
        assert passages([], characters).read == ()


@given(
    st.lists(st.text(max_size=30), min_size=1, max_size=8), st.integers(min_value=1, max_value=200)
)
def test_whole_passages_the_best_first_as_many_as_fit(texts: list[str], characters: int) -> None:
    hits = [hit(at, text) for at, text in enumerate(texts)]
    made = passages(hits, characters)
    assert [*made.read, *made.left_out] == hits
    assert made.chunk_ids == tuple(each.chunk.id for each in made.read)
    assert len(made.read) >= 1
    assert len(made.read) == 1 or len(made.text) <= characters
    if made.left_out:
        one_more = passages(hits[: len(made.read) + 1], None)
        assert len(one_more.text) > characters


def test_exactly_fitting() -> None:
    length = len(passages(HITS[:3], None).text)
    assert len(passages(HITS, length).read) == 3
    assert len(passages(HITS, length - 1).read) == 2


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Three months [1].", ["c1"]),
        ("[2, 3]", ["c2", "c3"]),
        ("[2; 3]", ["c2", "c3"]),
        ("[1][4]", ["c1", "c4"]),
        ("[1-3]", ["c1", "c2", "c3"]),
        ("[1–3]", ["c1", "c2", "c3"]),
        ("[ 1 , 3 - 4 ]", ["c1", "c3", "c4"]),
        ("[3] and [1], again [3] and [1, 2]", ["c3", "c1", "c2"]),
        ("[0] [8] [99] [-1]", []),
        ("[6-999999]", ["c6", "c7"]),
        ("[3-1]", []),
        ("[99999999999999999999] [1]", ["c1"]),
        ("[1-99999999999999999999]", []),
        ("[1.5] [a] [] [1 2] [note 1] (1) 1", []),
        ("[2018] was [7] better", ["c7"]),
        ("[[1]]", ["c1"]),
        ("[" + "9" * 5000 + "]", []),
        ("", []),
    ],
)
def test_citations(answer: str, expected: list[str]) -> None:
    assert cited(answer) == expected


def test_a_citation_says_where() -> None:
    (found,) = citations("[1]", [hit(3, "abc", page=2, last_page=3)])
    assert (found.chunk_id, found.document_id, found.span) == ("c3", "d3", Span(3, 6))
    assert (found.page, found.last_page) == (2, 3)


@given(st.text(alphabet="[]0123456789,-;– x", max_size=60))
def test_any_text_gives_citations_that_are_there_each_once(answer: str) -> None:
    found = cited(answer)
    assert len(found) == len(set(found))
    assert set(found) <= {each.chunk.id for each in HITS}
