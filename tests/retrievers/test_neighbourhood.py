from __future__ import annotations

from typing import Any

import pytest

from components.corpus.encode import pages_of
from components.retrievers.dense import Dense
from components.retrievers.neighbourhood import Neighbourhood
from components.values import Filter, Hit, Query, Ranked
from tests.retrievers.conftest import ENCODER, Library

Chosen = tuple[str, int]
"""A sentence: document id and position."""


def passages(
    library: Library, *sentences: Chosen, k: int = 1, wanted: Filter | None = None, **options: Any
) -> list[Hit]:
    """What is found where the nearest sentences are these: the question is made of their words."""
    chunks = [library.chunks[name][ordinal] for name, ordinal in sentences]
    query = Query(text=" ".join(chunk.text for chunk in chunks), filter=wanted or {})
    (nearest,) = Dense(encoder=ENCODER, reader=library.reader).retrieve([query], len(chunks)).hits
    assert {hit.chunk.id for hit in nearest} == {chunk.id for chunk in chunks}, "other sentences"
    retriever = Neighbourhood(
        encoder=ENCODER, reader=library.reader, **{"depth": len(chunks), **options}
    )
    (found,) = retriever.retrieve([query], k).hits
    return found


def dense(library: Library, queries: list[Query], depth: int) -> Ranked:
    return Dense(encoder=ENCODER, reader=library.reader).retrieve(queries, depth)


@pytest.mark.parametrize(("before", "after"), [(1, 1), (0, 0), (2, 0), (0, 3), (50, 50)])
class TestEveryPassage:
    @pytest.fixture
    def found(
        self, library: Library, queries: list[Query], before: int, after: int
    ) -> list[list[Hit]]:
        retriever = Neighbourhood(
            depth=6, before=before, after=after, encoder=ENCODER, reader=library.reader
        )
        return retriever.retrieve(queries, 6).hits

    def test_text_is_exactly_the_document_s(self, found: list[list[Hit]], library: Library) -> None:
        for hits in found:
            for hit in hits:
                span = hit.chunk.span
                assert hit.chunk.text == library.document(hit.chunk).text[span.start : span.end]

    def test_chunks_are_consecutive_and_in_order(
        self, found: list[list[Hit]], library: Library
    ) -> None:
        for hits in found:
            for hit in hits:
                own = library.chunks[hit.chunk.document_id]
                (first,) = (at for at, chunk in enumerate(own) if chunk.id == hit.chunk_ids[0])
                members = own[first : first + len(hit.chunk_ids)]
                assert hit.chunk_ids == tuple(chunk.id for chunk in members)
                assert hit.chunk.span.start == members[0].span.start
                assert hit.chunk.span.end == members[-1].span.end

    def test_pages_are_those_of_the_first_and_last_character(
        self, found: list[list[Hit]], library: Library
    ) -> None:
        for hits in found:
            for hit in hits:
                pages = pages_of(library.document(hit.chunk), hit.chunk.span)
                assert (hit.chunk.page, hit.chunk.last_page) == pages

    def test_id_and_score_are_the_best_member_s(
        self, found: list[list[Hit]], library: Library, queries: list[Query]
    ) -> None:
        for hits, nearest in zip(found, dense(library, queries, 6).hits, strict=True):
            for hit in hits:
                best = next(each for each in nearest if each.chunk.id in hit.chunk_ids)
                assert hit.chunk.id == best.chunk.id
                assert hit.chunk.ordinal == best.chunk.ordinal
                assert hit.score == pytest.approx(best.score, abs=1e-6)

    def test_every_sentence_found_is_in_one_passage_with_its_neighbours(
        self,
        found: list[list[Hit]],
        library: Library,
        queries: list[Query],
        before: int,
        after: int,
    ) -> None:
        for hits, nearest, query in zip(
            found, dense(library, queries, 6).hits, queries, strict=True
        ):
            if query.filter:
                continue
            assert len(nearest) == 6
            for each in nearest:
                (passage,) = (hit for hit in hits if each.chunk.id in hit.chunk_ids)
                own = library.chunks[each.chunk.document_id]
                if each.chunk.document_id != "gapped":
                    around = own[max(0, each.chunk.ordinal - before) :][
                        : min(before, each.chunk.ordinal) + 1 + after
                    ]
                    assert {chunk.id for chunk in around} <= set(passage.chunk_ids)


