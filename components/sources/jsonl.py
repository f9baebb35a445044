"""A JSON object per line: the layout of BEIR's `corpus.jsonl`, and of others like it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter
from typing import BinaryIO, ClassVar

from components.errors import BadDocument
from components.options import option
from components.sources import fields, gzipped, local, packed
from components.sources.fields import Fields
from components.sources.kept import Held
from components.sources.parsing import Trust
from components.sources.storable import storable_path
from components.values import Document, DocumentRef, Gap, Metadata

_MISSING = "source.path must name a .jsonl or .jsonl.gz file, or a folder with corpus.jsonl"
_FILE = "corpus.jsonl"
_TEXT = "text"
_NAMED = ("_id", "title", _TEXT)


@dataclass(frozen=True, kw_only=True)
class JsonLines:
    """A document per line, its id in `_id`; fields without a role of their own are metadata.

    Without `_id` it is `id`, `pid`, `docid`, `doc_id` or `docno`; without `text` the text is
    `contents`, `content`, `body`, `passage`, `segment` or `page_content`.
    Packed by gzip or not. Two lines with one id are an error of that document. A line's version is
    a hash of its bytes.
    """

    revision: ClassVar[int] = 3

    path: Path = option(
        help="a .jsonl or .jsonl.gz file, or a folder with corpus.jsonl", stored=False
    )
    template: str = option("{title}\n{text}", help="the text, with fields as {name}; {{ is a brace")
    trust: Trust = option(
        "content",
        help="as of files; every survey reads and compares all lines anyway",
        stored=False,
    )
    _held: Held[BinaryIO] = field(
        default_factory=lambda: Held(gzipped.opened), init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for _, name, form, conversion in Formatter().parse(self.template):
            if name is not None and (form or conversion or not name or set(name) & set(".[")):
                raise ValueError("template: a placeholder is a field's name in braces, like {text}")

    @property
    def identity(self) -> str:
        """The absolute path, as the pipeline names it."""
        return local.identity(self.path)

    def scan(self) -> Iterator[DocumentRef | Gap]:
        """Lines in the file's order. A line that cannot be understood may be any document."""
        self._held.close()  # and of what was read before nothing is believed
        file = self._shown_file
        try:
            for number, start, line in self._lines():
                try:
                    id = fields.id_of(fields.parsed(line))
                except ValueError as error:
                    yield Gap(prefix="", where=f"{file} line {number}", reason=str(error))
                    continue
                place = f"line {number}"
                yield DocumentRef(
                    id=id, version=_hash(line), locator=f"{start}:{len(line)}", place=place
                )
        except packed.Damaged as error:
            yield Gap(prefix="", where=file, reason=f"damaged: {error}")

    def digest(self, ref: DocumentRef) -> str:
        """Sha256 of the line, first 16 hex digits."""
        return _hash(self._line(ref))

    def read(self, ref: DocumentRef) -> Document:
        """The line, its text made by `template`."""
        try:
            found = fields.parsed(self._line(ref))
        except ValueError as error:
            raise self._bad(ref, str(error)) from error
        text = _fill(self.template, found)
        if not text:
            raise self._bad(ref, "empty: the fields of the template are missing or blank")
        title = fields.shown(found.get("title"))
        return Document(id=ref.id, text=text, title=title, metadata=_metadata(found))

    @property
    def _file(self) -> Path:
        if not self.path.is_dir():
            return self.path
        return gzipped.there(self.path, _FILE) or self.path / _FILE

    @property
    def _shown_file(self) -> str:
        return storable_path(str(self._file))

    def _lines(self) -> Iterator[tuple[int, int, bytes]]:
        """Number from 1, offset in bytes of what is unpacked, and the line without its end; blank
        ones left out. Raises Damaged where the rest cannot be unpacked.
        """
        try:
            if not self._file.is_file():  # nor may a pipe be opened: that waits for a writer
                raise FileNotFoundError(0, "no such file")
            with packed.understood(), gzipped.opened(self._file) as file:
                start = 0
                for number, line in enumerate(file, 1):
                    if line.strip():
                        yield number, start, line.rstrip(b"\r\n")
                    start += len(line)
        except OSError as error:
            raise local.absent(error, "cannot be read", self._shown_file, _MISSING) from error

    def _line(self, ref: DocumentRef) -> bytes:
        start, _, length = ref.locator.partition(":")
        try:
            with packed.understood():
                line = gzipped.read(self._held, self._file, int(start), int(length))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise local.not_here(self.path, error) from error
        except OSError as error:
            raise self._bad(ref, f"cannot be read: {error.strerror}").passing() from error
        except packed.Damaged as error:
            raise self._bad(ref, f"the file is damaged: {error}").passing() from error
        if _hash(line) != ref.version:
            raise self._bad(ref, "the file changed after it was listed").passing()
        return line

    def _bad(self, ref: DocumentRef, reason: str) -> BadDocument:
        return BadDocument(reason).at(where=f"{self._shown_file} _id {ref.id}")


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()[:16]


def _fill(template: str, found: Fields) -> str:
    parts = Formatter().parse(template)
    return "".join(
        literal + ("" if name is None else _value(found, name)) for literal, name, _, _ in parts
    ).strip()


def _value(found: Fields, name: str) -> str:
    return fields.text_of(found) if name == _TEXT else fields.shown(found.get(name))


def _metadata(found: Fields) -> Metadata:
    roles = (*_NAMED, fields.given(found, fields.IDS), fields.text_name(found))
    return fields.metadata_of(found, *roles)
