"""Documents in several languages, in one corpus."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.corpus.search import search
from components.values import Query
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
