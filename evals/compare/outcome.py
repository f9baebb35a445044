"""What a comparison found, as `--json` prints it and the report shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from evals.compare.costs import Cost
from evals.compare.evaluate import Absent
from evals.compare.ranking import Ranking
from evals.compare.values import Values
from evals.experiment import outcome
from evals.experiment.indexes import Built
from evals.experiment.namesakes import Namesakes
from evals.experiment.outcome import sentence
from evals.metrics import Interval
from evals.significance.comparison import Comparison


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One system."""

    name: str
    stages: Mapping[str, Any]
    """Each stage's component and options."""
    fingerprint: str
    generation: str
    """Name of the served generation; empty where the comparison built the index."""
    live: bool
    built: Built
    cost: Cost | None
    """None where it was not measured."""
    values: Values
    intervals: Mapping[str, Interval]
    """Mean of each metric, with its confidence interval."""
    rankings: Mapping[str, Ranking] = field(repr=False)
    absent: Absent
    namesakes: Namesakes

    def to_json(self) -> dict[str, Any]:
        """Without the rankings."""
        return {
            "metrics": {name: each.mean for name, each in self.intervals.items()},
            "intervals": {name: [e.low, e.high] for name, e in self.intervals.items()},
            "cost": {
                **(asdict(self.cost) if self.cost else {}),
                "index_bytes": self.built.bytes,
                "vectors": self.built.chunks,
                "embedded_tokens": self.built.encoded_tokens,
                "embedding_seconds": _rounded(self.built.seconds),
                "reused_vectors": self.built.reused,
            },
            "documents": self.built.documents,
            "failed_documents": list(self.built.failed),
            "absent_documents": self.absent.documents.to_json(),
            "questions_without_documents": self.absent.questions.to_json(),
            **self.namesakes.to_json(),
            "fingerprint": self.fingerprint,
            "generation": self.generation,
            "live": self.live,
            "stages": {
                name: {option: _plain(value) for option, value in each.items()}
                for name, each in self.stages.items()
            },
        }


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How alike the answers of two systems are, for the first k units, k from 1."""

    a: str
    b: str
    jaccard: Sequence[float]
    rank_similarity: Sequence[float]
    cka: float | None
    """Of the vectors of shared chunks; None where they share none or have the same vectors."""
    cka_by_chance: float | None


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A metric's mean over a part of the questions, by system."""

    by: str
    value: str
    questions: int
    means: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Outcome(outcome.Outcome[Measured]):
    """All of it."""

    scoped: bool
    metrics: Sequence[str]
    likeness: Sequence[Likeness]
    slices: Sequence[Slice]
    corpus: Mapping[str, float]
    """Statistics of texts and questions."""

    @property
    def first(self) -> list[Comparison]:
        """The comparisons by the first metric, which decides."""
        return self.of(self.metrics[0])

    @property
    def notes(self) -> list[str]:
        scale = self.data.grade_scale
        told = f"some grades are fractions: all are multiplied by {scale:,}, above 0 is relevant"
        return [*([told] if scale > 1 else []), *super().notes]

    @property
    def verdict(self) -> str:
        """One sentence on the first metric."""
        if self.first:
            told = "; ".join(sentence(each, _p(each)) for each in self.first)
            return f"{self.metrics[0]} over {self.data.asked}: {told}."
        over = f"{self.metrics[0]} over {self.data.part}" if self.data.part else self.metrics[0]
        if self.excluded:
            gone = ", ".join(self.excluded)
            return f"{over}: nothing to compare, for {gone} could not be measured."
        return f"{over}: one system, nothing to compare."

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "schema": 1,
            "data": {
                "name": self.data.name,
                "split": self.data.split,
                "checksum": self.data.checksum,
                "queries": len(self.data.questions),
                "part": asdict(self.data.part) if self.data.part else None,
                "unit": self.data.unit,
                "scope": self.data.scope if self.scoped else "",
                "grade_scale": self.data.grade_scale,
                "left_out": {name: each.to_json() for name, each in self.data.left_out.items()},
                "statistics": dict(self.corpus),
            },
            "metrics": list(self.metrics),
            "systems": {each.name: each.to_json() for each in self.systems},
            "excluded": dict(self.excluded),
            "comparisons": [each.to_json() for each in self.comparisons],
            "similarity": [asdict(each) for each in self.likeness],
            "slices": [asdict(each) for each in self.slices],
            "seed": self.rules.seed,
            "verdict": self.verdict,
        }


def _p(found: Comparison) -> str:
    return f"p {found.p:.3g}, {found.p_corrected:.3g} for {found.comparisons} comparisons"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | None) else str(value)
