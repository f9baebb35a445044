"""Lines at the end of a file, each there as a whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def add(file: Path, line: bytes) -> None:
    """Add a line; for one thread of one process at a time. What a full disk has taken of it is cut
    off again, if it can be. Raises OSError.
    """
    opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        whole = os.fstat(opened).st_size
        try:
            _write(opened, line + b"\n")
        except BaseException:
            with suppress(OSError):
                os.ftruncate(opened, whole)
            raise
    finally:
        os.close(opened)


def _write(opened: int, data: bytes) -> None:
    """In one piece, where the system takes it so."""
    while data:
        data = data[os.write(opened, data) :]
