"""Documents in several languages, in one corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.corpus.search import search
from components.values import Query
from tests.cli import call
from tests.corpora import Corpus
from tests.sparse.test_bm25 import WRITTEN

AUTO = ("sparse.language=auto", "retriever.use=sparse")
STORES = ((), ("index.use=qdrant",))


@pytest.mark.parametrize("store", STORES, ids=["edge", "qdrant"])
def test_each_is_found_in_its_own(tmp_path: Path, server: str, store: tuple[str, ...]) -> None:
    corpus = Corpus(tmp_path)
    for language, (text, _) in WRITTEN.items():
        corpus.add(f"{language}.txt", text)
    report = corpus.refresh([*AUTO, *store])
    assert report.totals.languages == dict.fromkeys(sorted(WRITTEN), 1)
    asked = [Query(id=name, text=word) for name, (_, word) in WRITTEN.items()]
    found = search(corpus.load([*AUTO, *store]), asked, 5).hits
    best = [[hit.chunk.document_id for hit in hits[:1]] for hits in found]
    assert best == [[f"{name}.txt"] for name in WRITTEN]


def test_languages_are_those_of_the_documents_that_are_held(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    german, english = WRITTEN["german"][0], WRITTEN["english"][0]
    for number in range(2):
        corpus.add(f"de-{number}.txt", f"{german} {number}")
        corpus.add(f"en-{number}.txt", f"{english} {number}")
    assert corpus.refresh(AUTO).totals.languages == {"english": 2, "german": 2}
    corpus.add("de-0.txt", english)
    (corpus.documents / "de-1.txt").unlink()
    assert corpus.refresh(AUTO).totals.languages == {"english": 3}
    assert corpus.refresh().totals.languages == {}


def test_all_chunks_of_a_document_are_read_in_its_language(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    german = WRITTEN["german"][0]
    # Alone, the last chunk might be of many languages.
    corpus.add("de.txt", f"{german}. " * 8 + "Computer Server Internet Mahlwerken.")
    corpus.add("other.txt", "Nothing of the kind.")
    corpus.refresh([*AUTO, "splitter.use=sentence"])
    hits = search(corpus.load(AUTO), [Query(text="Mahlwerk")], 1).hits[0]
    assert [hit.chunk.document_id for hit in hits] == ["de.txt"]


GLYPHS = "\ue001\ue002\ue003 \ue004\ue005. \U000f0001 — …"
"""Of a font of its own: text that no word can be found in."""


@pytest.mark.parametrize("store", STORES, ids=["edge", "qdrant"])
def test_a_corpus_without_terms_is_told(
    tmp_path: Path, server: str, caplog: pytest.LogCaptureFixture, store: tuple[str, ...]
) -> None:
    corpus = Corpus(tmp_path)
    for number in range(3):
        corpus.add(f"glyphs-{number}.txt", f"{GLYPHS} {'…' * number}")
    corpus.add("words.txt", "The mill turns.")
    report = corpus.refresh(store)
    assert (report.termless, report.to_json()["termless"]) == (3, 3)
    assert caplog.messages == ["3 of 4 chunks have no term: searches by words find nothing in them"]
    caplog.clear()
    idle = corpus.refresh(store)
    assert idle.termless == 3
    assert len(caplog.messages) == 1


def test_a_few_chunks_without_terms_are_counted_and_told_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    corpus = Corpus(tmp_path)
    corpus.add("glyphs.txt", GLYPHS)
    corpus.add("words.txt", "国際標準化に関する動向を調査した。")
    assert corpus.refresh().termless == 1
    assert corpus.refresh(["sparse.use=none"]).termless == 0
    assert caplog.messages == []


def test_the_command_line_tells_it(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    corpus.add("glyphs.txt", GLYPHS)
    done = call("refresh", corpus.file, "--engine-only", "--json")
    assert done.json["termless"] == 1
    assert done.message == "1 of 1 chunks have no term: searches by words find nothing in them"
    assert call("status", corpus.file, "--json").json["termless"] == 1
    assert "1 chunks, not found by words" in call("status", corpus.file).out
    corpus.add("words.txt", WRITTEN["german"][0])
    told = call("refresh", corpus.file, "--engine-only", "--set", "sparse.language=auto")
    assert "no term" not in told.err
    shown = call("status", corpus.file, "--json", "--set", "sparse.language=auto").json
    assert shown["languages"]["german"] == 1
    assert "german 1" in call("status", corpus.file, "--set", "sparse.language=auto").out
