"""What each system answers, kept as it comes: a comparison that was killed goes on from there.

Questions are asked in batches that depend on the data set alone, and a batch is kept once it is
whole, so that a comparison that went on gives what an undisturbed one gives. The index
is closed every few seconds: an embedded one serves one process at a time, and searches wait.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from components.corpus.search import Serving
from components.encoders.naive import Naive
from components.values import Hit, Query
from evals.compare import kept
from evals.compare.systems import System, serving, state
from evals.datasets.judged import Judged
from evals.units import coverage, rank, units_of

REVISION = 1
"""Raised when what is kept means something else."""
_BATCH = 32
_TURN = 2.0
"""Seconds that an index is kept open while it is asked; a batch that was begun is finished."""
_TEXT = 300
"""Characters of a hit that are kept for a person to read."""
Progress = Callable[[int], None]
"""Told how many questions were answered since it was told last."""


def silent(answered: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A hit, as much of it as is kept."""

    chunk_id: str
    document_id: str
    start: int
    end: int
    page: int | None
    score: float
    text: str
    """The beginning."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a system answers to one question."""

    units: tuple[str, ...]
    """Ids of what is judged, best first."""
    hits: tuple[Seen, ...]
    """The first hits, best first."""
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


def key(system: System, asked: Asked) -> str:
    """Of all that decides the rankings: 16 hex digits."""
    told = {
        "revision": REVISION,
        "fingerprint": state(system),
        "serving": serving(system),
        "data": [asked.data.checksum, asked.data.split, asked.data.unit],
        "asked": [asked.scoped, asked.depth, asked.shown, asked.budgets],
    }
    canonical = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def place(home: Path, system: System, asked: Asked) -> Path:
    """The file of a system's rankings."""
    return home / "rankings" / f"{key(system, asked)}.jsonl"


def finished(file: Path, asked: Asked) -> bool:
    """Whether every batch is there."""
    return kept.count(file) >= math.ceil(len(asked.data.questions) / _BATCH)


def rankings(
    system: System, asked: Asked, file: Path, progress: Progress = silent
) -> dict[str, Ranking]:
    """By question id. What the file has is not asked again.

    Raises Busy where another process is asking the same, or the index is in use; MillraceError.
    """
    found = _read(file)
    if any(each.id not in found for each in asked.data.questions):
        with kept.adding(file):
            found = _read(file)
            progress(len(found))
            for made in answers(system, asked, found):
                kept.add(file, {id: asdict(each) for id, each in made.items()})
                found |= made
                progress(len(made))
    return {each.id: found[each.id] for each in asked.data.questions}


def answers(
    system: System, asked: Asked, known: Container[str] = ()
) -> Iterator[dict[str, Ranking]]:
    """Rankings by question id, a batch at a time, but for batches that are `known`.

    Raises MillraceError.
    """
    batches = deque(batch for batch in _batches(asked) if batch[0].id not in known)
    if not batches:
        return
    stages = Serving(system.pipeline, system.release())
    while batches:
        stages.encode(batches[0])
        with system.opened() as reader:
            until = time.monotonic() + _TURN
            while batches:
                made = _rank(partial(stages.answer, reader), batches.popleft(), asked)
                system.check()
                yield made
                if time.monotonic() >= until:
                    break


def _batches(asked: Asked) -> Iterator[list[Query]]:
    queries = iter(asked.data.queries(scoped=asked.scoped))
    while batch := list(islice(queries, _BATCH)):
        yield batch


def _rank(
    ask: Callable[[Sequence[Query], int], Sequence[Sequence[Hit]]],
    batch: Sequence[Query],
    asked: Asked,
) -> dict[str, Ranking]:
    first: dict[str, Sequence[Hit]] = {}

    def remembered(queries: Sequence[Query], k: int) -> Sequence[Sequence[Hit]]:
        answers = ask(queries, k)
        for query, hits in zip(queries, answers, strict=True):
            first.setdefault(query.id, hits)
        return answers

    units = rank(remembered, batch, asked.depth, units_of(asked.data))
    return {
        query.id: Ranking(
            units=tuple(units[query.id]),
            hits=tuple(_seen(first[query.id], asked.shown)),
            coverage=_coverage(query, first[query.id], asked),
        )
        for query in batch
    }


def _coverage(query: Query, hits: Sequence[Hit], asked: Asked) -> dict[str, float]:
    evidence = asked.data.evidence.get(query.id, ())
    if not evidence:
        return {}
    tokenizer = Naive().tokenizer
    counted = {hit.chunk.text: len(tokenizer.tokens(hit.chunk.text)) for hit in hits}
    return {
        str(budget): coverage(hits, evidence, budget, counted.__getitem__)
        for budget in asked.budgets
    }


def _seen(hits: Sequence[Hit], most: int) -> Iterator[Seen]:
    for hit in hits[:most]:
        chunk = hit.chunk
        yield Seen(
            chunk_id=chunk.id,
            document_id=chunk.document_id,
            start=chunk.span.start,
            end=chunk.span.end,
            page=chunk.page,
            score=hit.score,
            text=chunk.text[:_TEXT],
        )


def _read(file: Path) -> dict[str, Ranking]:
    return {id: _ranking(each) for id, each in kept.read(file).items()}


def _ranking(raw: Mapping[str, Any]) -> Ranking:
    return Ranking(
        units=tuple(raw["units"]),
        hits=tuple(Seen(**each) for each in raw["hits"]),
        coverage=raw["coverage"],
    )
