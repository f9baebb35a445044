"""A disk that has room for some bytes more, and then none: what is written goes in part."""

from __future__ import annotations

import errno
import os

import pytest


def fill(patch: pytest.MonkeyPatch, room: int, number: int = errno.ENOSPC) -> None:
    """From here on `os.write` takes `room` bytes in all, and is refused by that number."""
    left, write = room, os.write

    def writing(file: int, data: bytes) -> int:
        nonlocal left
        if not left:
            raise OSError(number, os.strerror(number))
        written = write(file, data[:left])
        left -= written
        return written

    patch.setattr(os, "write", writing)


def refuse_cutting(patch: pytest.MonkeyPatch) -> None:
    """From here on nothing can be cut off."""

    def refused(file: int, size: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    patch.setattr(os, "ftruncate", refused)
