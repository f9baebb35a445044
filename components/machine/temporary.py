"""Temporary folders that do not outlive a kill for long: the next one to be made removes them.

A folder gets its name once its lock is held, and the system frees the lock of a process that dies:
one whose lock is free is nobody's any more. For the moment until then its name is hidden; one whose
name is so for a day was left by a kill.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from components.errors import MillraceError
from components.machine.system import shortage

LOCK = ".millrace-in-use"
"""In every folder. One without it was made by somebody else and is left alone."""
_DAY = 24 * 60 * 60.0


@contextmanager
def folder(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A folder of a new name below `parent`, by default where the system has such folders. It is
    removed in the end, and those that killed processes of this user left there are removed first.
    Raises MillraceError where the system has none that can be written.
    """
    home = parent or _home()
    _remove_leftovers(home, prefix)
    made = Path(tempfile.mkdtemp(prefix=f".{prefix}", dir=home))
    held = FileLock(made / LOCK, thread_local=False)
    held.acquire()
    named = made.rename(home / made.name.removeprefix("."))
    try:
        yield named
    finally:
        with suppress(OSError):
            _remove(named)
        held.release()


def _home() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:  # each was tried; full ones, too
        raise shortage() or MillraceError(str(error.strerror)).at(
            hint="free some space there, or name a folder that can be written in TMPDIR"
        ) from error


def _remove_leftovers(home: Path, prefix: str) -> None:
    for each in home.glob(f"{prefix}*"):
        with suppress(OSError, Timeout):
            if _is_ours(each):
                with FileLock(each / LOCK, blocking=False):
                    _remove(each)
    for each in home.glob(f".{prefix}*"):
        with suppress(OSError):
            if _is_own(each) and each.lstat().st_mtime < time.time() - _DAY:
                if os.listdir(each) == [LOCK]:
                    (each / LOCK).unlink()
                each.rmdir()  # not where there is anything else in it


def _is_ours(place: Path) -> bool:
    """Whether it is a folder of this user's that was made here."""
    return _is_own(place) and (place / LOCK).is_file()


def _is_own(place: Path) -> bool:
    """Whether it is a folder of this user's."""
    found = place.lstat()
    user = getattr(os, "geteuid", lambda: found.st_uid)()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == user


def _remove(place: Path) -> None:
    """The lock goes last: without it, what a kill leaves of the folder would stay for good."""
    for each in place.iterdir():
        if each.name != LOCK:
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
    shutil.rmtree(place)
