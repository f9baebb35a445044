"""The documents in a ZIP or TAR file, read in place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from components.errors import BadDocument, MillraceError, SourceMissing
from components.options import option
from components.sources import local, packed, patterns
from components.sources.kept import Held
from components.sources.parsing import Parsing
from components.sources.storable import document_id
from components.values import DocumentRef, Gap

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
    exclude: tuple[str, ...] = patterns.EXCLUDE
    _held: Held[_Content] = field(
        default_factory=lambda: Held(_content), init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        patterns.check(*self.include, *self.exclude)

    @property
    def identity(self) -> str:
        """The absolute path."""
        return local.identity(self.path)

    def scan(self) -> Iterator[DocumentRef | Gap]:
        """Members in the archive's order. Raises SourceMissing."""
        try:
            if self.trust == "content":
                self._held.close()
            version, content = self._held.of(self.path)
        except (OSError, packed.Damaged) as error:
            raise self._missing(error) from error
        chosen = patterns.Chosen(self.include, self.exclude)
        for number, member in enumerate(content.members):
            if chosen.takes(_below(member.name)):
                ref = DocumentRef(
                    id=document_id(member.name),
                    version=member.version or version,
                    locator=str(number),
                    place=f"member {number + 1}",
                )
                yield self._trusted(ref)
        if content.trouble:
            yield Gap(prefix="", where=self.identity, reason=f"damaged: {content.trouble}")

    def _data(self, ref: DocumentRef) -> bytes:
        try:
            return self._held.read(
                self.path, (ref.id, ref.locator), lambda held: held.data(ref, self.max_bytes)
            )
        except MillraceError as error:
            error.at(where=self._where(ref.id))
            raise
        except (OSError, packed.Damaged) as error:
            reason = f"the archive cannot be read: {_reason(error)}"
            raise BadDocument(reason).at(where=self._where(ref.id)).passing() from error

    def _where(self, id: str) -> str:
        return f"{self.identity} member {id}"

    def _missing(self, error: OSError | packed.Damaged) -> MillraceError:
        told = "the archive cannot be read"
        if isinstance(error, OSError):
            return local.absent(error, told, self.identity, _FORMATS)
        return SourceMissing(f"{told}: {error}").at(where=self.identity, hint=_FORMATS)


@dataclass(frozen=True, slots=True)
class _Content:
    """An opened archive and what is in it."""

    archive: packed.Packed
    members: tuple[packed.Member, ...]
    trouble: str
    """Why there may be more members; empty where these are all."""

    def data(self, ref: DocumentRef, most: int) -> bytes:
        """A member's bytes. Raises BadDocument."""
        number = int(ref.locator)
        names = [document_id(each.name) for each in self.members[number:][:1]]
        if names != [ref.id]:
            raise BadDocument("the archive changed after it was listed").passing()
        return packed.data(self.archive, self.members[number], most)

    def close(self) -> None:
        self.archive.close()


def _content(file: Path) -> _Content:
    """Raises OSError, Damaged."""
    if not os.path.isfile(file):  # opening a pipe waits for somebody to write to it
        raise packed.Damaged("not a regular file")
    archive = packed.opened(str(file))
    members, trouble = [], ""
    try:
        for member in archive.members():
            members.append(member)
    except packed.Damaged as error:
        trouble = str(error)
    return _Content(archive, tuple(members), trouble)


def _below(name: str) -> str:
    """A member's path as patterns see it: nothing leads up or to the root."""
    return "/".join(part for part in name.split("/") if part not in ("", ".", ".."))


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
