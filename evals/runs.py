"""Rankings as TREC files, which every evaluation tool reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np

from evals.datasets.judged import Judgements

Run = Mapping[str, Sequence[str]]
"""Question id to unit ids, best first, each once."""
Scored = Mapping[str, Mapping[str, float]]
"""Question id to unit id to score, best first."""
_LARGEST = 1e38
"""Far enough from the largest of single precision, for others to be below it."""


def scores(ranked: Sequence[str]) -> dict[str, float]:
    """A score per rank, falling: tools sort by score and break ties in their own ways."""
    return {unit: float(len(ranked) - place) for place, unit in enumerate(ranked)}


def falling(given: Iterable[float]) -> Iterator[np.float32]:
    """The scores, each below the one before.

    One that is not becomes the next smaller number: of equal scores the order counts, which tools
    that sort by score would not see, and so it does where a deeper search or another stage gave a
    later hit more. In single precision, because trec_eval reads no more.
    """
    last = np.float32(np.inf)
    for score in given:
        below = np.nextafter(last, np.float32(-np.inf))
        own = np.float32(min(max(score, -_LARGEST), _LARGEST))
        last = own if own < last else below
        yield last


def write_run(run: Scored, file: Path, tag: str) -> None:
    """`question Q0 unit rank score tag`, ranks from 1, scores as `falling` has them."""
    with file.open("w", encoding="utf-8") as out:
        for question, scored in run.items():
            written = zip(scored, falling(scored.values()), strict=True)
            for rank, (unit, score) in enumerate(written, start=1):
                out.write(f"{_word(question)} Q0 {_word(unit)} {rank} {score!s} {tag}\n")


def write_judgements(judgements: Judgements, file: Path) -> None:
    """`question 0 unit grade`."""
    with file.open("w", encoding="utf-8") as out:
        for question, grades in judgements.items():
            for unit, grade in grades.items():
                out.write(f"{_word(question)} 0 {_word(unit)} {grade}\n")


def _word(id: str) -> str:
    """The columns are parted by blanks, so those inside of an id are escaped."""
    return re.sub(r"\s", lambda blank: quote(blank[0]), id)
