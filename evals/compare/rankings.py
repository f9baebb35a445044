"""What each system answers, kept as it comes: a comparison that was killed goes on from there.

Questions are asked in batches that depend on the data set alone, and a batch is kept once it is
whole, so that a comparison that went on gives what an undisturbed one gives.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from components.phases import Done, Tell
from evals import kept
from evals.compare.answers import answers, batches
from evals.compare.ranking import Asked, Ranking
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
    canonical = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def place(home: Path, system: System, asked: Asked) -> Path:
    """The file of a system's rankings."""
    return home / "rankings" / f"{key(system, asked)}.jsonl"


def finished(file: Path, asked: Asked) -> bool:
    """Whether every batch is there."""
    return kept.count(file) >= batches(asked)


def rankings(
    system: System, asked: Asked, file: Path, tell: Tell = lambda done: None
) -> dict[str, Ranking]:
    """By question id. What the file has is not asked again; `tell` counts it.

    Raises Busy where another process is asking the same, or the index is in use; MillraceError.
    """
    found = _read(file)
    if any(each.id not in found for each in asked.data.questions):
        with kept.adding(file):
            found = _read(file)
            tell(Done(units=len(found)))
            for made in answers(system, asked, found):
                kept.add(file, {id: asdict(each) for id, each in made.items()})
                found |= made
                tell(Done(units=len(found)))
    return {each.id: found[each.id] for each in asked.data.questions}


def _read(file: Path) -> dict[str, Ranking]:
    return {id: Ranking.of(each) for id, each in kept.read(file).items()}
