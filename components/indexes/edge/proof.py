"""Why a shard cannot be opened or read, found out by trying: what the engine says is for people,
not for code.

It is damaged where this process has all that opening takes, and a fresh process, which has it too
and opens an empty shard in the same place, cannot open this one or read it through either. All else
is for now, or a matter of the files' rights.
"""

from __future__ import annotations

import _thread
import fcntl
import mmap
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from enum import IntEnum
from pathlib import Path

from components.errors import MillraceError, StoreUnavailable
from components.indexes.edge import damage
from components.indexes.edge.files import told
from components.machine import child

_FRESH = "components.indexes.edge.fresh"
"""Module of the fresh process."""
_THREADS = 16 + 4 * (os.cpu_count() or 1)
"""That the engine may start to open a shard; it has some for each core."""
_HANDLES = 64
"""Files that it may open."""
_ROOM = 64 * 2**20
"""Bytes of addresses that it may take besides the shard's own."""
_STARTED = 5.0
"""Seconds that a thread may take to start."""
_PIECE = 8 * 2**20


class Found(IntEnum):
    """What the fresh process has found; its exit code."""

    OPENS = 40
    HELD = 41
    LACKING = 42
    NO_CONTROL = 43
    DAMAGED = 44


_TOLD: dict[int, str] = {
    Found.OPENS: "a fresh process can open it and read it, so this one lacks something",
    Found.HELD: "another process has it open",
    Found.LACKING: "a fresh process lacks what that takes, too",
    Found.NO_CONTROL: "not even an empty index can be opened there",
}


def explained(
    folder: Path, error: BaseException, doing: str = "the index could not be opened"
) -> MillraceError:
    """What kept the engine from opening or reading a shard that nobody has open now. Damaged is
    proved, now or before.
    """
    said = f"{doing}: {str(error)[:500]}"
    if damage.found(folder.parent):
        return damage.damaged(f"{said}; it was found damaged before", folder.parent)
    try:
        _read_through(folder)
    except (FileNotFoundError, NotADirectoryError) as gone:
        return damage.damaged(f"{said}; {gone.filename} is gone", folder.parent)
    except OSError as trouble:
        return told(trouble, f"{said}; a file cannot be read", folder)
    if lack := lacking(size(folder)):
        return _for_now(f"{said}; this process lacks {lack}", folder)
    found = _examined(folder)
    if found == Found.DAMAGED:
        return damage.damaged(f"{said}; a fresh process cannot either", folder.parent)
    return _for_now(f"{said}; {_TOLD.get(found, 'why could not be found out')}", folder)


def held(folder: Path) -> bool:
    """Whether a process has the shard open, this one included: the engine locks its log then."""
    try:
        log = os.open(folder / "wal", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no locks on this file system
        return False
    finally:
        os.close(log)
    return False


def lacking(addresses: int = 0) -> str:
    """What this process cannot have of what the engine takes, `addresses` bytes of a shard's files
    included; empty where it lacks nothing.
    """
    trials: dict[str, AbstractContextManager[None]] = {
        # Twice: what is read into memory may be mapped as well.
        "memory": _addresses(2 * addresses + _ROOM),
        "file handles": _handles(_HANDLES),
        "threads": _threads(_THREADS),
    }
    for name, trial in trials.items():
        try:
            with trial:
                pass
        except (OSError, RuntimeError, MemoryError, ValueError):
            return name
    return ""


@contextmanager
def _threads(count: int) -> Iterator[None]:
    started, enough = threading.Semaphore(0), threading.Event()

    def wait() -> None:
        started.release()
        enough.wait()

    try:
        for _ in range(count):
            # Not by `Thread.start`: where memory is short it can wait for a dead one for ever.
            _thread.start_new_thread(wait, ())
        for _ in range(count):
            if not started.acquire(timeout=_STARTED):
                raise MemoryError
        yield
    finally:
        enough.set()


@contextmanager
def _handles(count: int) -> Iterator[None]:
    with ExitStack() as opened:
        for _ in range(count):
            opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        yield


@contextmanager
def _addresses(size: int) -> Iterator[None]:
    # Not to be written to: such pages are no promise of memory, which a system may refuse.
    flags, access = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ
    with mmap.mmap(-1, size, flags=flags, prot=access):
        yield


def _examined(folder: Path) -> int:
    """What a fresh process says, started with this one's limits; its exit code."""
    command = child.command(_FRESH, str(folder))
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode  # noqa: S603
    except (OSError, MemoryError):
        return 1


def _read_through(folder: Path) -> None:
    """Raises OSError where a file cannot be opened as the engine does, or read to its end."""
    for file in _files(folder):
        opened = os.open(file, os.O_RDWR)
        try:
            while os.read(opened, _PIECE):
                pass
        finally:
            os.close(opened)


def _files(folder: Path) -> Iterator[str]:
    for place, _, names in os.walk(folder, onerror=_raise):
        yield from (os.path.join(place, name) for name in names)


def _raise(error: OSError) -> None:
    raise error


def size(folder: Path) -> int:
    """Bytes of addresses that its files take, holes included."""
    return sum(os.stat(each).st_size for each in _files(folder))


def _for_now(message: str, folder: Path) -> StoreUnavailable:
    return StoreUnavailable(message).at(
        where=str(folder), hint="nothing was changed: run it again when there is more"
    )
