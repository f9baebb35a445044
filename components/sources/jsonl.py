"""A JSON object per line: the layout of BEIR's `corpus.jsonl`."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any, ClassVar

from components.errors import BadDocument
from components.normal_form import canonical
from components.options import option
from components.sources import local
from components.sources.extract import storable, storable_path
from components.values import Document, DocumentRef, Gap, Metadata

_MISSING = "source.path must name a .jsonl file, or a folder with corpus.jsonl"
_NAMED = ("_id", "title", "text")


@dataclass(frozen=True, kw_only=True)
class JsonLines:
    """A document per line, its id in `_id`; fields without a role of their own are metadata.

    Two lines with one id are an error of that document. A line's version is a hash of its bytes.
    """

    revision: ClassVar[int] = 1

    path: Path = option(help="a .jsonl file, or a folder with corpus.jsonl", stored=False)
    template: str = option("{title}\n{text}", help="the text, with fields as {name}; {{ is a brace")

    def __post_init__(self) -> None:
        for _, name, form, conversion in Formatter().parse(self.template):
            if name is not None and (form or conversion or not name or set(name) & set(".[")):
                raise ValueError("template: a placeholder is a field's name in braces, like {text}")

    @property
    def identity(self) -> str:
        """The absolute path, as the pipeline names it."""
        return storable_path(os.path.abspath(self.path))

    def scan(self) -> Iterator[DocumentRef | Gap]:
        """Lines in the file's order. A line that cannot be understood may be any document."""
        file = self._shown_file
        for number, start, line in self._lines():
            where = f"{file} line {number}"
            try:
                id = _id(_fields(line))
            except ValueError as error:
                yield Gap(prefix="", where=where, reason=str(error))
                continue
            yield DocumentRef(
                id=id, version=_hash(line), locator=f"{start}:{len(line)}", place=f"line {number}"
            )

    def digest(self, ref: DocumentRef) -> str:
        """Sha256 of the line, first 16 hex digits."""
        return _hash(self._line(ref))

    def read(self, ref: DocumentRef) -> Document:
        """The line, its text made by `template`."""
        try:
            fields = _fields(self._line(ref))
        except ValueError as error:
            raise self._bad(ref, str(error)) from error
        text = _fill(self.template, fields)
        if not text:
            raise self._bad(ref, "empty: the fields of the template are missing or blank")
        title = _shown(fields.get("title"))
        return Document(id=ref.id, text=text, title=title, metadata=_metadata(fields))

    @property
    def _file(self) -> Path:
        return self.path / "corpus.jsonl" if self.path.is_dir() else self.path

    @property
    def _shown_file(self) -> str:
        return storable_path(str(self._file))

    def _lines(self) -> Iterator[tuple[int, int, bytes]]:
        """Number from 1, offset in bytes, and the line without its end; blank ones left out."""
        try:
            if not self._file.is_file():  # nor may a pipe be opened: that waits for a writer
                raise FileNotFoundError(0, "no such file")
            with open(self._file, "rb") as file:
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
            with open(self._file, "rb") as file:
                file.seek(int(start))
                line = file.read(int(length))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise local.not_here(self.path, error) from error
        except OSError as error:
            raise self._bad(ref, f"cannot be read: {error.strerror}").passing() from error
        if _hash(line) != ref.version:
            raise self._bad(ref, "the file changed after it was listed").passing()
        return line

    def _bad(self, ref: DocumentRef, reason: str) -> BadDocument:
        return BadDocument(reason).at(where=f"{self._shown_file} _id {ref.id}")


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()[:16]


def _fields(line: bytes) -> dict[str, Any]:
    """The line's object. Raises ValueError with a reason."""
    try:
        found = json.loads(line.decode("utf-8-sig"), parse_constant=lambda _: None)
        if b"\\u" in line:  # the only way for a lone surrogate to come in
            found = json.loads(storable(json.dumps(found, ensure_ascii=False)))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {getattr(error, 'msg', error)}") from None
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    return found


def _id(fields: dict[str, Any]) -> str:
    id = fields.get("_id")
    if isinstance(id, bool) or not isinstance(id, str | int | float) or id == "":
        raise ValueError("no _id that is a string or a number")
    return canonical(str(id))


def _fill(template: str, fields: dict[str, Any]) -> str:
    parts = Formatter().parse(template)
    return "".join(
        literal + ("" if name is None else _shown(fields.get(name)))
        for literal, name, _, _ in parts
    ).strip()


def _shown(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _metadata(fields: dict[str, Any]) -> Metadata:
    return {name: value for name, value in fields.items() if name not in _NAMED and _flat(value)}


def _flat(value: object) -> bool:
    if isinstance(value, list):
        return all(_flat(each) and not isinstance(each, list) for each in value)
    if isinstance(value, float):
        return math.isfinite(value)
    # A larger number could not be given back by an index.
    return isinstance(value, str) or (isinstance(value, int) and -(2**63) <= value < 2**63)
