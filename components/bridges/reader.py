"""A LlamaIndex reader as a source."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, ClassVar

from components.bridges import documents, foreign, secrets
from components.bridges.foreign import Wrapped
from components.errors import BadDocument, SourceMissing
from components.sources.storable import document_id, storable, storable_path
from components.values import Document, DocumentRef


@dataclass(frozen=True, kw_only=True)
class FromReader:
    """A document per document of a reader, which gives all of them at once: they are loaded when
    they are first asked for, and stay in memory.
    """

    revision: ClassVar[int] = 1
    _wraps: ClassVar[Wrapped]

    @classmethod
    def check_given(cls, stage: str, options: Mapping[str, Any]) -> None:
        """Raises BadOption where an option is a secret."""
        secrets.refuse(stage, options, (each.name for each in fields(cls)))

    @property
    def identity(self) -> str:
        """The reader and what it is pointed at; a list may grow without being another corpus."""
        return storable_path(" ".join([f"llama_index:{self._wraps.name}", *self._roots]))

    @property
    def facts(self) -> Mapping[str, object]:
        """Versions of what makes the text."""
        return foreign.versions(self._wraps.kind)

    def scan(self) -> Iterator[DocumentRef]:
        """In the reader's order. Raises SourceMissing with the reader's message, MissingExtra."""
        for ref, _ in self._loaded:
            yield ref

    def digest(self, ref: DocumentRef) -> str:
        """Hash of text and metadata."""
        return self._find(ref)[0].version

    def read(self, ref: DocumentRef) -> Document:
        """The document, its metadata flattened."""
        document = self._find(ref)[1]
        if not document.text.strip():
            raise BadDocument("empty").at(where=ref.id)
        if document.text.startswith("%PDF-") or "\0" in document.text:
            raise BadDocument("not text, but the bytes of a file").at(
                where=ref.id, hint="llama-index-readers-file reads PDF and office formats"
            )
        return document

    def __reduce__(self) -> tuple[Any, ...]:
        """By name: the class is made anew where it is unpickled."""
        return _rebuilt, (
            self._wraps.name,
            {each.name: getattr(self, each.name) for each in fields(self)},
        )

    @property
    def _roots(self) -> list[str]:
        values = [getattr(self, each.name) for each in fields(self) if each.metadata.get("path")]
        return [os.fspath(each) for each in values if isinstance(each, str | os.PathLike)]

    def _find(self, ref: DocumentRef) -> tuple[DocumentRef, Document]:
        found = self._by_id.get(ref.id)
        if found is None:
            raise BadDocument("gone since it was listed").at(where=ref.id).passing()
        return found

    @cached_property
    def _by_id(self) -> dict[str, tuple[DocumentRef, Document]]:
        return {ref.id: (ref, document) for ref, document in self._loaded}

    @cached_property
    def _loaded(self) -> list[tuple[DocumentRef, Document]]:
        missing = foreign.unset((*self._wraps.making, *self._wraps.loading))
        if missing:
            raise SourceMissing(f"{self._wraps.name} needs {', '.join(missing)}").at(
                where="environment", hint="set it; no pipeline file may hold it"
            )
        making = foreign.arguments(self, self._wraps.making)
        loading = foreign.arguments(self, self._wraps.loading)
        with foreign.called(self._wraps.name, SourceMissing, making | loading):
            found = list(self._wraps.kind(**making).load_data(**loading))
            _check(found)
        return [
            self._converted(each, f"document {number} of {len(found)}")
            for number, each in enumerate(found, start=1)
        ]

    def _converted(self, found: Any, place: str) -> tuple[DocumentRef, Document]:
        text, metadata = storable(found.get_content() or ""), documents.flat(found.metadata)
        id = self._below(documents.stable_id(found, text))
        document = documents.document(id, text, metadata)
        origin = documents.place(metadata)
        shown = f"{place} ({origin})" if origin else place
        version = documents.digest(json.dumps([text, document.title, metadata], sort_keys=True))
        return DocumentRef(id=id, version=version, place=shown), document

    def _below(self, id: str) -> str:
        """A path relative to the folder that is read: the same wherever that folder is."""
        for root in map(document_id, self._roots):
            if id.startswith(f"{root}/"):
                return id.removeprefix(f"{root}/")
        return id


def _check(found: list[Any]) -> None:
    from llama_index.core.schema import BaseNode

    for number, each in enumerate(found, start=1):
        if not isinstance(each, BaseNode):
            told = f"its document {number} of {len(found)} is a {type(each).__name__}"
            raise TypeError(f"{told}, not one of LlamaIndex's")


def _rebuilt(name: str, options: Mapping[str, Any]) -> Any:
    from components.bridges.llama_index import component

    return component("source", name)(**options)
