"""Files that must be whole or absent, and copies that keep the holes of sparse files."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from components.errors import Damaged, DiskFull, MillraceError, Refused, StoreUnavailable
from components.machine.system import FOR_NOW, FULL
from infra.settings import settings

_PIECE = 8 * 2**20
_FICLONE = 0x40049409


def told(error: OSError, doing: str, where: Path) -> MillraceError:
    """The system's error as ours, by its number: no space, not for now, or not allowed."""
    message = f"{doing}: {error.strerror or error}"
    if error.errno in FULL:
        return DiskFull(message).at(where=str(where), hint="free some space and run again")
    if error.errno in FOR_NOW:
        return StoreUnavailable(message).at(where=str(where), hint="try again")
    return Refused(message).at(where=str(where), hint="may this user read and write there?")


def write_json(file: Path, value: Mapping[str, Any]) -> None:
    """Replace a file at once: after a crash it holds the old value or the new one. Raises as `told`
    does.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    with _telling("cannot be written", file):
        with temporary.open("w", encoding="utf-8") as opened:
            json.dump(value, opened, indent=1, default=str)
            opened.flush()
            os.fsync(opened.fileno())
        temporary.replace(file)
    sync_folder(file.parent)


def read_json(file: Path) -> dict[str, Any] | None:
    """The object in a file, None where there is no file. Raises Damaged, and as `told` does."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise told(error, "cannot be read", file) from error
    except (ValueError, TypeError) as error:
        raise Damaged(f"cannot be read: {error}").at(where=str(file)) from error


def sync_folder(folder: Path) -> None:
    """Make the folder's own entries durable."""
    with suppress(OSError):  # not every file system lets a folder be synced
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Make every file below a folder durable."""
    for place, _, files in os.walk(folder):
        for name in files:
            descriptor = os.open(os.path.join(place, name), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_folder(Path(place))


def copy_tree(source: Path, target: Path) -> None:
    """A copy in which holes stay holes: an empty shard is 137 MB long and 0.1 MB large. Raises as
    `told` does.
    """
    shutil.copytree(source, target, copy_function=_copied, dirs_exist_ok=False)


def allocated(folder: Path) -> int:
    """Bytes that a file or a link takes on the disk, or all files below a folder."""
    if folder.is_symlink() or not folder.is_dir():
        return _allocated(str(folder))
    walked = os.walk(folder)
    return sum(_allocated(os.path.join(place, name)) for place, _, own in walked for name in own)


def _allocated(file: str) -> int:
    try:
        return int(os.lstat(file).st_blocks) * 512
    except FileNotFoundError:  # a reader that closes replaces files
        return 0


def check_space(folder: Path, needed: int = 0) -> None:
    """Raises DiskFull: the engine itself is killed by a full disk, without a message."""
    free = shutil.disk_usage(folder).free
    spare = settings().spare_bytes
    if free < needed + spare:
        raise DiskFull(f"{_size(free)} free, {_size(needed + spare)} needed").at(
            where=str(folder),
            hint="free some space (millrace prune may do) and run again: nothing is lost",
        )


def _copied(source: str, target: str) -> str:
    """Told here: `copytree` goes on after an OSError, and ends in one that has no number."""
    with _telling("cannot be read", source), open(source, "rb") as reader:
        with _telling("cannot be written", target), open(target, "wb") as writer:
            _copy_sparse(reader.fileno(), writer.fileno(), source)
        with _telling("cannot be written", target):
            shutil.copystat(source, target)
    return target


@contextmanager
def _telling(doing: str, place: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise told(error, doing, Path(place)) from error


def _copy_sparse(reader: int, writer: int, source: str) -> None:
    if _cloned(reader, writer):
        return
    size = os.fstat(reader).st_size
    at = 0
    while at < size:
        start, end = _next_data(reader, at, size)
        _copy_range(reader, writer, start, end, source)
        at = end
    os.ftruncate(writer, size)


def _cloned(source: int, target: int) -> bool:
    """Share the blocks where the file system can (btrfs, xfs): a copy in no time and no space."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _next_data(descriptor: int, at: int, size: int) -> tuple[int, int]:
    if not hasattr(os, "SEEK_DATA"):
        return at, size
    try:
        start = os.lseek(descriptor, at, os.SEEK_DATA)
        return start, os.lseek(descriptor, start, os.SEEK_HOLE)
    except OSError:  # nothing but a hole up to the end
        return size, size


def _copy_range(reader: int, writer: int, start: int, end: int, source: str) -> None:
    while start < end:
        with _telling("cannot be read", source):
            piece = os.pread(reader, min(_PIECE, end - start), start)
        if not piece:
            return
        start += os.pwrite(writer, piece, start)


def _size(count: int) -> str:
    return f"{count / 2**20:,.0f} MiB"
