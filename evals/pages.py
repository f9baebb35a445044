"""From hits on chunks to a ranking of pages.

A hit counts for every page that it has text on, from its first page to its last, in that order:
a passage across two pages takes two ranks. The best hit of a page counts, the others are ignored.
Chunks of a splitter that breaks at pages have one page each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from components.values import Hit, Query

Ask = Callable[[Sequence[Query], int], Sequence[Sequence[Hit]]]
"""Queries and how many hits are wanted of each; answers in the order of the queries."""
_FETCHED = (1, 2, 5, 10)
"""How many times k hits are fetched, until k pages are among them."""


def page_id(document_id: str, page: int) -> str:
    """Pages count from 0."""
    return f"{document_id}#{page}"


def pages_of(hits: Sequence[Hit]) -> list[str]:
    """Ids of the pages of hits, best first, each once. Hits without a page are left out."""
    return list(dict.fromkeys(page for hit in hits for page in _pages(hit)))


def rank_pages(ask: Ask, queries: Sequence[Query], k: int) -> dict[str, list[str]]:
    """Pages by query id, best first, at most k; fewer only where 10 k hits hold no more."""
    ranked: dict[str, list[str]] = {query.id: [] for query in queries}
    for times in _FETCHED:
        short = [query for query in queries if len(ranked[query.id]) < k]
        answers = ask(short, times * k) if short else ()
        for query, hits in zip(short, answers, strict=True):
            ranked[query.id] = pages_of(hits)[:k]
    return ranked


def _pages(hit: Hit) -> Iterator[str]:
    first, last = hit.chunk.page, hit.chunk.last_page
    if first is not None:
        for page in range(first, max(first, last if last is not None else first) + 1):
            yield page_id(hit.chunk.document_id, page)