class TestWidening:
    def test_neighbours_on_both_sides(self, library: Library) -> None:
        (hit,) = passages(library, ("birds", 2), before=1, after=2)
        assert hit.chunk_ids == library.ids("birds", 1, 2, 3, 4)
        assert hit.chunk.id == library.ids("birds", 2)[0]
        assert hit.chunk.text == (
            "An owl hunts mice. The kingfisher dives. A wren sings. Swallows fly south."
        )

    @pytest.mark.parametrize(("ordinal", "members"), [(0, (0, 1)), (4, (3, 4))])
    def test_the_document_s_edges(
        self, library: Library, ordinal: int, members: tuple[int, ...]
    ) -> None:
        (hit,) = passages(library, ("birds", ordinal), before=1, after=1)
        assert hit.chunk_ids == library.ids("birds", *members)

    def test_none(self, library: Library) -> None:
        (hit,) = passages(library, ("birds", 1), before=0, after=0)
        assert hit.chunk == library.chunks["birds"][1]
        assert hit.chunk_ids == library.ids("birds", 1)

    def test_one_side_only(self, library: Library) -> None:
        (hit,) = passages(library, ("birds", 2), before=2, after=0)
        assert hit.chunk_ids == library.ids("birds", 0, 1, 2)
        (hit,) = passages(library, ("birds", 2), before=0, after=1)
        assert hit.chunk_ids == library.ids("birds", 2, 3)

    def test_text_in_no_chunk_is_not_bridged(self, library: Library) -> None:
        (hit,) = passages(library, ("gapped", 1), before=3, after=3)
        assert hit.chunk_ids == library.ids("gapped", 1, 2, 3)
        assert "figure" not in hit.chunk.text
        (hit,) = passages(library, ("gapped", 0), before=3, after=3)
        assert hit.chunk.text == "Salmon leap. "


class TestMerging:
    def test_overlapping_passages_are_one(self, library: Library) -> None:
        found = passages(library, ("birds", 1), ("birds", 3), k=2, before=1, after=1)
        assert [hit.chunk_ids for hit in found] == [library.ids("birds", 0, 1, 2, 3, 4)]
        assert found[0].chunk.text == library.document(found[0].chunk).text

    @pytest.mark.parametrize(
        ("one", "other", "width", "members"), [(1, 2, 0, (1, 2)), (0, 3, 1, (0, 1, 2, 3, 4))]
    )
    def test_touching_passages_are_one(
        self, library: Library, one: int, other: int, width: int, members: tuple[int, ...]
    ) -> None:
        sentences = ("birds", one), ("birds", other)
        found = passages(library, *sentences, k=2, before=width, after=width)
        assert [hit.chunk_ids for hit in found] == [library.ids("birds", *members)]

    def test_passages_apart_stay_apart(self, library: Library) -> None:
        found = passages(library, ("birds", 0), ("birds", 4), k=2, before=1, after=1)
        assert sorted(hit.chunk_ids for hit in found) == sorted(
            [library.ids("birds", 0, 1), library.ids("birds", 3, 4)]
        )

    def test_both_sides_of_a_gap_stay_apart(self, library: Library) -> None:
        found = passages(library, ("gapped", 0), ("gapped", 1), k=2, before=1, after=1)
        assert sorted(hit.chunk_ids for hit in found) == sorted(
            [library.ids("gapped", 0), library.ids("gapped", 1, 2)]
        )

    def test_documents_stay_apart(self, library: Library) -> None:
        found = passages(library, ("twin-1", 0), ("twin-2", 0), k=2, before=1, after=1)
        assert sorted(hit.chunk_ids for hit in found) == sorted(
            [library.ids("twin-1", 0, 1), library.ids("twin-2", 0, 1)]
        )
        assert [hit.chunk.id for hit in found] == sorted(hit.chunk.id for hit in found)


class TestPages:
    def test_a_passage_across_pages(self, library: Library) -> None:
        (hit,) = passages(library, ("mill-1", 4), before=1, after=0)
        assert (hit.chunk.page, hit.chunk.last_page) == (0, 1)

    def test_a_passage_that_ends_in_a_chunk_across_pages(self, library: Library) -> None:
        last = library.chunks["mill-1"][8]
        assert (last.page, last.last_page) == (1, 2)
        (hit,) = passages(library, ("mill-1", 6), before=0, after=2)
        assert hit.chunk_ids[-1] == last.id
        assert (hit.chunk.page, hit.chunk.last_page) == (1, 2)

    def test_a_filter_on_pages_holds_for_neighbours(self, library: Library) -> None:
        (hit,) = passages(library, ("mill-1", 4), before=1, after=1, wanted={"page": [1]})
        assert hit.chunk_ids == library.ids("mill-1", 4, 5)

    def test_a_filter_on_documents_leaves_neighbours_in(self, library: Library) -> None:
        wanted: Filter = {"document_id": ["birds"], "source": ["guide"]}
        (hit,) = passages(library, ("birds", 2), before=1, after=1, wanted=wanted)
        assert hit.chunk_ids == library.ids("birds", 1, 2, 3)


def test_k_counts_passages_not_sentences(library: Library, queries: list[Query]) -> None:
    retriever = Neighbourhood(depth=50, encoder=ENCODER, reader=library.reader)
    for hits in retriever.retrieve(queries[:2], 3).hits:
        assert len(hits) == 3
        assert sum(len(hit.chunk_ids) for hit in hits) > 3


def test_query_vectors_are_handed_on(library: Library, queries: list[Query]) -> None:
    retriever = Neighbourhood(encoder=ENCODER, reader=library.reader)
    vectors = retriever.retrieve(queries, 3).query_vectors
    expected = dense(library, queries, 1).query_vectors
    assert vectors is not None
    assert expected is not None
    assert (vectors == expected).all()
