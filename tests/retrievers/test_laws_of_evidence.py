"""Laws of the evidence for hits, whatever the lists are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.retrievers.evidence import (
    KINDS,
    Asked,
    Lists,
    evidence,
    spreads,
    with_documents,
)
from components.retrievers.hybrid import Hybrid, ordered
from components.retrievers.weights import fitted
from components.values import Chunk, Filter, Hit, Matrix, Query, Span, SparseVector
from tests.retrievers.conftest import DOCUMENTS, ENCODER, SPARSE, Library

_DEPTH = 100
_NAMES = tuple(f"{document}{number}" for document in "abc" for number in range(3))
"""Chunks, after their documents."""

Scores = Mapping[str, float]


def hits(scores: Scores) -> list[Hit]:
    """Best first."""
    return [
        Hit(
            chunk=Chunk(
                id=name, document_id=name[0], version="1", ordinal=0, span=Span(0, 1), text=name
            ),
            score=score,
            chunk_ids=(name,),
        )
        for name, score in sorted(scores.items(), key=lambda each: (-each[1], each[0]))
    ]


def lists(words: Scores, meaning: Scores, of_words: Scores, of_meaning: Scores) -> Lists:
    def best_first(scores: Scores) -> list[tuple[str, float]]:
        return sorted(scores.items(), key=lambda each: (-each[1], each[0]))

    return Lists(hits(words), hits(meaning), best_first(of_words), best_first(of_meaning))


def order(of: Lists, spread: float) -> list[str]:
    """Ids of the hits, as the retriever orders them."""
    found = evidence(of, _DEPTH)
    weights = fitted().of(spread, whole=found.whole)
    return [hit.chunk.id for hit in ordered(found, weights)]


def scored(names: Sequence[str], low: float, high: float) -> st.SearchStrategy[dict[str, float]]:
    numbers = st.integers(0, 40).map(lambda step: low + (high - low) * step / 40)
    return st.dictionaries(st.sampled_from(names), numbers, max_size=len(names))


shares = st.integers(0, 20).map(lambda step: step / 20)
found = st.tuples(
    scored(_NAMES, 0.5, 30.0),
    scored(_NAMES, -0.2, 1.0),
    scored("abc", 0.5, 60.0),
    scored("abc", -0.2, 1.0),
)


@settings(deadline=None, max_examples=40)
@given(found)
def test_every_kind_lies_between_nothing_and_the_best_of_its_list(
    given: tuple[Scores, Scores, Scores, Scores],
) -> None:
    made = evidence(lists(*given), _DEPTH)
    assert made.kinds.shape == (len({*given[0], *given[1]}), len(KINDS))
    assert ((made.kinds >= 0) & (made.kinds <= 1)).all()
    for column, own in ((0, given[0]), (1, given[1])):
        if own:
            assert made.kinds[:, column].max() == 1.0
    assert made.whole == bool(given[2] or given[3])


@settings(deadline=None, max_examples=40)
@given(found, st.integers(0, 3), shares, st.floats(0.1, 10), st.data())
def test_more_of_any_kind_never_puts_a_hit_lower(
    given: tuple[Scores, Scores, Scores, Scores],
    kind: int,
    spread: float,
    more: float,
    data: st.DataObject,
) -> None:
    if not given[kind] or not {*given[0], *given[1]}:
        return
    name = data.draw(st.sampled_from(sorted(given[kind])))
    raised = [dict(each) for each in given]
    raised[kind][name] += more
    before, after = order(lists(*given), spread), order(lists(*raised), spread)
    mine = [each for each in before if each.startswith(name)]
    for each in mine:
        beaten = {other for other in before[before.index(each) :] if other not in mine}
        assert beaten <= {*after[after.index(each) :]}


@settings(deadline=None, max_examples=40)
@given(found, st.floats(0.01, 100), st.floats(0.1, 10), st.floats(-3, 3))
def test_what_scores_are_counted_in_does_not_matter(
    given: tuple[Scores, Scores, Scores, Scores], times: float, wider: float, shift: float
) -> None:
    words, meaning, of_words, of_meaning = given
    other = lists(
        {name: times * score for name, score in words.items()},
        {name: wider * score + shift for name, score in meaning.items()},
        {name: score / times for name, score in of_words.items()},
        {name: score / wider - shift for name, score in of_meaning.items()},
    )
    one, same = evidence(lists(*given), _DEPTH), evidence(other, _DEPTH)
    kinds = dict(zip([hit.chunk.id for hit in same.hits], same.kinds, strict=True))
    for hit, row in zip(one.hits, one.kinds, strict=True):
        assert kinds[hit.chunk.id] == pytest.approx(row, abs=1e-4)


@settings(deadline=None, max_examples=40)
@given(found, shares, st.randoms(use_true_random=False))
def test_equal_hits_are_in_order_of_chunk_id(
    given: tuple[Scores, Scores, Scores, Scores], spread: float, random: Random
) -> None:
    made = evidence(lists(*given), _DEPTH)
    rows = list(range(len(made.hits)))
    random.shuffle(rows)
    weights = fitted().of(spread, whole=made.whole)
    best = ordered(made, weights)
    mixed = replace(made, hits=[made.hits[row] for row in rows], kinds=made.kinds[rows])
    assert ordered(mixed, weights) == best
    for one, other in pairwise(best):
        assert (-one.score, one.chunk.id) < (-other.score, other.chunk.id)


def test_hits_that_lie_deeper_than_what_counts_come_last() -> None:
    words = {"a0": 3.0, "a1": 2.0, "b0": 1.0}
    made = evidence(lists(words, {}, {}, {}), 2)
    assert [hit.chunk.id for hit in made.hits] == ["a0", "a1"]
    assert made.kinds[:, 0].tolist() == pytest.approx([1.0, 2 / 3])
    assert [hit.chunk.id for hit in ordered(made, fitted().chunk)] == ["a0", "a1", "b0"]


class Plain:
    """A reader that knows of chunks alone, as other people's stores do."""

    def __init__(self, library: Library) -> None:
        self._reader = library.reader
        self.edition, self.fields = library.reader.edition, library.reader.fields

    def nearest(self, vectors: Matrix, k: int, filters: Sequence[Filter]) -> list[list[Hit]]:
        return self._reader.nearest(vectors, k, filters)

    def nearest_sparse(
        self, vectors: Sequence[SparseVector], k: int, filters: Sequence[Filter]
    ) -> list[list[Hit]]:
        return self._reader.nearest_sparse(vectors, k, filters)


