"""What a comparison was asked for, as a person writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from components.errors import BadOption
from evals.datasets import part
from evals.datasets.judged import Judged
from evals.significance.rules import Rules

HOME = Path(".millrace/compare")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for."""

    files: Sequence[Path] = ()
    """Pipelines to compare over the data set's corpus."""
    live: Path | None = None
    """A pipeline whose served generations are compared instead."""
    candidates: Sequence[str] = ()
    """Generations besides the live one."""
    data: Judged
    overrides: Sequence[str] = ()
    metrics: Sequence[str] = ()
    baseline: str = ""
    """Name of the system that the others are compared with; empty: see `pairs`."""
    scoped: bool = False
    home: Path = HOME
    rules: Rules = field(default_factory=Rules)


def read(
    *,
    pipelines: Sequence[str | Path] = (),
    live: str | Path | None = None,
    candidates: Sequence[str] = (),
    data: str,
    split: str = "test",
    limit: int | None = None,
    sample: int | None = None,
    overrides: Sequence[str] = (),
    metrics: Sequence[str] = (),
    baseline: str = "",
    scope: bool = False,
    margin: float = Rules.margin,
    home: str | Path = HOME,
) -> Request:
    """The request of these words, the data set loaded: with its corpus for pipelines, its questions
    alone for what is live. `limit`, `sample`: see `part.load`. Raises UserError.
    """
    if live and pipelines:
        raise BadOption("--live takes no other pipelines")
    if candidates and not live:
        raise BadOption("--candidate goes with --live")
    if not (live or pipelines):
        raise BadOption("no pipeline to compare: name some, or one with --live")
    return Request(
        files=[Path(each) for each in pipelines],
        live=Path(live) if live else None,
        candidates=tuple(dict.fromkeys(candidates)),
        data=part.load(data, split, limit=limit, sample=sample, corpus=not live),
        overrides=tuple(overrides),
        metrics=tuple(metrics),
        baseline=baseline,
        scoped=scope,
        home=Path(home),
        rules=Rules(margin=margin),
    )
