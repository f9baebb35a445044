"""One contender, once: in this process, or in one of its own, with the peak of its memory."""

from __future__ import annotations

import time
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from evals import extras
from evals.bench import texts
from evals.bench.contenders import LITTLE, chosen
from evals.bench.limit import DTYPES, Shapes
from evals.bench.rounds import timed

_EVERY = 0.2
"""Seconds between two looks: often enough for a run of seconds, too seldom to slow it."""


@dataclass(frozen=True)
class Alone:
    """What a process of its own gave."""

    peak: int
    """Bytes of resident memory of the process with its children: Python, torch and texts too."""
    seconds: float
    """Of the process's life."""
    result: dict[str, Any]
    """See `one`."""

    def to_json(self) -> dict[str, Any]:
        return {"peak_bytes": self.peak, "process_seconds": self.seconds, **self.result}


def one(name: str, of: str, documents: int | None) -> dict[str, Any]:
    """Encode a set, or a fixed choice of so many of its documents."""
    (contender,) = chosen((name,))
    read = texts.load(of, documents)
    contender.prepare(read.first(LITTLE))()
    shapes = Shapes.embedded()
    limits = {dtype: shapes.matmul_rate(dtype) for dtype in DTYPES}
    measured = timed(contender.prepare(read), read.tokens, shapes, limits)
    return {"documents": len(read.documents), **measured.to_json()}


def alone(name: str, of: str, documents: int | None) -> Alone:
    """The same in a process of its own. Raises MissingExtra, RuntimeError where it fails."""
    with extras.needed("memory needs", extras.BENCH):
        import psutil  # noqa: F401
    start = time.perf_counter()
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        running = pool.submit(one, name, of, documents)
        peak = _watched(running)
    try:
        return Alone(peak, time.perf_counter() - start, running.result())
    except Exception as error:
        raise RuntimeError(f"{name} on {of}: {error!r}") from error


def _watched(running: Future[Any]) -> int:
    """Peak of the sum over this process's children, until it is done."""
    import psutil

    peak = 0
    while not running.done():
        total = 0
        for each in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):  # it ended meanwhile
                total += each.memory_info().rss
        peak = max(peak, total)
        time.sleep(_EVERY)
    return peak
