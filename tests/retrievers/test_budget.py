"""A budget of tokens over the passages of the retriever `neighbourhood`."""

from __future__ import annotations

from typing import Any

import pytest

from components.corpus.encode import pages_of
from components.errors import BadOption
from components.registry import build, resolve
from components.retrievers.neighbourhood import Neighbourhood
from components.values import Chunk, Hit, Query
from tests.retrievers.conftest import ENCODER, Library


def tokens(text: str) -> int:
    return len(ENCODER.tokenizer.tokens(text))


def found(library: Library, query: Query, budget: int | None, **options: Any) -> list[Hit]:
    retriever = Neighbourhood(
        encoder=ENCODER,
        reader=library.reader,
        budget=budget,
        **{"depth": 8, "before": 1, "after": 2, **options},
    )
    (hits,) = retriever.retrieve([query], 6).hits
    return hits


@pytest.mark.parametrize("before", [0, 3])
class TestEveryBudget:
    def test_passages_are_those_without_it_until_it_is_used(
        self, library: Library, queries: list[Query], before: int
    ) -> None:
        cuts = 0
        for query in queries:
            whole = found(library, query, None, before=before)
            most = sum(tokens(hit.chunk.text) for hit in whole)
            for budget in (*range(1, most, 5), most):
                hits = found(library, query, budget, before=before)
                assert hits, "nothing is left"
                *full, last = hits
                assert full == whole[: len(full)]
                assert last.chunk.id == whole[len(full)].chunk.id
                assert last.score == whole[len(full)].score
                cuts += last != whole[len(full)]
                used = sum(tokens(hit.chunk.text) for hit in hits)
                assert used <= budget or (not full and len(last.chunk_ids) == 1)
            assert hits == whole
        assert cuts > 10

    def test_spans_and_pages_are_exact(
        self, library: Library, queries: list[Query], before: int
    ) -> None:
        for query in queries:
            for budget in (5, 12, 19, 33, 47):
                for hit in found(library, query, budget, before=before):
                    document, span = library.document(hit.chunk), hit.chunk.span
                    assert hit.chunk.text == document.text[span.start : span.end]
                    assert (hit.chunk.page, hit.chunk.last_page) == pages_of(document, span)
                    members = self.members(library, hit)
                    assert [each.id for each in members] == list(hit.chunk_ids)
                    assert (members[0].span.start, members[-1].span.end) == (span.start, span.end)

    def members(self, library: Library, hit: Hit) -> list[Chunk]:
        span = hit.chunk.span
        return [
            chunk
            for chunk in library.chunks[hit.chunk.document_id]
            if span.start <= chunk.span.start and chunk.span.end <= span.end
        ]

    def test_no_neighbour_that_would_fit_is_left_out(
        self, library: Library, queries: list[Query], before: int
    ) -> None:
        for query in queries:
            whole = found(library, query, None, before=before)
            for budget in range(1, tokens(whole[0].chunk.text)):
                (hit,) = found(library, query, budget, before=before)
                own = library.chunks[hit.chunk.document_id]
                ids = [chunk.id for chunk in own]
                first, last = ids.index(hit.chunk_ids[0]), ids.index(hit.chunk_ids[-1])
                for start, end in ((first - 1, last), (first, last + 1)):
                    offered = {ids[each] for each in (start, end) if 0 <= each < len(ids)}
                    if len(offered) == 2 and offered <= set(whole[0].chunk_ids):
                        text = "".join(each.text for each in own[start : end + 1])
                        assert tokens(text) > budget


class TestCut:
    @pytest.mark.parametrize(
        ("budget", "members"),
        [
            (1, (2,)),
            (7, (2,)),
            (8, (2, 3)),
            (9, (1, 2)),
            (13, (1, 2, 3)),
            (17, (0, 1, 2, 3)),
            (21, (0, 1, 2, 3, 4)),
        ],
    )
    def test_neighbours_before_and_after_in_turn(
        self, library: Library, budget: int, members: tuple[int, ...]
    ) -> None:
        query = Query(text="The kingfisher dives.", filter={"document_id": ["birds"]})
        lengths = [tokens(each.text) for each in library.chunks["birds"]]
        assert lengths == [4, 5, 4, 4, 4]
        (hit,) = found(library, query, budget, depth=1, before=2, after=2)
        assert hit.chunk_ids == library.ids("birds", *members)
        assert hit.chunk.id == library.ids("birds", 2)[0]


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(BadOption):
        build("retriever", resolve("retriever", "neighbourhood", {"budget": 0}))
