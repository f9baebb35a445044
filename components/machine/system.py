"""What the machine refuses, told by the system's own number: no space, not now, not allowed."""

from __future__ import annotations

import errno
import logging
import os
import threading
from _thread import start_new_thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType
from typing import Any

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
_LITTLE = 64 * 2**10
"""Bytes: more than a full disk has room for, as it does for an empty file."""
_AGAIN = "run it again: what was committed stays"
_MORE = {
    errno.EMFILE: "allow more open files (`ulimit -n`), then ",
    errno.ENOMEM: "give it more memory (is there a limit, `ulimit -v`?), then ",
    errno.EAGAIN: "allow more threads and memory (`ulimit -a`), then ",
}
_Refusal = OSError | MemoryError | RuntimeError
_log = logging.getLogger(__name__)


@contextmanager
def telling(where: Path | str = "", *, last: bool = False) -> Iterator[None]:
    """What the machine refuses in here is raised as DiskFull, Unavailable or MillraceError. Any
    other error is a program's fault, and stays what it is.

    `where`: named where the system names no file, as it does not where one cannot be written on.
    `last`: nobody further out knows better what the system means, so that whatever it says is told,
    and what libraries say of it.
    """
    try:
        yield
    except (OSError, MemoryError, RuntimeError) as error:
        place = _place(error) or str(where)
        told = _told(error, place) or (_told_as_it_is(error, place) if last else None)
        if told is None:
            raise
        _log.debug("refused by the machine", exc_info=True)
        raise told from error


def try_writing(folder: Path) -> None:
    """Write a little there and take it away again. Raises OSError: what SQLite and servers say of a
    folder that takes nothing does not tell a full disk from a missing right.
    """
    with TemporaryFile(dir=folder) as file:
        file.write(bytes(_LITTLE))
        file.flush()


def shortage() -> MillraceError | None:
    """What this process has run out of: a library's own error may come of it, as that of one which
    could not be loaded does. None where nothing is short.
    """
    try:
        with telling(), open(os.devnull, "rb"):
            start_new_thread(
                bool, ()
            )  # nothing waits for it, as where memory is short it never runs
    except MillraceError as error:
        return error
    except RuntimeError as error:
        return _passing(errno.EAGAIN, str(error))
    except OSError:  # a machine without that device
        return None
    return None


def of_machine(error: BaseException) -> bool:
    """Whether this machine lacks space, handles, memory or threads, whatever is read or written."""
    if not isinstance(error, _Refusal):
        return False
    number, _ = _refusal(error)
    return number in FULL | OF_PROCESS or (isinstance(error, RuntimeError) and bool(number))


def _told(error: _Refusal, where: str) -> MillraceError | None:
    if frame := _ends_in(error, Path.expanduser):
        return MillraceError(f"there is no home folder for {frame.f_locals.get('self')}").at(
            "HOME", "set it to a folder that can be written, or name the path in full"
        )
    number, said = _refusal(error)
    message = _message(number, said)
    if number in FULL:
        return DiskFull(message).at(where, "free some space and run it again: nothing is lost")
    if number in FOR_NOW:
        return _passing(number, said).at(where)
    if number == errno.EFBIG:
        return MillraceError(message).at(where, "allow larger files there: see `ulimit -f`")
    if number in BARRED and where:
        return MillraceError(message).at(where, "may this user read and write there?")
    return None


def _passing(number: int, said: str) -> Unavailable:
    return Unavailable(_message(number, said)).at(hint=_MORE.get(number, "") + _AGAIN)


def _message(number: int, said: str) -> str:
    own = os.strerror(number)
    return f"{own} ({said})" if said not in ("", own) else own


def _told_as_it_is(error: _Refusal, where: str) -> MillraceError | None:
    if not isinstance(error, OSError):
        return None
    said = error.strerror or str(error)
    if type(error).__module__ != OSError.__module__ or not said:
        said = f"{type(error).__name__}: {said}"
    if isinstance(error, ConnectionError | TimeoutError):
        return Unavailable(said).at(where, _AGAIN)
    return MillraceError(said).at(
        where, f"the system refuses it: see to what it names, then {_AGAIN}"
    )


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
    frame = _ends_in(error, threading.Thread.start)
    thread = frame.f_locals.get("self") if frame else None
    return isinstance(thread, threading.Thread) and vars(thread).get("_ident", 0) is None


def _ends_in(error: _Refusal, function: Callable[..., Any]) -> FrameType | None:
    """The frame of that function, where the error came out of it and not of what it calls."""
    if not isinstance(error, RuntimeError):
        return None
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    of = getattr(function, "__code__", None)
    return at.tb_frame if at is not None and at.tb_frame.f_code is of else None


def _place(error: _Refusal) -> str:
    """The path that it names; a descriptor's number is none."""
    named = getattr(error, "filename", None)
    return os.fsdecode(named) if isinstance(named, str | bytes | os.PathLike) else ""
