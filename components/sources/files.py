"""A folder of files: Markdown, reStructuredText, plain text, HTML and PDF."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote_from_bytes, unquote_to_bytes

from components.errors import BadDocument, SourceMissing
from components.options import option
from components.sources import extract, patterns
from components.values import Document, DocumentRef, Gap


@dataclass(frozen=True, kw_only=True)
class Files:
    """A document per file; its id is the path below `path`, with "/" between the parts.

    Links to files are followed, links to folders are not. Names that begin with a dot count where
    a pattern spells the dot.
    """

    revision: ClassVar[int] = 2

    path: Path = option(help="the folder to read", stored=False)
    include: tuple[str, ...] = option(
        patterns.INCLUDE,
        help="globs below the folder; ** is any depth, case does not matter",
        stored=False,
    )
    exclude: tuple[str, ...] = option(
        (), help="globs of what to leave out, like drafts/**", stored=False
    )

    def __post_init__(self) -> None:
        patterns.check(*self.include, *self.exclude)

    @property
    def identity(self) -> str:
        """The folder's absolute path."""
        return extract.storable_path(os.path.abspath(self.path))

    @property
    def facts(self) -> Mapping[str, object]:
        """The version of what reads PDFs: their text depends on it."""
        return extract.facts()

    def scan(self) -> Iterator[DocumentRef | Gap]:
        """Files by name, a folder's own before those of its sub-folders."""
        chosen = patterns.Chosen(self.include, self.exclude)
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                entries = _entries(os.path.join(self.path, folder))
            except OSError as error:
                if not folder:
                    raise self._missing(error) from error
                yield self._gap(folder, error)
                continue
            for name, entry in entries:
                if entry and chosen.takes(folder + name):
                    yield from self._listed(folder + name, entry)
            below = [folder + name for name, entry in entries if not entry]
            folders += [f"{each}/" for each in reversed(below) if chosen.enters(each)]

    def digest(self, ref: DocumentRef) -> str:
        """Sha256 of the file."""
        with self._open(ref) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def read(self, ref: DocumentRef) -> Document:
        """The file's text; the modules of `extract` say what each format keeps."""
        with self._open(ref) as file:
            data = file.read()
        return extract.document(ref.id, data, self._where(ref.id))

    def _listed(self, name: str, entry: os.DirEntry[str]) -> Iterator[DocumentRef | Gap]:
        try:
            found = _stat(entry)
        except OSError as error:
            yield self._gap(name, error)
            return
        if not stat.S_ISDIR(found.st_mode):
            yield DocumentRef(
                id=extract.storable_path(name),
                version=f"{found.st_mtime_ns}-{found.st_size}",
                locator=quote_from_bytes(os.fsencode(name)),
            )

    @contextmanager
    def _open(self, ref: DocumentRef) -> Iterator[BufferedReader]:
        file = os.path.join(self.path, os.fsdecode(unquote_to_bytes(ref.locator)))
        where = self._where(ref.id)
        try:
            # Looked at before it is opened: opening a pipe waits for somebody to write to it.
            if not stat.S_ISREG(os.stat(file).st_mode):
                raise BadDocument("not a regular file").at(where=where)
            with open(file, "rb") as opened:
                yield opened
        except FileNotFoundError as error:
            reason = "a link to nothing" if os.path.islink(file) else "gone since it was listed"
            raise BadDocument(reason).at(where=where).passing() from error
        except OSError as error:
            raise (
                BadDocument(f"cannot be read: {error.strerror}").at(where=where).passing()
            ) from error

    def _where(self, id: str) -> str:
        return f"{self.identity}/{id}"

    def _gap(self, name: str, error: OSError) -> Gap:
        id = extract.storable_path(name)
        return Gap(prefix=id, where=self._where(id), reason=f"cannot be listed: {error.strerror}")

    def _missing(self, error: OSError) -> SourceMissing:
        return SourceMissing(f"the folder cannot be listed: {error.strerror}").at(
            where=self.identity, hint="source.path must name a folder that this user may read"
        )


def _entries(folder: str) -> list[tuple[str, os.DirEntry[str] | None]]:
    """Names in order, each with its entry, or None where it is a folder itself."""
    with os.scandir(folder) as entries:
        found = {
            each.name: None if each.is_dir(follow_symlinks=False) else each for each in entries
        }
    return sorted(found.items())


def _stat(entry: os.DirEntry[str]) -> os.stat_result:
    try:
        return entry.stat()
    except OSError:
        return entry.stat(follow_symlinks=False)  # a link to nothing: reading it says so
