"""Rankings as TREC files, which every evaluation tool reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from evals.datasets.judged import Judgements

Run = Mapping[str, Sequence[str]]
"""Question id to unit ids, best first, each once."""


def scores(ranked: Sequence[str]) -> dict[str, float]:
    """A score per rank, falling: tools sort by score and break ties in their own ways."""
    return {unit: float(len(ranked) - place) for place, unit in enumerate(ranked)}


def write_run(run: Run, file: Path, tag: str) -> None:
    """`question Q0 unit rank score tag`, ranks from 1."""
    with file.open("w", encoding="utf-8") as out:
        for question, ranked in run.items():
            scored = scores(ranked)
            for rank, unit in enumerate(ranked, start=1):
                out.write(f"{question} Q0 {unit} {rank} {scored[unit]:g} {tag}\n")


def write_judgements(judgements: Judgements, file: Path) -> None:
    """`question 0 unit grade`."""
    with file.open("w", encoding="utf-8") as out:
        for question, grades in judgements.items():
            out.writelines(f"{question} 0 {unit} {grade}\n" for unit, grade in grades.items())