class Empty(Plain):
    """One of an index that keeps no vectors of whole documents."""

    def nearest_documents(
        self, vectors: Matrix, k: int, filters: Sequence[Filter]
    ) -> list[list[tuple[str, float]]]:
        return [[] for _ in filters]

    def nearest_documents_sparse(
        self, vectors: Sequence[SparseVector], k: int, filters: Sequence[Filter]
    ) -> list[list[tuple[str, float]]]:
        return [[] for _ in filters]


class TestReaders:
    @pytest.mark.parametrize("fusion", ["auto", "convex"])
    def test_one_without_documents_is_an_index_without_them(
        self, library: Library, queries: list[Query], fusion: str
    ) -> None:
        def asked(reader: object) -> list[list[Hit]]:
            made = Hybrid(
                fusion=fusion,  # type: ignore[arg-type]
                encoder=ENCODER,
                sparse=SPARSE,
                reader=reader,  # type: ignore[arg-type]
            )
            return made.retrieve(queries, 10).hits

        assert asked(Plain(library)) == asked(Empty(library))
        assert asked(Plain(library)) != asked(library.reader)

    @settings(deadline=None, max_examples=25)
    @given(
        st.lists(
            st.sampled_from(sorted({*" ".join(each.text for each in DOCUMENTS.values()).split()})),
            min_size=1,
            max_size=8,
        )
    )
    def test_a_spread_is_a_share(self, library: Library, words: list[str]) -> None:
        assert 0.0 <= spread(library, " ".join(words)) <= 1.0

    @pytest.mark.parametrize("text", ["", "zzz yyy", "the of and", "?!"])
    def test_a_question_without_words_that_are_there_is_the_chunks(
        self, library: Library, text: str
    ) -> None:
        assert spread(library, text) == 1.0


def spread(library: Library, text: str) -> float:
    asked = Asked(ENCODER.encode_queries([text]), SPARSE.encode_queries([text]), [{}])
    found = with_documents(library.reader, asked, _DEPTH, _DEPTH)
    (told,) = spreads(library.reader, SPARSE, asked.sparse, found)
    return told
