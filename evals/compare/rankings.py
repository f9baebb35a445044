"""What each system answers, kept as it comes: a comparison that was killed goes on from there.

Questions are asked in batches that depend on the data set alone, and a batch is kept once it is
whole, so that a comparison that went on gives what an undisturbed one gives. After one over a part
of the questions the others are asked in other batches: vectors may differ in their last digits.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from components.phases import Tell
from evals import kept
from evals.compare.ranking import Asked, Ranking, answers
from evals.experiment.systems import System, serving, state

REVISION = 3
"""Raised when what is kept means something else."""


def key(system: System, asked: Asked) -> str:
    """Of all that decides the rankings: 16 hex digits."""
    scope = asked.scoped and {"field": asked.data.scope}
    told = {
        "revision": REVISION,
        "fingerprint": state(system),
        "serving": serving(system),
        "data": [asked.data.checksum, asked.data.split, asked.data.unit],
        "asked": [scope, asked.depth, asked.shown, asked.budgets],
    }
    return kept.key(told)


def place(home: Path, system: System, asked: Asked) -> Path:
    """The file of a system's rankings."""
    return home / "rankings" / f"{key(system, asked)}.jsonl"


def finished(file: Path, asked: Asked) -> bool:
    """Whether every question is answered. Raises Damaged."""
    found = kept.read(file)
    return all(each.id in found for each in asked.data.questions)


def rankings(
    system: System, asked: Asked, file: Path, tell: Tell = lambda done: None
) -> dict[str, Ranking]:
    """By question id. What the file has is not asked again; `tell` counts it.

    Raises Busy where another process is asking the same, or the index is in use; MillraceError.
    """
    ids = [each.id for each in asked.data.questions]
    found = kept.values(file, Ranking)
    if any(id not in found for id in ids):
        with kept.adding(file):
            known = kept.read(file)
            made = answers(system, asked, known)
            rows = ({id: asdict(each) for id, each in batch.items()} for batch in made)
            kept.grow(file, rows, tell, sum(id in known for id in ids))
            found = kept.values(file, Ranking)
    return {id: found[id] for id in ids}
