"""Files below a folder of this machine, and where links lead."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

from components.errors import BadDocument, MillraceError, SourceMissing, SourceUnavailable
from components.machine import paths
from components.machine.system import FOR_NOW, OF_PROCESS
from components.sources.storable import storable_path

LEADS_OUT = "a link that leads out of the source's folder"
FOLLOW = "source.follow_links: true reads what it leads to"
LED_OUT = "leads out"
"""The version of such a link: another than the file's, should it be followed one day."""
_DESCRIPTORS = Path("/proc/self/fd")


def absent(error: OSError, message: str, where: str, hint: str) -> MillraceError:
    """Why a source cannot be listed: a mistake, or the machine's and its disks' trouble for now."""
    told = f"{message}: {error.strerror or error}"
    if error.errno in FOR_NOW:
        return SourceUnavailable(told).at(where, "is its disk or share there? then run it again")
    return SourceMissing(told).at(where, hint)


def shown(name: str) -> str:
    """A file's name as UTF-8 says it, whatever the locale's encoding is."""
    try:
        return os.fsencode(name).decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a name that is not from the system
        return name


def identity(path: Path) -> str:
    """What a source at this place is called by: its absolute path."""
    return storable_path(str(paths.named(path)))


def locator(name: str) -> str:
    """A file's name for a document's reference; `located` gives it back."""
    return quote_from_bytes(os.fsencode(name))


def located(locator: str) -> str:
    """The name that a locator stands for."""
    return os.fsdecode(unquote_to_bytes(locator))


@contextmanager
def opened(root: Path, name: str, *, follow_links: bool) -> Iterator[BufferedReader]:
    """A regular file below a folder. Raises BadDocument; SourceUnavailable without the folder, or
    where this process can open none.

    Where links are not followed out of the folder, what was opened is asked where it is: a link
    may be another by the time that it is opened.
    """
    try:
        with _folder(root) as folder:
            # Looked at before it is opened, which a device may take for an order, and after: by
            # then it may be a pipe, whose opening waits for somebody to write to it.
            _check_regular(os.stat(name, dir_fd=folder))
            file = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
            with open(file, "rb") as opened:
                _check_regular(os.fstat(file))
                if not follow_links and not _is_below(root, folder, name, file):
                    raise BadDocument(f"{LEADS_OUT}: {FOLLOW}").passing()
                yield opened
    except FileNotFoundError as error:
        linked = os.path.islink(os.path.join(root, name))
        reason = "a link to nothing" if linked else "gone since it was listed"
        raise BadDocument(reason).passing() from error
    except OSError as error:
        if error.errno in OF_PROCESS:
            where = os.path.join(root, name)
            raise absent(error, "no document can be opened", where, "") from error
        raise BadDocument(f"cannot be read: {error.strerror}").passing() from error


def leads_out(root: Path, name: str) -> bool:
    """Whether what is called so below a folder is not below it. The folder may be a link itself."""
    while True:
        home = os.path.realpath(root)
        if _below(home, os.path.realpath(os.path.join(root, name))):
            return False
        if os.path.realpath(root) == home:
            return True


def _check_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise BadDocument("not a regular file")


def not_here(place: Path, error: OSError) -> SourceUnavailable:
    """The whole source was there when it was listed, and is not where it is read."""
    host = socket.gethostname()
    return SourceUnavailable(f"not on {host}, where documents are read: {error.strerror}").at(
        where=str(place),
        hint="mount it there again; every node of a Ray cluster needs it at the same place",
    )


@contextmanager
def _folder(path: Path) -> Iterator[int]:
    try:
        folder = os.open(path, getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise not_here(path, error) from error
    try:
        yield folder
    finally:
        os.close(folder)


def _is_below(root: Path, folder: int, name: str, file: int) -> bool:
    try:
        return _below(*(os.readlink(_DESCRIPTORS / str(each)) for each in (folder, file)))
    except OSError:  # a system without these
        return not leads_out(root, name)


def _below(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
