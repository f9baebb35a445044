"""A contender once in a process of its own: its peak of memory, and what it measured there."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from evals import extras

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
    """What it printed."""


def alone(name: str, of: str, documents: int | None) -> Alone:
    """Run `evals.bench.one`. Raises MissingExtra, RuntimeError with its last line if it fails."""
    _psutil()
    start = time.perf_counter()
    command = [sys.executable, "-m", "evals.bench.one", name, "--of", of]
    if documents is not None:
        command += ["--documents", str(documents)]
    with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as complaints:
        with subprocess.Popen(command, stdout=printed, stderr=complaints) as process:  # noqa: S603
            peak = _watched(process)
        printed.seek(0)
        complaints.seek(0)
        if process.returncode:
            last = (complaints.read().strip().splitlines() or [f"ended {process.returncode}"])[-1]
            raise RuntimeError(f"{name} on {of}: {last}")
        result = json.loads(printed.read().splitlines()[-1])
    return Alone(peak, time.perf_counter() - start, result)


def _watched(process: subprocess.Popen[bytes]) -> int:
    """Peak of the sum over the process and its children, until it has ended."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, _resident(process.pid))
        time.sleep(_EVERY)
    return peak


def _resident(pid: int) -> int:
    psutil = _psutil()
    total = 0
    try:
        root = psutil.Process(pid)
        for each in (root, *root.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.Error:  # it ended meanwhile
        pass
    return total


def _psutil() -> ModuleType:
    with extras.needed("memory needs", extras.BENCH):
        import psutil
    return psutil
