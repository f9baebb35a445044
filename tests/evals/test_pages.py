from __future__ import annotations

from collections.abc import Sequence

from components.values import Chunk, Hit, Query, Span
from evals.pages import pages_of, rank_pages


def hit(document: str, page: int | None, last: int | None = None) -> Hit:
    chunk = Chunk(
        id=f"{document}{page}", document_id=document, version="", ordinal=0, span=Span(0, 1),
        text="x", page=page, last_page=page if last is None else last,
    )  # fmt: skip
    return Hit(chunk=chunk, score=1.0, chunk_ids=(chunk.id,))


def test_the_best_hit_of_a_page_counts() -> None:
    hits = [hit("a", 3), hit("b", 0), hit("a", 3), hit("a", 1), hit("b", 0)]
    assert pages_of(hits) == ["a#3", "b#0", "a#1"]


def test_a_passage_counts_for_every_page_it_is_on() -> None:
    assert pages_of([hit("a", 2, 4), hit("a", 1, 2)]) == ["a#2", "a#3", "a#4", "a#1"]


def test_hits_without_pages_are_left_out() -> None:
    assert pages_of([hit("a", None), hit("b", 0)]) == ["b#0"]


def test_more_hits_are_fetched_only_for_those_that_lack_pages() -> None:
    asked: list[tuple[list[str], int]] = []
    hits = {
        "wide": [hit("a", page) for page in range(100)],
        "narrow": [hit("b", page // 7) for page in range(100)],
        "one": [hit("c", 0)] * 100,
    }

    def ask(queries: Sequence[Query], k: int) -> list[list[Hit]]:
        asked.append(([query.id for query in queries], k))
        return [hits[query.id][:k] for query in queries]

    queries = [Query(id=id, text=id) for id in ("one", "wide", "narrow")]
    ranked = rank_pages(ask, queries, 4)
    assert list(ranked) == ["one", "wide", "narrow"]
    assert ranked["wide"] == ["a#0", "a#1", "a#2", "a#3"]
    assert ranked["narrow"] == ["b#0", "b#1", "b#2", "b#3"]
    assert ranked["one"] == ["c#0"]
    assert asked == [
        (["one", "wide", "narrow"], 4),
        (["one", "narrow"], 8),
        (["one", "narrow"], 20),
        (["one", "narrow"], 40),
    ]
