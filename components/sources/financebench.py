"""FinanceBench: filings as PDF, described by a file of the data set."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from components.errors import SourceMissing
from components.options import option
from components.sources import local, walk
from components.sources.extract.headings import one_line
from components.sources.parsing import Parsing
from components.sources.storable import document_id, storable
from components.text.normal_form import canonical
from components.values import Document, DocumentRef, Scalar

INFORMATION = "financebench_document_information.jsonl"
_FIELDS = ("company", "gics_sector", "doc_type", "doc_period")
_QUARTER = re.compile(r"(?<=\d{4})(?=Q\d)")


@dataclass(frozen=True, kw_only=True)
class FinanceBench(Parsing):
    """A document per filing in `pdfs/`, its id the filing's name, such as `3M_2018_10K`.

    What the data set says of a filing is its metadata, with the company's name in the title; a
    filing that it does not know is a document all the same.
    """

    revision: ClassVar[int] = 3

    path: Path = option(help="folder with pdfs/, as the public repository has it", stored=False)
    documents: tuple[str, ...] = option(
        (), help="filings to read, by name; none named: all", stored=False
    )
    follow_links: bool = option(
        False, help="read what links in pdfs/ lead to, also out of the folder", stored=False
    )

    @property
    def identity(self) -> str:
        """The folder's absolute path."""
        return local.identity(self.path)

    def scan(self) -> Iterator[DocumentRef]:
        """Filings by name. Raises SourceMissing, also where a chosen filing is not there."""
        found = self._filings()
        wanted = set(map(canonical, self.documents))
        ids = {name: document_id(local.shown(name)) for name in found}
        absent = sorted(wanted - set(ids.values()))
        if absent:
            raise SourceMissing(f"no filing is called {', '.join(absent)}").at(
                where=str(self._folder), hint="source.documents holds names without .pdf"
            )
        for name, entry in found.items():
            if ids[name] in wanted or not wanted:
                version, locator = self._version(ids[name], entry), local.locator(name)
                yield self._trusted(DocumentRef(id=ids[name], version=version, locator=locator))

    def digest(self, ref: DocumentRef) -> str:
        """Sha256 of the PDF and of what the data set says about it."""
        return hashlib.sha256(self._data(ref) + self._told(ref.id)).hexdigest()

    def read(self, ref: DocumentRef) -> Document:
        """The filing, page by page."""
        document = self._parsed(f"{ref.id}.pdf", self._data(ref), str(self._file(ref)))
        known = self._information.get(ref.id, {})
        metadata: dict[str, Scalar] = {name: known[name] for name in _FIELDS if name in known}
        return replace(
            document, id=ref.id, title=_title(ref.id, known.get("company")), metadata=metadata
        )

    @property
    def _folder(self) -> Path:
        return self.path / "pdfs"

    def _file(self, ref: DocumentRef) -> Path:
        return self._folder / f"{local.located(ref.locator)}.pdf"

    def _filings(self) -> dict[str, os.DirEntry[str]]:
        try:
            with os.scandir(self._folder) as entries:
                found = {each.name: each for each in entries}
        except OSError as error:
            hint = "source.path names the folder that holds pdfs/"
            raise local.absent(
                error, "the folder cannot be listed", str(self._folder), hint
            ) from error
        return {name[:-4]: found[name] for name in sorted(found) if name.endswith(".pdf")}

    def _version(self, id: str, entry: os.DirEntry[str]) -> str:
        follow = self.follow_links
        version = walk.version(self._folder, entry.name, entry, follow_links=follow)
        told = hashlib.sha256(self._told(id)).hexdigest()[:8]
        return version if version == local.LED_OUT else f"{version}-{told}"

    def _data(self, ref: DocumentRef) -> bytes:
        file, follow = self._file(ref), self.follow_links
        with self._opened(self._folder, file.name, str(file), follow_links=follow) as opened:
            return self._whole(opened)

    def _told(self, id: str) -> bytes:
        known = self._information.get(id, {})
        return json.dumps(known, sort_keys=True).encode() if known else b""

    @cached_property
    def _information(self) -> dict[str, dict[str, Any]]:
        """What the data set says, by filing; of a filing that it names twice, the first."""
        file = information_file(self.path, INFORMATION)
        found: dict[str, dict[str, Any]] = {}
        for row in rows(file) if file else ():
            kept = {k: _scalar(row[k]) for k in _FIELDS if isinstance(row.get(k), str | int)}
            found.setdefault(canonical(str(row.get("doc_name", ""))), kept)
        return found


def information_file(folder: Path, name: str) -> Path | None:
    """A file of the data set: in `data/`, as the public repository has it, or beside `pdfs/`."""
    return next((each for each in (folder / "data" / name, folder / name) if each.is_file()), None)


def rows(file: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines. Raises SourceMissing for a line that is none."""
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceMissing(f"cannot be read: {error}").at(where=str(file)) from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _row(line, f"{file} line {number}")


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise SourceMissing(f"not JSON: {error}").at(where=where) from error
    if not isinstance(row, dict):
        raise SourceMissing("not a JSON object").at(where=where)
    return row


def _scalar(value: str | int) -> str | int:
    return storable(value) if isinstance(value, str) else value


def _title(name: str, company: str | None) -> str:
    """`Best Buy 2024 Q2 10Q`: the words of a question, not those of a file's name."""
    first, _, rest = name.partition("_")
    told = _QUARTER.sub(" ", rest).replace("_", " ")
    return one_line(f"{company or first} {told}")
