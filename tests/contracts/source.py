"""What every source must do. Inherit, and give a `source` fixture with at least one document."""

from __future__ import annotations

import builtins
import dataclasses
import os
import pickle
from itertools import pairwise
from typing import Any, NoReturn

import pytest

from components.stages import Source
from components.values import Document, DocumentRef


def refs(source: Source) -> list[DocumentRef]:
    """The documents of a scan, without its gaps."""
    return [each for each in source.scan() if isinstance(each, DocumentRef)]


class SourceContract:
    @pytest.fixture
    def source(self) -> Source:
        raise NotImplementedError("give a source with at least one document")

    @pytest.fixture
    def documents(self, source: Source) -> list[Document]:
        return [source.read(ref) for ref in refs(source)]

    def test_is_a_source(self, source: Source) -> None:
        assert isinstance(source, Source)
        assert source.identity
        assert source.identity == source.identity
        source.identity.encode()

    def test_scans_are_alike(self, source: Source) -> None:
        assert refs(source)
        assert list(source.scan()) == list(source.scan())

    def test_ids_are_unique(self, source: Source) -> None:
        ids = [ref.id for ref in refs(source)]
        assert all(ids)
        assert len(set(ids)) == len(ids)

    def test_refs_can_be_stored(self, source: Source) -> None:
        for ref in refs(source):
            assert ref.version
            f"{ref.id}{ref.version}{ref.locator}".encode()

    def test_reads_what_was_asked_for(self, source: Source) -> None:
        for ref in reversed(refs(source)):
            assert source.read(ref).id == ref.id

    def test_reads_are_alike(self, source: Source, documents: list[Document]) -> None:
        assert [source.read(ref) for ref in refs(source)] == documents

    def test_text_can_be_stored(self, documents: list[Document]) -> None:
        for document in documents:
            assert document.text.strip()
            f"{document.text}{document.title}".encode()

    def test_page_starts_ascend_within_the_text(self, documents: list[Document]) -> None:
        for document in documents:
            starts = document.page_starts
            assert all(one < other for one, other in pairwise(starts))
            assert not starts or (starts[0] == 0 and starts[-1] < len(document.text))

    def test_sections_ascend_within_the_text(self, documents: list[Document]) -> None:
        for document in documents:
            sections = document.sections
            assert all(one.start <= other.start for one, other in pairwise(sections))
            assert all(0 <= each.start < len(document.text) for each in sections)
            for each in sections:
                assert each.path
                assert each.path == " ".join(each.path.split())
                assert len(each.path) < 10_000, "every chunk of the section holds a copy"
                each.path.encode()

    def test_metadata_is_flat(self, documents: list[Document]) -> None:
        for document in documents:
            for name, value in document.metadata.items():
                values = value if isinstance(value, list | tuple) else [value]
                assert isinstance(name, str)
                assert all(isinstance(each, str | int | float) for each in values)

    def test_digest_is_stable(self, source: Source) -> None:
        for ref in refs(source):
            digest = source.digest(ref)
            source.read(ref)
            assert digest
            assert source.digest(ref) == digest

    def test_digest_tells_documents_apart(self, source: Source, documents: list[Document]) -> None:
        digests: dict[str, str] = {}
        for ref, document in zip(refs(source), documents, strict=True):
            assert digests.setdefault(source.digest(ref), document.text) == document.text

    def test_survives_pickling(self, source: Source, documents: list[Document]) -> None:
        copy = pickle.loads(pickle.dumps(source))
        assert list(copy.scan()) == list(source.scan())
        assert [copy.read(ref) for ref in refs(source)] == documents

    def test_making_it_touches_nothing(self, source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def touched(*args: object, **kwargs: object) -> NoReturn:
            raise AssertionError("touched the disk")

        with monkeypatch.context() as patch:
            patch.setattr(builtins, "open", touched)
            for name in ("scandir", "listdir", "stat", "lstat", "open"):
                patch.setattr(os, name, touched)
            dataclasses.replace(source)
