"""Private copies of shards, for readers that stay and for indexes that this user cannot write.

    CACHE/copies/copy-XXXXXXXX/shard/        and a lock, see `temporary`

The engine lets one process open a shard, and writes to it even where it is only read.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from components.errors import BadOption, IndexFault, MillraceError, Moved
from components.indexes.edge import shards
from components.indexes.edge.files import allocated, check_space, copy_tree
from components.machine import temporary
from infra.settings import cache_folder, settings

_POLL = 0.02
"""Seconds between two tries for a lock."""
_log = logging.getLogger(__name__)


@contextmanager
def copied(shard: Path) -> Iterator[Path]:
    """The folder of a copy of a closed shard, removed in the end: in the cache folder or, of a
    shard that cannot be read without a copy, among the system's temporary ones.

    Raises Moved where the shard is gone, Busy, DiskFull, IndexFault; BadOption where no folder can
    be used.
    """
    with _folder(needed=not writable(shard)) as folder:
        own = folder / shard.name
        with _undisturbed(shard.parent / shards.LOCK):
            if not shard.is_dir():
                raise Moved(f"{shard.parent.name} was replaced and removed").at(hint="try again")
            check_space(folder, allocated(shard))
            _copy(shard, own)
        yield own


def writable(shard: Path) -> bool:
    """Whether the engine could open it where it is. Locks beside it count."""
    lock = shard.parent / shards.LOCK
    if not os.access(lock if lock.exists() else shard.parent, os.W_OK):
        return False
    return all(
        os.access(os.path.join(place, name), os.W_OK)
        for place, _, files in os.walk(shard)
        for name in (".", *files)
    )


@contextmanager
def _folder(*, needed: bool) -> Iterator[Path]:
    """A folder that is this process' own for as long as it lives."""
    with ExitStack() as held:
        try:
            home = cache_folder().absolute() / "copies"  # the working folder may change
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder = held.enter_context(temporary.folder("copy-", home))
        except (OSError, RuntimeError) as error:  # RuntimeError: this user has no home
            reason = getattr(error, "strerror", None) or str(error)
            unusable = BadOption(
                f"the copy of an index cannot be made in the cache folder: {reason}"
            ).at(where="MILLRACE_CACHE", hint="name a folder that can be written")
            if not needed:
                raise unusable from error
            folder = held.enter_context(_temporary(unusable))
        yield folder


@contextmanager
def _temporary(unusable: BadOption) -> Iterator[Path]:
    with ExitStack() as held:
        try:
            folder = held.enter_context(temporary.folder("millrace-copy-"))
        except (OSError, MillraceError):
            raise unusable from None
        _tell(f"{unusable}: it is made in {folder.parent}")
        yield folder


@cache
def _tell(message: str) -> None:
    """Once in a process: a comparison makes several copies."""
    _log.warning(message)


def _copy(shard: Path, own: Path) -> None:
    try:
        copy_tree(shard, own)
        for place, _, files in os.walk(own):  # of read-only media they are read-only
            os.chmod(place, 0o700)
            for name in files:
                os.chmod(os.path.join(place, name), 0o600)
    except OSError as error:
        check_space(own.parent)
        raise IndexFault(f"cannot be copied: {error}").at(where=str(shard)) from error


@contextmanager
def _undisturbed(lock: Path) -> Iterator[None]:
    """No process opens the shard meanwhile, others may copy it too. Waits, then raises Busy.

    A lock that cannot be opened or held, on media that nobody here writes, holds nobody up.
    """
    if sys.platform == "win32":
        with shards.turn(lock):
            yield
        return
    import fcntl

    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        until = time.monotonic() + settings().reader_wait
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise shards.in_use(lock) from None
                time.sleep(_POLL)
            except OSError:  # not every file system has locks
                break
        yield
    finally:
        os.close(descriptor)
