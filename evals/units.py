"""From hits on chunks to a ranking of what is judged: documents, pages, or spans of evidence.

A hit stands for units: its document; every page it has text on, in that order; or the evidence of
its question that it shows. A unit takes its rank from its best hit, so a hit with two pages takes
two ranks, and later hits of the same units take none.

A hit shows a span of evidence where their overlap is at least half of the shorter of the two. For
evidence shorter than the hit: half of the evidence is in it. For longer evidence, such as a
discussion of thousands of characters: half of the hit is evidence; demanding half of the evidence
would say that short chunks find nothing. How much of it was found is told by `coverage`. A hit that
shows no evidence is a unit of its own, so it takes a rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, groupby

from components.values import Hit, Query
from evals.datasets.judged import Evidence, Judged
from evals.pages import pages

Ask = Callable[[Sequence[Query], int], Sequence[Sequence[Hit]]]
"""Queries and how many hits are wanted of each; answers in the order of the queries."""
Units = Callable[[Query, Hit], Iterable[str]]
"""Ids of the units that a hit stands for, in the order of their ranks; none: it is ignored."""
SHOWN = 0.5
"""Share of the shorter of hit and evidence that must overlap."""
_Span = tuple[int, int]
_FETCHED = (1, 2, 5, 10)
"""How many times k hits are fetched, until k units are among them."""


def units_of(data: Judged) -> Units:
    """What the judgements of a data set are about."""
    if data.unit == "document":
        return lambda _, hit: (hit.chunk.document_id,)
    if data.unit == "page":
        return lambda _, hit: pages(hit)
    return lambda query, hit: _shown(hit, data.evidence.get(query.id, ()))


def rank(ask: Ask, queries: Sequence[Query], k: int, units: Units) -> dict[str, list[str]]:
    """Units by query id, best first, at most k; fewer only where 10 k hits hold no more."""
    ranked: dict[str, list[str]] = {query.id: [] for query in queries}
    short = list(queries)
    for times in _FETCHED:
        answers = ask(short, times * k) if short else ()
        more = []
        for query, hits in zip(short, answers, strict=True):
            ranked[query.id] = first(query, hits, units)[:k]
            if len(ranked[query.id]) < k and len(hits) >= times * k:
                more.append(query)
        short = more
    return ranked


def first(query: Query, hits: Iterable[Hit], units: Units) -> list[str]:
    """Units of hits, best first, each once."""
    return list(dict.fromkeys(unit for hit in _best(hits) for unit in units(query, hit)))


def coverage(
    hits: Iterable[Hit], evidence: Sequence[Evidence], budget: int, count: Callable[[str], int]
) -> float:
    """Share of the evidence's characters that the best hits hold within `budget` tokens.

    Hits are taken, best first, as long as the sum of `count(text)` is at most the budget; text that
    two of them hold is paid twice and covers once. Raises ValueError without evidence.
    """
    if not evidence:
        raise ValueError("no evidence to cover")
    wanted = _merged((each.document_id, each.start, each.end) for each in evidence)
    best = _best(hits)
    spent = accumulate(count(hit.chunk.text) for hit in best)
    taken = [hit.chunk for hit, tokens in zip(best, spent, strict=True) if tokens <= budget]
    held = _merged((each.document_id, each.span.start, each.span.end) for each in taken)
    whole = sum(end - start for spans in wanted.values() for start, end in spans)
    return sum(_common(spans, held.get(id, ())) for id, spans in wanted.items()) / whole


def _best(hits: Iterable[Hit]) -> list[Hit]:
    """In the order given, except that neighbours of one score are in the order of chunk ids."""
    ties = groupby(hits, key=lambda hit: hit.score)
    return [hit for _, tie in ties for hit in sorted(tie, key=lambda hit: hit.chunk.id)]


def _shown(hit: Hit, evidence: Sequence[Evidence]) -> list[str]:
    id, span = hit.chunk.document_id, hit.chunk.span
    own = (span.start, span.end)
    shown = [
        each.id
        for each in evidence
        if each.document_id == id
        and _common([own], [(each.start, each.end)])
        >= SHOWN * min(span.end - span.start, each.end - each.start)
    ]
    return shown or [Evidence(id, *own).id]


def _merged(spans: Iterable[tuple[str, int, int]]) -> dict[str, list[_Span]]:
    """By document, ascending and apart from each other."""
    found: dict[str, list[_Span]] = {}
    for id, start, end in sorted(spans):
        own = found.setdefault(id, [])
        if own and start <= own[-1][1]:
            own[-1] = (own[-1][0], max(end, own[-1][1]))
        else:
            own.append((start, end))
    return found


def _common(some: Iterable[_Span], others: Sequence[_Span]) -> int:
    """Characters in both."""
    return sum(max(0, min(b, d) - max(a, c)) for a, b in some for c, d in others)
