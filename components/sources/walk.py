"""Going through a folder: the files chosen, and the links that are not followed, by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.sources import local
from components.sources.patterns import Chosen
from components.values import Gap, LeftOut

_ELSEWHERE = "a link to a folder of this source, which is read under its own name"
_HIDDEN = "a link to a folder that is not read otherwise"
_LOOP = "a link to a folder that it lies in"
_NOWHERE = "a link to nothing, perhaps to a folder once: mend it, or source.exclude leaves it out"


class RootMissing(Exception):
    """The folder itself cannot be listed."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True)
class Found:
    """A file; or, without a version, what is not read."""

    name: str
    """Path below the folder, with "/" between the parts, and at the end of a folder."""
    version: str = ""
    reason: str = ""
    missing: bool = False
    """Whether something may be lost by it."""
    is_link: bool = False

    def unread(self, id: str, where: str, remedy: str) -> Gap | LeftOut:
        """What to tell of it. `remedy`: how a link may be followed all the same."""
        if not self.missing:
            return LeftOut(where=where, reason=self.reason)
        reason = f"{self.reason}: {remedy}" if self.is_link else self.reason
        return Gap(prefix=id, where=where, reason=reason)


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to be listed, and the folders that it lies in, each by device and number."""

    name: str
    above: frozenset[tuple[int, int]] = frozenset()


class Walk:
    """Through a folder and those below it, without recursion: a tree may be deeper than a stack."""

    def __init__(self, root: Path, chosen: Chosen, *, follow_links: bool) -> None:
        self._root = root
        self._chosen = chosen
        self._follow_links = follow_links

    def entries(self) -> Iterator[Found]:
        """By name, a folder's own before those of its sub-folders. Raises RootMissing."""
        folders = [_Folder("")]
        while folders:
            folder = folders.pop()
            try:
                entries, above = self._list(folder)
            except OSError as error:
                if not folder.name:
                    raise RootMissing(error) from error
                yield _unlisted(folder.name, error)
                continue
            below = []
            for entry in entries:
                name = folder.name + entry.name
                if not _is_folder(entry):
                    if self._chosen.takes(local.shown(name)):
                        yield self._file(name, entry)
                    if entry.is_symlink() and (lost := led_nowhere(self._root, name, self._chosen)):
                        yield lost
                elif self._chosen.enters(local.shown(name)):
                    left = self._left(f"{name}/", entry, above) if entry.is_symlink() else None
                    if left:
                        yield left
                    else:
                        below.append(_Folder(f"{name}/", above))
            folders += reversed(below)

    def _list(self, folder: _Folder) -> tuple[list[os.DirEntry[str]], frozenset[tuple[int, int]]]:
        """What is in it by name, and the folders that a folder in it lies in."""
        path = os.path.join(self._root, folder.name)
        above = folder.above
        if self._follow_links:
            above |= {_identity(os.stat(path))}
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda each: each.name), above

    def _file(self, name: str, entry: os.DirEntry[str]) -> Found:
        try:
            return Found(name, version(self._root, name, entry, follow_links=self._follow_links))
        except OSError as error:
            return _unlisted(name, error)

    def _left(
        self, name: str, entry: os.DirEntry[str], above: frozenset[tuple[int, int]]
    ) -> Found | None:
        """Why a link to a folder is not followed; None where it is."""
        if self._follow_links:
            return Found(name, reason=_LOOP) if _identity(entry.stat()) in above else None
        return unfollowed(self._root, name, self._chosen)


def version(root: Path, name: str, entry: os.DirEntry[str], *, follow_links: bool) -> str:
    """Of a file below a folder, another one whenever the file changes. Raises OSError."""
    if entry.is_symlink() and not follow_links and local.leads_out(root, name):
        return local.LED_OUT
    try:
        found = entry.stat()
    except OSError:
        found = entry.stat(follow_symlinks=False)  # a link to nothing: reading it says so
    return f"{found.st_mtime_ns}-{found.st_size}"


def unfollowed(root: Path, name: str, chosen: Chosen) -> Found:
    """What is lost where a link to a folder, below a folder, is not followed."""
    if local.leads_out(root, name):
        return Found(name, reason=f"{local.LEADS_OUT}, to a folder", missing=True, is_link=True)
    target = os.path.relpath(os.path.realpath(os.path.join(root, name)), os.path.realpath(root))
    parts = target.split(os.sep)
    above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    if target == os.curdir or all(map(chosen.enters, map(local.shown, above))):
        return Found(name, reason=_ELSEWHERE)
    return Found(name, reason=_HIDDEN, missing=True, is_link=True)


def led_nowhere(root: Path, name: str, chosen: Chosen) -> Found | None:
    """What may be lost below a link, where it leads nowhere: there may have been a folder of that
    name, now on a disk that is away. Where a document is called so, that one says it: no reason.
    """
    if not chosen.enters(local.shown(name)) or os.path.exists(os.path.join(root, name)):
        return None
    reason = "" if chosen.takes(local.shown(name)) else _NOWHERE
    return Found(f"{name}/", reason=reason, missing=True)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Also a link to one."""
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link in a circle, or one that may not be looked at: reading it says so


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _unlisted(name: str, error: OSError) -> Found:
    return Found(name, reason=f"cannot be listed: {error.strerror}", missing=True)
