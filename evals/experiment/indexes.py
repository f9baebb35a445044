"""The indexes of an experiment: one for each thing that is stored, built once and kept, or served
already.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from components.corpus import run
from components.corpus.report import Report
from components.corpus.request import Request, job_of, new_run_id
from components.errors import MillraceError
from components.indexes.manifest import Totals
from components.phases import Tell, within
from evals import kept
from evals.experiment.systems import System

_BUILT = "built.json"


@dataclass(frozen=True, kw_only=True)
class Built:
    """What an index holds and what it took, by the run that built it. What it took is None where
    that was a refresh, of which the index does not tell.
    """

    documents: int
    chunks: int
    tokens: int
    """Of the documents, each once, however often it was read."""
    failed: tuple[str, ...]
    """Documents that could not be used."""
    encoded_tokens: int | None = None
    """By the run that built it, or by the last of them where one was killed."""
    seconds: float | None = None
    reused: int | None = None
    """Parts of vectors that came from the cache: the seconds tell nothing where there are any."""
    bytes: int | None
    """On disk; None: on a server."""


def groups(systems: Sequence[System]) -> list[list[System]]:
    """Systems by the index that they share, in the order of their first."""
    found: dict[str, list[System]] = {}
    for each in systems:
        found.setdefault(each.index, []).append(each)
    return list(found.values())


def known(system: System) -> Built | None:
    """What is known of an index that is complete. Raises Busy, IndexFault."""
    if system.served:
        return _served(system, system.served.generation.totals)
    file = _file(system)
    if not file.exists():
        return None
    raw = json.loads(file.read_text())
    return Built(**{**raw, "failed": tuple(raw["failed"])})


def build(system: System, tell: Tell = lambda done: None) -> Built:
    """Build a system's index, or go on with what a killed run has left; `tell` counts documents.
    Raises MillraceError, Busy where another process builds it.
    """
    if system.served:
        return _served(system, system.served.generation.totals)
    with kept.making(_file(system)):
        built = known(system)
        if built is not None:
            return built
        request = Request(pipeline=system.file, run_id=new_run_id())
        report = run.run(job_of(request, system.pipeline), within(tell))
        if not report.totals.documents:
            raise MillraceError("no document of the data set could be used").at(where=system.name)
        built = _of(report, system)
        kept.write(_file(system), asdict(built))
        return built


def _of(report: Report, system: System) -> Built:
    return Built(
        documents=report.totals.documents,
        chunks=report.totals.chunks,
        tokens=report.totals.tokens,
        failed=tuple(each.id for each in report.failures),
        encoded_tokens=report.tokens,
        seconds=sum(report.spent.values()),
        reused=report.cache.hits,
        bytes=_size(system.folder),
    )


def _served(system: System, totals: Totals) -> Built:
    failed: list[str] = []
    if totals.failed:
        with system.opened() as reader:
            entries = reader.entries()
        # Those that failed and have chunks are found still, by their last good version.
        failed = [id for id, each in entries.items() if each.state == "failed" and not each.chunks]
    return Built(
        documents=totals.documents,
        chunks=totals.chunks,
        tokens=totals.tokens,
        failed=tuple(failed),
        bytes=_size(system.folder),
    )


def _file(system: System) -> Path:
    return Path(system.index) / _BUILT


def _size(folder: Path | None) -> int | None:
    """Bytes allocated: the engine's files have holes."""
    if folder is None:
        return None
    return sum(512 * each.lstat().st_blocks for each in folder.rglob("*"))
