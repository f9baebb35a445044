"""A document has one id, and is found by it, in whatever form a name is spelt or typed."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from components.corpus.search import search
from components.sources import storable
from components.spec import Pipeline
from components.values import Filter, Query
from tests.corpora import LINES, Corpus, counts, prose

NAMES = ("Übergabe.md", "Ẹ\u0300kọ\u0301 일정/환불.md", "ノート/ガイド.md")
FORMS = ("NFC", "NFD")
Form = Literal["NFC", "NFD"]
STORES = ((), ("index.use=qdrant",))
SOURCES = """
from dataclasses import dataclass
from components.values import Document, DocumentRef

ID = "U\\u0308bergabe.md"

@dataclass(frozen=True, kw_only=True)
class Decomposed:
    identity = "decomposed"

    def scan(self):
        yield DocumentRef(id=ID, version="1")

    def digest(self, ref):
        return "1"

    def read(self, ref):
        return Document(id=ref.id, text="The mill turns.")
"""


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def found(pipeline: Pipeline, wanted: Filter, text: str = "the mill turns") -> list[str]:
    hits = search(pipeline, [Query(text=text, filter=wanted)], 50).hits[0]
    return sorted({hit.chunk.document_id for hit in hits})


@pytest.mark.parametrize("on_disk", FORMS)
@pytest.mark.parametrize("store", STORES, ids=["edge", "qdrant"])
def test_a_file_is_found_by_its_name_in_either_form(
    tmp_path: Path, server: str, on_disk: Form, store: tuple[str, ...]
) -> None:
    corpus = Corpus(tmp_path)
    for name in NAMES:
        corpus.add(unicodedata.normalize(on_disk, name), "The mill turns.")
    corpus.add("plain.md", "The mill turns.")
    corpus.refresh(store)
    assert sorted(corpus.stored(store).entries) == sorted([*map(nfc, NAMES), "plain.md"])
    for retriever in ("dense", "sparse"):
        pipeline = corpus.load([*store, f"retriever.use={retriever}"])
        for name in NAMES:
            for typed in (nfc(name), nfd(name)):
                assert found(pipeline, {"document_id": [typed]}) == [nfc(name)]


def test_two_files_of_one_name_are_one_document_that_fails(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    for name in (nfc("Übergabe.md"), nfd("Übergabe.md")):
        corpus.add(name, f"The mill turns. {len(name)}")
    corpus.add("plain.md", "The wheel turns.")
    report = corpus.refresh()
    assert counts(report) == (1, 0, 0, 0, 1)
    (failure,) = report.failures
    assert failure.id == nfc("Übergabe.md")
    assert "the same id" in failure.reason


@pytest.mark.parametrize("stored", FORMS)
def test_a_field_is_filtered_by_either_form(tmp_path: Path, stored: Form) -> None:
    corpus = Corpus(tmp_path, LINES)
    rows = [
        {"_id": nfd("Straßenübersicht"), "text": "The mill turns.", "city": "Zürich", "n": 1},
        {"_id": "2", "text": "The wheel turns.", "city": "Bern", "n": 2},
    ]
    lines = [{k: unicodedata.normalize(stored, str(v)) for k, v in row.items()} for row in rows]
    corpus.add("corpus.jsonl", "\n".join(json.dumps(line) for line in lines))
    corpus.refresh()
    expected = [nfc("Straßenübersicht")]
    for typed in map(str, (nfc("Zürich"), nfd("Zürich"))):
        assert found(corpus.load(), {"city": [typed]}) == expected
        assert found(corpus.load(), {"city": [typed], "n": ["2"]}) == []
        assert found(corpus.load(), {"city": [typed, "Bern"]}) == ["2", *expected]


@pytest.mark.parametrize("typed", FORMS)
@pytest.mark.parametrize("on_disk", FORMS)
def test_a_pattern_chooses_either_form(tmp_path: Path, typed: Form, on_disk: Form) -> None:
    corpus = Corpus(tmp_path)
    for name in ("Übergabe/a.md", "Öffentlich/b.md", "Öffentlich/größe.md"):
        corpus.add(unicodedata.normalize(on_disk, name), "The mill turns.")
    include, exclude = (
        unicodedata.normalize(typed, each) for each in ("Öffentlich/**", "**/größe*")
    )
    report = corpus.refresh([f"source.include=['{include}']", f"source.exclude=['{exclude}']"])
    assert report.added == 1
    assert list(corpus.stored().entries) == [nfc("Öffentlich/b.md")]


def test_an_id_that_a_source_of_another_package_gives_is_met_in_either_form(
    tmp_path: Path,
) -> None:
    corpus = Corpus(tmp_path, {**LINES, "source": {"use": "decomposed_source:Decomposed"}})
    (tmp_path / "decomposed_source.py").write_text(SOURCES)
    corpus.refresh()
    for typed in (nfc("Übergabe.md"), nfd("Übergabe.md")):
        assert found(corpus.load(), {"document_id": [typed]}) == [nfd("Übergabe.md")]


def test_ids_of_an_older_version_are_replaced_unguarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = Corpus(tmp_path)
    for number in range(4):
        corpus.add(nfd(f"Übergabe-{number}.md"), prose(number, 2))
    with monkeypatch.context() as older:
        older.setattr(storable, "canonical", str)
        corpus.refresh()
    assert sorted(corpus.stored().entries) == [nfd(f"Übergabe-{number}.md") for number in range(4)]
    report = corpus.refresh()
    assert counts(report) == (4, 0, 0, 4, 0)
    assert sorted(corpus.stored().entries) == [nfc(f"Übergabe-{number}.md") for number in range(4)]
