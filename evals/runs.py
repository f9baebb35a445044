"""Rankings as TREC files, which every evaluation tool reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

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
                out.write(f"{_word(question)} Q0 {_word(unit)} {rank} {scored[unit]:g} {tag}\n")


def write_judgements(judgements: Judgements, file: Path) -> None:
    """`question 0 unit grade`."""
    with file.open("w", encoding="utf-8") as out:
        for question, grades in judgements.items():
            for unit, grade in grades.items():
                out.write(f"{_word(question)} 0 {_word(unit)} {grade}\n")


def _word(id: str) -> str:
    """The columns are parted by blanks, so those inside of an id are escaped."""
    return re.sub(r"\s", lambda blank: quote(blank[0]), id)
