"""One odd document is named and skipped, whatever is odd about it; the others go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.corpus.search import search
from components.values import Query
from tests.corpora import LINES, Corpus, counts, prose

SOURCE = """
from dataclasses import dataclass
from datetime import date
from components.options import option
from components.sources.files import Files
from components.values import Document, DocumentRef

@dataclass(frozen=True, kw_only=True)
class Odd(Files):
    what: str = option("", help="what is odd", stored=False)
    version: str = option("1", help="of the odd document", stored=False)

    def scan(self):
        yield from super().scan()
        name = "\\ud800" if self.what == "surrogate_id" else "odd"
        yield DocumentRef(id=name, version=self.version)

    def digest(self, ref):
        if ref.id != "odd":
            return super().digest(ref)
        if self.what == "digest_breaks":
            raise TypeError("no digest")
        if self.what == "changes_meanwhile":
            self.__dict__["n"] = self.__dict__.get("n", 0) + 1
            return str(self.__dict__["n"])
        return "d"

    def read(self, ref):
        if ref.id != "odd":
            return super().read(ref)
        if self.what == "long_reason":
            raise ValueError("x" * 1_000_000)
        if self.what == "surrogate_reason":
            raise ValueError("\\ud800")
        deep = []
        for _ in range(300):
            deep = [deep]
        metadata = {
            "nested": {"a": {"b": 1}}, "nan": {"a": float("nan")}, "big": {"a": 2**70},
            "surrogate": {"a": "\\ud800"}, "surrogate_key": {"\\ud800": 1}, "bytes": {"a": b"x"},
            "date": {"a": date(2020, 1, 1)}, "int_key": {1: "a"}, "deep": {"a": deep},
            "large": {"a": "x" * 100_000}, "set": {"a": {1}},
        }.get(self.what, {})
        return Document(
            id="other" if self.what == "other_id" else "odd",
            text="Odd text.",
            title="\\ud800" if self.what == "surrogate_title" else "",
            metadata=metadata,
            page_starts=("a",) if self.what == "bad_pages" else (),
        )
"""
ODD = [
    "surrogate_id",
    "digest_breaks",
    "changes_meanwhile",
    "long_reason",
    "surrogate_reason",
    "nested",
    "nan",
    "big",
    "surrogate",
    "surrogate_key",
    "bytes",
    "date",
    "int_key",
    "deep",
    "large",
    "set",
    "other_id",
    "surrogate_title",
]


@pytest.fixture
def odd(tmp_path: Path) -> Corpus:
    corpus = Corpus(tmp_path)
    corpus.fill(2)
    (corpus.folder / "odd_source.py").write_text(SOURCE)
    return corpus


@pytest.mark.parametrize("what", ODD)
def test_an_odd_document_fails_alone(odd: Corpus, what: str) -> None:
    override = ["source.use=odd_source:Odd", f"source.what={what}"]
    report = odd.refresh(override)
    assert counts(report) == (2, 0, 0, 0, 1)
    assert 0 < len(report.failures[0].reason) <= 500
    assert set(odd.stored().entries) >= {"000.txt", "001.txt"}
    again = odd.refresh(override)
    assert counts(again) == (0, 0, 2, 0, 1)
    assert again.generation == report.generation, "a known failure writes nothing"


def test_a_document_that_turns_odd_is_stale_and_found(odd: Corpus) -> None:
    odd.refresh(["source.use=odd_source:Odd"])
    broken = ["source.use=odd_source:Odd", "source.what=digest_breaks"]
    assert counts(odd.refresh(broken)) == (0, 0, 3, 0, 0), "the version is the same"
    report = odd.refresh([*broken, "source.version='2'"])
    assert counts(report) == (0, 0, 2, 0, 1)
    found = search(odd.load(), [Query(text="odd text")], 1)
    assert found.hits[0][0].chunk.document_id == "odd"


def test_twins_heal_by_themselves(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, LINES)
    line = '{"_id": "%s", "text": "%s"}\n'
    corpus.add("corpus.jsonl", line % ("a", prose(1, 2)) + line % ("a", prose(2, 2)))
    report = corpus.refresh()
    assert "line 1 and line 2" in report.failures[0].reason
    corpus.add("corpus.jsonl", line % ("a", prose(1, 2)) + line % ("b", prose(2, 2)))
    assert counts(corpus.refresh()) == (2, 0, 0, 0, 0)


def test_a_passing_failure_is_tried_again_and_heals_by_itself(corpus: Corpus) -> None:
    corpus.fill(1)
    target = corpus.documents / "elsewhere"
    (corpus.documents / "link.txt").symlink_to(target)
    first = corpus.refresh()
    assert counts(first) == (1, 0, 0, 0, 1)
    assert corpus.refresh().generation == first.generation
    target.write_text(prose(7))
    assert counts(corpus.refresh()) == (1, 0, 1, 0, 0)


def test_a_field_called_metadata_is_a_field_like_any_other(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, LINES)
    corpus.add("corpus.jsonl", '{"_id": "a", "text": "The mill.", "metadata": "foo"}\n')
    assert counts(corpus.refresh()) == (1, 0, 0, 0, 0)
    (chunk,) = corpus.stored().chunks.values()
    assert chunk.metadata == {"metadata": "foo"}


def test_the_average_length_is_not_taken_from_a_build_without_documents(corpus: Corpus) -> None:
    corpus.add("000.txt", "")
    corpus.refresh()
    corpus.fill(3)
    corpus.refresh()
    release = corpus.job().corpus.live()
    assert release is not None
    assert release.generation.average_length > 5
