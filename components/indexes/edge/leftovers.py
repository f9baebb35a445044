"""What lies in a corpus' folder and is kept no longer, and how it goes.

A generation that a reader has open is left alone: whoever opens it holds its lock. It is renamed
before its files are deleted, so that a kill in between leaves nothing that looks like one. A link
goes alone.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from components.indexes import retention
from components.indexes.edge.files import allocated, sync_folder
from components.indexes.edge.shards import LOCK
from components.indexes.manifest import Generation
from components.indexes.retention import Surplus

NAME = re.compile(r"\d{4,}-[0-9a-f]{16}")
"""Of a generation's folder."""
_ASIDE = re.compile(rf"(?:{NAME.pattern})\.((?:damaged|replaced)-\d{{8}}T\d{{12}}|removed)")
"""Of one that was set aside. Anything else that begins like one is somebody's own: a backup."""
_HALF_WRITTEN = re.compile(r"\.(?:live|corpus)\.json\.\d+")
_REMOVED = ".removed"
_log = logging.getLogger(__name__)


def found(
    folder: Path, known: Mapping[str, Generation], kept: set[str], lost: Collection[str] = ()
) -> list[Surplus]:
    """What may go, by name. Whoever does not hold the right to write may be told of a copy that a
    refresh is just making.

    `known`: the generations whose facts could be read; `lost`: those whose facts are torn; of the
    others nothing is said.
    """
    if not folder.is_dir():
        return []
    return [
        Surplus(name=each.name, reason=reason + _linked(each), bytes=allocated(each))
        for each in sorted(folder.iterdir())
        if (reason := _reason(each, known, kept, lost))
    ]


def aside(name: str, why: Literal["damaged", "replaced"]) -> str:
    """A name for a generation's folder that says why nothing uses it."""
    return f"{name}.{why}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"


def damaged(folder: Path) -> list[Path]:
    """What was set aside as such."""
    found = ((each, _ASIDE.fullmatch(each.name)) for each in folder.iterdir())
    return [each for each, name in found if name and name[1].startswith("damaged")]


def remove(place: Path) -> bool:
    """Remove a folder or a file; False where somebody has it open, or it cannot be removed."""
    try:
        if place.is_dir():
            return _remove(place)
        _unlink(place)
        return True
    except OSError as error:
        _log.warning("%s cannot be removed: %s", place, error.strerror)
        return False


def _reason(
    place: Path, known: Mapping[str, Generation], kept: set[str], lost: Collection[str]
) -> str:
    """Why something is kept no longer; empty where it stays, or is not ours."""
    if place.name in known:
        return "" if place.name in kept else retention.reason(known[place.name])
    if place.name in lost:
        return "damaged: what it is cannot be read"
    if NAME.fullmatch(place.name):
        torn = not (place / "generation.json").exists()
        return "a copy that was not completed" if torn else ""
    if found := _ASIDE.fullmatch(place.name):
        return f"set aside: {found[1]}"
    return "half written" if _HALF_WRITTEN.fullmatch(place.name) else ""


def _linked(place: Path) -> str:
    return "; a link, what it leads to stays" if place.is_symlink() else ""


def _remove(folder: Path) -> bool:
    held = FileLock(folder / LOCK, blocking=False)
    try:
        held.acquire()
    except Timeout:
        return False
    try:
        if folder.is_symlink():
            _unlink(folder)
        else:
            for each in _doomed(folder):
                shutil.rmtree(each)
    finally:
        held.release()
    return True


def _unlink(place: Path) -> None:
    """Remove a file, or a link: what that leads to was put there by somebody else."""
    target = place.readlink() if place.is_symlink() else None
    place.unlink(missing_ok=True)
    if target:
        _log.warning("%s was a link; what it led to stays: %s", place, target)


def _doomed(folder: Path) -> Iterator[Path]:
    """What is to be deleted, under a name that no generation has."""
    if NAME.fullmatch(folder.name):
        removed = folder.with_name(folder.name + _REMOVED)
        if removed.exists():  # left by a kill
            yield removed
        folder.rename(removed)
        sync_folder(folder.parent)
        folder = removed
    yield folder
