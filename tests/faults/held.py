"""A source whose refresh stands still at a step, so that it can be stopped there.

source: {use: "tests.faults.held:Files", path: documents, at: STEP}

There it makes the file `held` beside the folder and waits for ever. STEP may be `nowhere`.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import time
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from components.options import option
from components.sources import files

PLACES = {
    "survey": ("components.corpus.survey", "make_plan", 1),
    "write": ("components.indexes.edge.writer", "EdgeWriter.commit", 2),
    "seal": ("components.indexes.edge.index", "optimise", 1),
    "promote": ("components.indexes.edge.index", "EdgeCorpus.publish", 1),
    "report": ("components.corpus.run", "finish", 1),
}
"""By step: the function that it is held before, and at which of its calls."""
NATIVE = "native"
"""As `write`, but at work in what is not Python instead of waiting."""
STEPS = tuple(PLACES)
NOWHERE = "nowhere"
_held: set[str] = set()


@dataclass(frozen=True, kw_only=True)
class Files(files.Files):
    """Files; `at` is where their refresh stands still."""

    at: str = option(NOWHERE, help="a step", stored=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.at != NOWHERE:
            hold(self.at, self.path.parent / "held")


def hold(at: str, told: Path) -> None:
    """Have this process stand still at a step."""
    if at in _held:
        return
    _held.add(at)
    module, path, call = PLACES["write" if at == NATIVE else at]
    *outer, name = path.split(".")
    place: Any = importlib.import_module(module)
    for each in outer:
        place = getattr(place, each)
    function, calls = getattr(place, name), itertools.count(1)

    @wraps(function)
    def held(*given: Any, **named: Any) -> Any:
        if next(calls) == call:
            told.touch()
            _compute() if at == NATIVE else _wait()
        return function(*given, **named)

    setattr(place, name, held)


def _wait() -> None:
    while True:
        time.sleep(60)


def _compute() -> None:
    """Each round is some tenths of a second in which no signal is looked at."""
    while True:
        hashlib.pbkdf2_hmac("sha256", b"", b"", 500_000)
