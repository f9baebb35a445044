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

from components.text.normal_form import canonical
from components.values import Hit, Query
from evals.datasets.judged import Evidence, Judged
from evals.pages import pages

Ask = Callable[[Sequence[Query], int], Sequence[Sequence[Hit]]]
"""Queries and how many hits are wanted of each; answers in the order of the queries."""
Units = Callable[[Query, Hit], Iterable[str]]
"""Ids of the units that a hit stands for, in the order of their ranks; none: it is ignored."""
Enough = Callable[[Query, Sequence[Hit]], bool]
"""Whether more hits of a query are of no use."""
_SHOWN = 0.5
"""Share of the shorter of hit and evidence that must overlap."""
_Span = tuple[int, int]
_FETCHED = (1, 2, 5, 10, 30, 100)
"""How many times k hits are fetched, until there are enough."""


def units_of(data: Judged) -> Units:
    """What the judgements of a data set are about."""
    if data.unit == "document":
        return lambda _, hit: (canonical(hit.chunk.document_id),)
    if data.unit == "page":
        return lambda _, hit: pages(hit)
    return lambda query, hit: _shown(hit, data.evidence.get(query.id, ()))


def gather(ask: Ask, queries: Sequence[Query], k: int, enough: Enough) -> dict[str, list[Hit]]:
    """Hits by query id, best first: k of them, and more behind them until there are enough.

    What was found first stays first: a deeper search may rank anew, and nobody who asks for k sees
    that. Ends where the index has no more, or at 100 k hits.
    """
    found: dict[str, list[Hit]] = {query.id: [] for query in queries}
    short = list(queries)
    for times in _FETCHED:
        answers = ask(short, times * k) if short else ()
        more = []
        for query, hits in zip(short, answers, strict=True):
            own = found[query.id]
            known = {hit.chunk.id for hit in own}
            own += [hit for hit in hits if hit.chunk.id not in known]
            if len(hits) >= times * k and not enough(query, own):
                more.append(query)
        short = more
    return found


def scored(query: Query, hits: Iterable[Hit], units: Units) -> dict[str, float]:
    """Units of hits, best first, with the score of the hit that each has its rank from. Hits of one
    score are in falling order of their units' ids, as trec_eval breaks ties.
    """
    found: dict[str, float] = {}
    for score, tie in groupby(hits, key=lambda hit: hit.score):
        for own in sorted((list(units(query, hit)) for hit in tie), reverse=True):
            for unit in own:
                found.setdefault(unit, score)
    return found


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
    held = _merged((canonical(each.document_id), each.span.start, each.span.end) for each in taken)
    whole = sum(end - start for spans in wanted.values() for start, end in spans)
    return sum(_common(spans, held.get(id, ())) for id, spans in wanted.items()) / whole


def shows(text: Evidence, evidence: Evidence) -> bool:
    """Whether a hit's span of text shows the evidence."""
    spans = [(each.start, each.end) for each in (text, evidence)]
    shorter = min(end - start for start, end in spans)
    common = _common(spans[:1], spans[1:])
    return text.document_id == evidence.document_id and common >= _SHOWN * shorter


def _best(hits: Iterable[Hit]) -> list[Hit]:
    """In the order given, except that neighbours of one score are in the order of chunk ids."""
    ties = groupby(hits, key=lambda hit: hit.score)
    return [hit for _, tie in ties for hit in sorted(tie, key=lambda hit: hit.chunk.id)]


def _shown(hit: Hit, evidence: Sequence[Evidence]) -> list[str]:
    document_id = canonical(hit.chunk.document_id)
    own = Evidence(document_id, hit.chunk.span.start, hit.chunk.span.end)
    return [each.id for each in evidence if shows(own, each)] or [own.id]


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
