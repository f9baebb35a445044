"""What sources of files in many formats have in common: how large a document may be, what parsing
it may cost, and what tells that it has changed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import BufferedReader
from pathlib import Path
from typing import IO, Literal

from components.errors import BadDocument
from components.options import Count, option
from components.sources import extract, isolated, local
from components.sources.worker import Limits
from components.values import Document, DocumentRef

Trust = Literal["mtime", "content"]
_PIECE = 2**20


@dataclass(frozen=True, kw_only=True)
class Parsing:
    """Options of a source that parses files."""

    max_bytes: Count = option(
        256 * 2**20, help="bytes of a document; larger ones are reported", stored=False
    )
    parse_seconds: Count = option(60, help="seconds that parsing a document may take", stored=False)
    parse_bytes: Count = option(
        2 * 2**30, help="bytes of memory that parsing a document may take, on Linux", stored=False
    )
    trust: Trust = option(
        "mtime",
        help="what tells that a document has changed: mtime (and size), or content, for which "
        "every survey reads all",
        stored=False,
        last=True,
    )
    _deadly: dict[str, tuple[bytes, BadDocument]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """By id, the hash of what ended its parser twice: a run reads some documents more than once."""

    @property
    def facts(self) -> Mapping[str, object]:
        """The version of what reads PDFs: their text depends on it."""
        return extract.facts()

    def digest(self, ref: DocumentRef) -> str:
        """Sha256 of the document's bytes."""
        return hashlib.sha256(self._data(ref)).hexdigest()

    def read(self, ref: DocumentRef) -> Document:
        """The document's text; the modules of `extract` say what each format keeps."""
        return self._parsed(ref.id, self._data(ref), self._where(ref.id))

    def _data(self, ref: DocumentRef) -> bytes:
        raise NotImplementedError

    def _where(self, id: str) -> str:
        raise NotImplementedError

    def _trusted(self, ref: DocumentRef) -> DocumentRef:
        """The document, with a hash of its bytes for a version where nothing else is trusted. Where
        they cannot be read it stays what it is: reading it will say so.
        """
        if self.trust == "mtime":
            return ref
        try:
            return replace(ref, version=self.digest(ref))
        except BadDocument:
            return ref

    @staticmethod
    def _parse(id: str, data: bytes, where: str) -> Document:
        """The document. Runs in the other process."""
        return extract.document(id, data, where)

    @contextmanager
    def _opened(
        self, root: Path, name: str, where: str, *, follow_links: bool
    ) -> Iterator[BufferedReader]:
        """A file below a folder of this machine. Raises as `local.opened`, and where it is too
        large.
        """
        try:
            with local.opened(root, name, follow_links=follow_links) as file:
                self._check_size(os.fstat(file.fileno()).st_size)
                yield file
        except BadDocument as error:
            error.at(where=where)
            raise

    def _whole(self, file: IO[bytes]) -> bytes:
        """All of an opened file. Raises BadDocument where it is too large, whatever was said of it
        before. In pieces: asked for all that it may be, the system gives addresses for as much,
        and what comes over a network comes in part.
        """
        pieces, left = [], self.max_bytes + 1
        while left and (piece := file.read(min(left, _PIECE))):
            pieces.append(piece)
            left -= len(piece)
        data = b"".join(pieces)
        self._check_size(len(data))
        return data

    def _check_size(self, size: int) -> None:
        """Raises BadDocument."""
        if size > self.max_bytes:
            raise BadDocument(f"too large: {size:,} bytes, at most {self.max_bytes:,} are read")

    def _parsed(self, id: str, data: bytes, where: str) -> Document:
        """The document, made in another process. Raises BadDocument, SourceUnavailable."""
        before, verdict = self._deadly.get(id, (b"", None))
        if verdict and before == _hash(data):
            raise verdict
        limits = Limits(self.parse_seconds, self.parse_bytes)
        try:
            return isolated.call(limits, self._parse, id, data, where)
        except isolated.Deadly as error:
            error.at(where=where)
            if not error.transient:
                self._deadly[id] = (_hash(data), error)
            raise


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
