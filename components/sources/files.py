"""A folder of files: Markdown, reStructuredText, plain text, HTML and PDF."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote_from_bytes, unquote_to_bytes

from components import paths
from components.errors import BadDocument
from components.options import option
from components.sources import extract, local, patterns, walk
from components.sources.parsing import Parsing
from components.sources.trust import HELP, Trust, by_content
from components.values import Document, DocumentRef, Gap, LeftOut

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
    exclude: tuple[str, ...] = option(
        (), help="globs of what to leave out, like drafts/**", stored=False
    )
    follow_links: bool = option(
        False,
        help="read what links lead to, files and folders, also out of the folder",
        stored=False,
    )
    trust: Trust = option("mtime", help=HELP, stored=False)

    def __post_init__(self) -> None:
        patterns.check(*self.include, *self.exclude)

    @property
    def identity(self) -> str:
        """The folder's absolute path."""
        return extract.storable_path(str(paths.named(self.path)))

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

    def read(self, ref: DocumentRef) -> Document:
        """The file's text; the modules of `extract` say what each format keeps."""
        with self._open(ref) as file:
            data = self._whole(file)
        return self._parsed(ref.id, data, self._where(ref.id))

    def _listed(self, found: walk.Found) -> DocumentRef | Gap | LeftOut:
        id = extract.document_id(local.shown(found.name))
        if found.version:
            locator = quote_from_bytes(os.fsencode(found.name))
            ref = DocumentRef(id=id, version=found.version, locator=locator)
            return by_content(ref, self.digest) if self.trust == "content" else ref
        if found.missing:
            reason = f"{found.reason}: {_REMEDY}" if found.is_link else found.reason
            return Gap(prefix=id, where=self._where(id), reason=reason)
        return LeftOut(where=self._where(id), reason=found.reason)

    @contextmanager
    def _open(self, ref: DocumentRef) -> Iterator[BufferedReader]:
        name = os.fsdecode(unquote_to_bytes(ref.locator))
        where = self._where(ref.id)
        try:
            with local.opened(self.path, name, follow_links=self.follow_links) as file:
                self._check_size(os.fstat(file.fileno()).st_size, where)
                yield file
        except BadDocument as error:
            error.at(where=where)
            raise

    def _where(self, id: str) -> str:
        return f"{self.identity}/{id}"
