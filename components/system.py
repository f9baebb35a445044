"""What the machine refuses, told by the system's own number: no space, not now, not allowed."""

from __future__ import annotations

import errno
import logging
import os
import threading
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
        "ENOTCONN",  # of a mounted share that nobody serves any more
    )
    if hasattr(errno, name)
)
"""Of the machine, its disk or its network: the file may be well."""
OF_PROCESS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Of this process or its machine, whatever is opened: nothing is said of the file."""
BARRED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_Refusal = OSError | MemoryError | RuntimeError
_log = logging.getLogger(__name__)


@contextmanager
def telling(where: Path | str = "") -> Iterator[None]:
    """What the machine refuses in here is raised as DiskFull, Unavailable or MillraceError. Any
    other error is a program's fault, and stays what it is.

    `where`: named where the system names no file, as it does not where one cannot be written on.
    """
    try:
        yield
    except (OSError, MemoryError, RuntimeError) as error:
        told = _told(error, _place(error) or str(where))
        if told is None:
            raise
        _log.debug("refused by the machine", exc_info=True)
        raise told from error


def _told(error: _Refusal, where: str) -> MillraceError | None:
    number, said = _refusal(error)
    message = os.strerror(number) + (f" ({said})" if said not in ("", os.strerror(number)) else "")
    if number in FULL:
        return DiskFull(message).at(where, "free some space and run it again: nothing is lost")
    if number in FOR_NOW:
        return Unavailable(message).at(where, "run it again: what was committed stays")
    if number == errno.EFBIG:
        return MillraceError(message).at(where, "allow larger files there: see `ulimit -f`")
    if number in BARRED and where:
        return MillraceError(message).at(where, "may this user read and write there?")
    return None


def _refusal(error: _Refusal) -> tuple[int, str]:
    """The system's number, 0 where it has none, and what the error says. The numbers of other
    classes, as those of certificates and of names, are their own.
    """
    if isinstance(error, MemoryError):
        return errno.ENOMEM, str(error)
    if isinstance(error, RuntimeError):
        return (errno.EAGAIN if _is_of_thread(error) else 0), str(error)
    if type(error).__module__ != OSError.__module__:
        return 0, str(error)
    return error.errno or 0, error.strerror or ""


def _is_of_thread(error: RuntimeError) -> bool:
    """Whether it is a thread that the system did not start: Python gives it no number. Raised by
    `Thread.start`, of one that was never started before.
    """
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None or at.tb_frame.f_code is not threading.Thread.start.__code__:
        return False
    thread = at.tb_frame.f_locals.get("self")
    return isinstance(thread, threading.Thread) and vars(thread).get("_ident", 0) is None


def _place(error: _Refusal) -> str:
    """The path that it names; a descriptor's number is none."""
    named = getattr(error, "filename", None)
    return os.fsdecode(named) if isinstance(named, str | bytes | os.PathLike) else ""
