"""The file in which a corpus' history grows, an event a line: each is there as a whole or not."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from components.indexes.edge.files import sync_folder, told
from components.indexes.ledger import Event
from components.machine import lines

FILE = "releases.jsonl"
_log = logging.getLogger(__name__)


class Kept:
    """What was read last of a file, as long as that is the same: a refresh reads it many times."""

    def __init__(self) -> None:
        self._of: tuple[Path, int, int, int] | None = None
        self._events: list[Event] = []

    def read(self, folder: Path) -> list[Event]:
        """As `read`."""
        try:
            found = (folder / FILE).stat()
        except OSError:  # reading it says what that is
            return read(folder)
        now = (folder, found.st_ino, found.st_size, found.st_mtime_ns)
        if now != self._of:
            self._events, self._of = read(folder), now
        return list(self._events)


def read(folder: Path) -> list[Event]:
    """All events, in order. A line that cannot be read is left out, and told: the others count."""
    file = folder / FILE
    try:
        data = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise told(error, "cannot be read", file) from error
    whole, _, _ = data.rpartition(b"\n")  # the process may have died in the last line
    found: list[Event] = []
    for at, line in enumerate(whole.splitlines(), start=1):
        try:
            found.append(dict(json.loads(line)))
        except (ValueError, TypeError) as error:
            _log.warning("%s: line %d is left out: %s", file, at, error)
    return found


def add(folder: Path, events: Iterable[Event]) -> None:
    """Add events, for good; for one process at a time. Raises as `told` does."""
    file = folder / FILE
    new = not file.exists()
    try:
        _cut(file)
        told_as = [json.dumps(each, default=str, ensure_ascii=False) for each in events]
        if told_as:
            lines.add(file, "\n".join(told_as).encode("utf-8", "surrogatepass"))
            _sync(file)
    except OSError as error:
        raise told(error, "cannot be written", file) from error
    if new:
        sync_folder(folder)


def _cut(file: Path) -> None:
    """Off goes a line in which the process that wrote it has died."""
    if not file.exists():
        return
    with file.open("r+b") as opened:
        if not opened.seek(0, os.SEEK_END):
            return
        opened.seek(-1, os.SEEK_END)
        if opened.read() != b"\n":
            opened.seek(0)
            opened.truncate(opened.read().rfind(b"\n") + 1)


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
