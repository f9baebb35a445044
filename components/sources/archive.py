"""The documents in a ZIP or TAR file, read in place."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from components import paths
from components.errors import BadDocument, MillraceError, SourceMissing
from components.options import option
from components.sources import extract, local, packed, patterns
from components.sources.kept import Kept
from components.sources.parsing import Parsing
from components.sources.trust import HELP, Trust, by_content
from components.values import Document, DocumentRef, Gap

_FORMATS = "source.path must name a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz file"


@dataclass(frozen=True, kw_only=True)
class Archive(Parsing):
    """A document per member; its id is the member's path in the archive.

    Nothing is unpacked to disk. Two members of one name are an error of that document. When a TAR
    file is written anew all its members are hashed again: it does not tell which are the same.
    """

    revision: ClassVar[int] = 4

    path: Path = option(help="a .zip file or a .tar file, compressed or not", stored=False)
    include: tuple[str, ...] = option(
        patterns.INCLUDE,
        help="globs of members; ** is any depth, case does not matter",
        stored=False,
    )
    exclude: tuple[str, ...] = option(
        (), help="globs of what to leave out, like drafts/**", stored=False
    )
    trust: Trust = option("mtime", help=HELP, stored=False)
    _held: _Held = field(default_factory=lambda: _Held(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        patterns.check(*self.include, *self.exclude)

    @property
    def identity(self) -> str:
        """The absolute path."""
        return extract.storable_path(str(paths.named(self.path)))

    def scan(self) -> Iterator[DocumentRef | Gap]:
        """Members in the archive's order. Raises SourceMissing."""
        try:
            if self.trust == "content":
                self._held.close()
            content = self._held.content(self.path)
        except (OSError, packed.Damaged) as error:
            raise self._missing(error) from error
        chosen = patterns.Chosen(self.include, self.exclude)
        for number, member in enumerate(content.members):
            if chosen.takes(_below(member.name)):
                ref = DocumentRef(
                    id=extract.document_id(member.name),
                    version=member.version or content.version,
                    locator=str(number),
                    place=f"member {number + 1}",
                )
                yield by_content(ref, self.digest) if self.trust == "content" else ref
        if content.trouble:
            yield Gap(prefix="", where=self.identity, reason=f"damaged: {content.trouble}")

    def digest(self, ref: DocumentRef) -> str:
        """Sha256 of the member."""
        return hashlib.sha256(self._data(ref)).hexdigest()

    def read(self, ref: DocumentRef) -> Document:
        """The member's text; the modules of `extract` say what each format keeps."""
        return self._parsed(ref.id, self._data(ref), self._where(ref))

    def _data(self, ref: DocumentRef) -> bytes:
        try:
            return self._held.data(self.path, ref, self.max_bytes)
        except MillraceError as error:
            error.at(where=self._where(ref))
            raise
        except (OSError, packed.Damaged) as error:
            reason = f"the archive cannot be read: {_reason(error)}"
            raise BadDocument(reason).at(where=self._where(ref)).passing() from error

    def _where(self, ref: DocumentRef) -> str:
        return f"{self.identity} member {ref.id}"

    def _missing(self, error: OSError | packed.Damaged) -> MillraceError:
        told = "the archive cannot be read"
        if isinstance(error, OSError):
            return local.absent(error, told, self.identity, _FORMATS)
        return SourceMissing(f"{told}: {error}").at(where=self.identity, hint=_FORMATS)


@dataclass(frozen=True, slots=True)
class _Content:
    """An opened archive and what is in it."""

    version: str
    """Changes whenever the file does."""
    archive: packed.Packed
    members: tuple[packed.Member, ...]
    trouble: str
    """Why there may be more members; empty where these are all."""


class _Held:
    """The archive, held open between reads so that a compressed one is read forward only."""

    def __init__(self) -> None:
        self._content: _Content | None = None
        self._kept = Kept()
        self._turn = threading.RLock()

    def content(self, path: Path) -> _Content:
        """What is in the file now. Raises OSError, Damaged."""
        with self._turn:
            found = os.stat(path)
            # Asked before it is opened: opening a pipe waits for somebody to write to it.
            if not stat.S_ISREG(found.st_mode):
                raise packed.Damaged("not a regular file")
            version = f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"
            if self._content is None or self._content.version != version:
                self.close()
                self._content = _content(version, packed.opened(str(path)))
            return self._content

    def data(self, path: Path, ref: DocumentRef, most: int) -> bytes:
        """A member's bytes. Raises BadDocument, OSError, Damaged."""
        with self._turn:
            content, number = self.content(path), int(ref.locator)
            names = [extract.document_id(each.name) for each in content.members[number:][:1]]
            if names != [ref.id]:
                raise BadDocument("the archive changed after it was listed").passing()
            return self._kept.get(
                (content.version, number, most),
                lambda: packed.data(content.archive, content.members[number], most),
            )

    def close(self) -> None:
        """Let go of the file, and of what was read of it."""
        with self._turn:
            if self._content is not None:
                self._content.archive.close()
            self._content, self._kept = None, Kept()

    def __del__(self) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[_Held], tuple[()]]:
        return _Held, ()


def _content(version: str, archive: packed.Packed) -> _Content:
    members, trouble = [], ""
    try:
        for member in archive.members():
            members.append(member)
    except packed.Damaged as error:
        trouble = str(error)
    return _Content(version, archive, tuple(members), trouble)


def _below(name: str) -> str:
    """A member's path as patterns see it: nothing leads up or to the root."""
    return "/".join(part for part in name.split("/") if part not in ("", ".", ".."))


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
