"""What the machine refuses, told by the system's own number: no space, not now, not allowed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.errors import DiskFull, MillraceError, Unavailable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
FOR_NOW = frozenset(
    getattr(errno, name)
    for name in (
        *("EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EINTR", "EBUSY", "EIO", "ESTALE", "ENOLCK"),
        *("ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "EREMOTEIO"),
    )
    if hasattr(errno, name)
)
"""Of the machine, its disk or its network: the file may be well."""
BARRED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@contextmanager
def telling(where: Path | str = "") -> Iterator[None]:
    """What the machine refuses in here is raised as DiskFull, Unavailable or MillraceError. Any
    other OSError is a program's fault, and stays what it is.

    `where`: named where the system names no file, as it does not where one cannot be written on.
    """
    try:
        yield
    except OSError as error:
        told = _told(error)
        if told is None:
            raise
        raise told.at(where=str(error.filename or where)) from error


def _told(error: OSError) -> MillraceError | None:
    if error.errno is None:
        return None
    message = os.strerror(error.errno)
    if error.errno in FULL:
        return DiskFull(message).at(hint="free some space and run it again: nothing is lost")
    if error.errno in FOR_NOW:
        return Unavailable(message).at(hint="run it again: what was committed stays")
    if error.errno in BARRED:
        return MillraceError(message).at(hint="may this user read and write there?")
    return None
