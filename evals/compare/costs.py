"""What an answer costs: seconds by stage, of a question that is new and of one that was just asked,
and memory.

Systems take turns question by question, so that a slow moment of the machine meets all of them.
What is remembered of texts is forgotten before each takes its turn: rankings were made before, and
what one system has read another would not have to read.
"""

from __future__ import annotations

import platform
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from os import cpu_count
from statistics import fmean, median
from typing import TypeVar

import numpy as np

from components import registry
from components.corpus.clock import Clock
from components.corpus.serving import Serving
from components.stages import Reader
from components.values import Query
from evals.experiment.systems import System

T = TypeVar("T")
STAGES = ("encode", "retrieve", "rerank", "total")
QUESTIONS = 50
"""Asked one by one of each system."""
_WARM = 3
_BATCH = 32
_BATCHES = 3
_HITS = 10
_Served = tuple[Serving, Reader]
Milliseconds = Mapping[str, Mapping[str, float]]
"""By stage, then `p50`, `p95`, `p99`."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one system."""

    milliseconds: Milliseconds
    """Of questions asked one by one when nothing is known of them or their hits: cold. Models are
    loaded, and the index is open.
    """
    milliseconds_again: Milliseconds
    """Of the same questions, each asked once more right away: warm."""
    questions_one_by_one: int
    """How many those were."""
    queries_per_second: float
    """Of questions asked together, cold, median of some batches."""
    questions_together: int
    """How many those were."""
    reranked: float
    """Hits that the reranker read of each question asked one by one, mean."""
    model_bytes: int | None
    """Of the weights that the encoder of queries has in memory, 0 where it has none, None where it
    does not tell. Systems with the same model share one copy.
    """
    measured_at: str
    machine: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One question to one system."""

    system: str
    seconds: Mapping[str, float]
    """By stage, cold."""
    again: Mapping[str, float]
    """By stage, warm."""
    reranked: int
    """Hits that the reranker read, cold."""


def measure(systems: Sequence[System], queries: Sequence[Query]) -> dict[str, Cost]:
    """By system's name. Raises MillraceError."""
    with ExitStack() as opened:
        served = _open(systems, opened)
        alone = list(_one_by_one(served, queries))
        together = _together(served, queries)
    encoders = {each.name: registry.build("encoder", each.stages["encoder"]) for each in systems}
    found = {}
    for name in served:
        own = [each for each in alone if each.system == name]
        found[name] = Cost(
            milliseconds=percentiles(own),
            milliseconds_again=percentiles(own, again=True),
            questions_one_by_one=len(own),
            queries_per_second=together[name],
            questions_together=len(spread(queries, _BATCH)),
            reranked=fmean(each.reranked for each in own),
            model_bytes=getattr(encoders[name], "model_bytes", None),
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=f"{platform.machine()}, {cpu_count()} cores",
        )
    return found


def one_by_one(systems: Sequence[System], queries: Sequence[Query]) -> Iterator[Reading]:
    """Every system is asked some of the questions, in turns. Raises MillraceError."""
    with ExitStack() as opened:
        yield from _one_by_one(_open(systems, opened), queries)


def _one_by_one(served: Mapping[str, _Served], queries: Sequence[Query]) -> Iterator[Reading]:
    asked = spread(queries, QUESTIONS)
    for query in map(_rehearsal, asked[:_WARM]):
        for each in served.values():
            _timed(each, [query])
    for turn, query in enumerate(asked):
        for name in _turned(list(served), turn):
            seconds, (depth,) = _cold(served[name], [query])
            again, _ = _timed(served[name], [query])
            yield Reading(system=name, seconds=seconds, again=again, reranked=depth)


def _rehearsal(query: Query) -> Query:
    """Like a question of the data set, and none of them: it loads and warms what has to be."""
    return replace(query, text=f"{query.text} {query.text}")


def _together(served: Mapping[str, _Served], queries: Sequence[Query]) -> dict[str, float]:
    """Questions per second of each system, asked in batches."""
    batch = spread(queries, _BATCH)
    spent: dict[str, list[float]] = defaultdict(list)
    for each in served.values():
        _timed(each, [_rehearsal(query) for query in batch])
    for turn in range(_BATCHES):
        for name in _turned(list(served), turn):
            spent[name].append(_cold(served[name], batch)[0]["total"])
    return {name: len(batch) / median(own) for name, own in spent.items()}


def spread(items: Sequence[T], most: int) -> list[T]:
    """So many of them at most, from the first to the last, evenly."""
    places = np.linspace(0, len(items) - 1, min(most, len(items)))
    return [items[int(place)] for place in places]


def _turned(names: Sequence[str], turn: int) -> list[str]:
    """Another one first at every turn: what the first reads is warm for the next."""
    start = turn % len(names)
    return [*names[start:], *names[:start]]


def _open(systems: Sequence[System], opened: ExitStack) -> dict[str, _Served]:
    """Each index once: the engine lets nobody open it twice."""
    readers: dict[str, Reader] = {}
    found = {}
    for each in systems:
        if each.index not in readers:
            readers[each.index] = opened.enter_context(each.held())
        found[each.name] = Serving(each.pipeline, each.release()), readers[each.index]
    return found


def _cold(served: _Served, queries: Sequence[Query]) -> tuple[Mapping[str, float], Sequence[int]]:
    """As `_timed`, of questions that are new to it."""
    served[0].forget()
    return _timed(served, queries)


def _timed(served: _Served, queries: Sequence[Query]) -> tuple[Mapping[str, float], Sequence[int]]:
    """Seconds by stage and in all, and the hits reranked of each query."""
    serving, reader = served
    clock = Clock()
    start = time.perf_counter()
    answered = serving.answer(reader, queries, _HITS, clock)
    return {**clock.seconds, "total": time.perf_counter() - start}, answered.depths


def percentiles(of: Sequence[Reading], *, again: bool = False) -> dict[str, dict[str, float]]:
    """Milliseconds by stage, then `p50`, `p95`, `p99`: cold, or `again`."""
    spent = [each.again if again else each.seconds for each in of]
    return {
        stage: {
            f"p{share}": float(1000 * np.percentile([each[stage] for each in spent], share))
            for share in (50, 95, 99)
        }
        for stage in STAGES
    }
