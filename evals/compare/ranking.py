"""Questions as they are put to a system, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evals.datasets.judged import Judged
from evals.experiment.namesakes import Namesake


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
