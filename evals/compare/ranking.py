"""Questions as they are put to a system, and what it answers."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from components.encoders.naive import Naive
from components.values import Hit, Query
from evals.datasets.judged import Evidence, Judged
from evals.experiment.namesakes import Namesake, counting, namesakes
from evals.experiment.systems import System
from evals.units import Ask, coverage, gather, scored, units_of

_BATCH = 32
_TEXT = 300
"""Characters of a hit that are kept for a person to read."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A hit, as much of it as is kept."""

    chunk_id: str
    document_id: str
    start: int
    end: int
    page: int | None
    last_page: int | None
    score: float
    text: str
    """The beginning."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a system answers to one question."""

    units: tuple[str, ...]
    """Ids of what is judged, best first."""
    scores: tuple[float, ...]
    """Of each, as retriever or reranker gave them; not always falling."""
    hits: tuple[Seen, ...]
    """The first hits, best first."""
    namesake: Namesake
    coverage: Mapping[str, float]
    """Share of the evidence's characters that the best hits hold, by their budget in tokens; empty
    where the data set has no spans.
    """


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The questions of a comparison and how they are put."""

    data: Judged
    scoped: bool
    """Whether each question is asked within its scope."""
    depth: int
    """Units that are ranked."""
    shown: int = 10
    """Hits that are kept of each question."""
    budgets: tuple[int, ...] = (500, 1000, 2000, 4000)
    """Of `coverage`, in tokens of MiniLM, whatever model a system uses."""


def answers(
    system: System, asked: Asked, known: Container[str] = ()
) -> Iterator[dict[str, Ranking]]:
    """Rankings by question id, a batch at a time, but for questions that are `known`.

    Raises MillraceError.
    """
    waiting = list(_batches(asked, known))
    if not waiting:
        return
    with system.opened() as reader:
        same = namesakes(reader, asked.data, [query for batch in waiting for query in batch])
    with system.searcher() as searcher:

        def ask(queries: Sequence[Query], k: int) -> list[list[Hit]]:
            found = searcher.search(queries, k)
            asked.data.check_scope(found.absent)
            return found.hits

        for batch in waiting:
            yield _rank(ask, batch, asked, same)


def _batches(asked: Asked, known: Container[str]) -> Iterator[list[Query]]:
    queries = asked.data.queries(scoped=asked.scoped)
    left = (each for each in queries if each.id not in known)
    while batch := list(islice(left, _BATCH)):
        yield batch


def _rank(
    ask: Ask, batch: Sequence[Query], asked: Asked, same: Mapping[str, Namesake]
) -> dict[str, Ranking]:
    units = units_of(asked.data)

    def enough(query: Query, hits: Sequence[Hit]) -> bool:
        own = counting(query, hits, same[query.id])
        ranked = len(scored(query, own, units)) >= asked.depth
        return ranked and (not _evidence(query, asked) or _tokens(own) > max(asked.budgets))

    def ranking(query: Query, hits: Sequence[Hit]) -> Ranking:
        ranked = dict(islice(scored(query, hits, units).items(), asked.depth))
        return Ranking(
            units=tuple(ranked),
            scores=tuple(ranked.values()),
            hits=tuple(map(_seen, hits[: asked.shown])),
            namesake=same[query.id],
            coverage=_coverage(query, hits, asked),
        )

    found = gather(ask, batch, asked.depth, enough)
    return {
        query.id: ranking(query, counting(query, found[query.id], same[query.id]))
        for query in batch
    }


def _coverage(query: Query, hits: Sequence[Hit], asked: Asked) -> dict[str, float]:
    evidence = _evidence(query, asked)
    if not evidence:
        return {}
    return {str(budget): coverage(hits, evidence, budget, _length) for budget in asked.budgets}


def _evidence(query: Query, asked: Asked) -> Sequence[Evidence]:
    return asked.data.evidence.get(query.id, ())


def _tokens(hits: Sequence[Hit]) -> int:
    return sum(_length(hit.chunk.text) for hit in hits)


@lru_cache(maxsize=20_000)
def _length(text: str) -> int:
    """In tokens of MiniLM: one measure for all systems."""
    return len(Naive().tokenizer.tokens(text))


def _seen(hit: Hit) -> Seen:
    chunk = hit.chunk
    return Seen(
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        start=chunk.span.start,
        end=chunk.span.end,
        page=chunk.page,
        last_page=chunk.last_page,
        score=hit.score,
        text=chunk.text[:_TEXT],
    )
