"""A folder of files: Markdown, reStructuredText, plain text, HTML and PDF."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import ClassVar

from components.options import option
from components.sources import local, patterns, walk
from components.sources.parsing import Parsing
from components.sources.storable import document_id
from components.values import DocumentRef, Gap, LeftOut

_MISSING = "source.path must name a folder that this user may read"
_REMEDY = f"{local.FOLLOW}, source.exclude leaves it out"


@dataclass(frozen=True, kw_only=True)
class Files(Parsing):
    """A document per file; its id is the path below `path`, with "/" between the parts.

    Links to files are read where they stay in the folder; `path` itself may be a link. Names that
    begin with a dot count where a pattern spells the dot.
    """

    revision: ClassVar[int] = 5

    path: Path = option(help="the folder to read", stored=False)
    include: tuple[str, ...] = option(
        patterns.INCLUDE,
        help="globs below the folder; ** is any depth, case does not matter",
        stored=False,
    )
    exclude: tuple[str, ...] = patterns.EXCLUDE
    follow_links: bool = option(
        False,
        help="read what links lead to, files and folders, also out of the folder",
        stored=False,
    )

    def __post_init__(self) -> None:
        patterns.check(*self.include, *self.exclude)

    @property
    def identity(self) -> str:
        """The folder's absolute path."""
        return local.identity(self.path)

    def scan(self) -> Iterator[DocumentRef | Gap | LeftOut]:
        """Files by name, a folder's own before those of its sub-folders. Raises SourceMissing,
        SourceUnavailable.
        """
        chosen = patterns.Chosen(self.include, self.exclude)
        found = walk.Walk(self.path, chosen, follow_links=self.follow_links)
        try:
            for each in found.entries():
                yield self._listed(each)
        except walk.RootMissing as error:
            raise local.absent(
                error.error, "the folder cannot be listed", self.identity, _MISSING
            ) from error

    def digest(self, ref: DocumentRef) -> str:
        """Sha256 of the file."""
        with self._open(ref) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def _listed(self, found: walk.Found) -> DocumentRef | Gap | LeftOut:
        id = document_id(local.shown(found.name))
        if found.version:
            locator = local.locator(found.name)
            return self._trusted(DocumentRef(id=id, version=found.version, locator=locator))
        return found.unread(id, self._where(id), _REMEDY)

    def _data(self, ref: DocumentRef) -> bytes:
        with self._open(ref) as file:
            return self._whole(file)

    def _open(self, ref: DocumentRef) -> AbstractContextManager[BufferedReader]:
        name, where = local.located(ref.locator), self._where(ref.id)
        return self._opened(self.path, name, where, follow_links=self.follow_links)

    def _where(self, id: str) -> str:
        return f"{self.identity}/{id}"
