"""What the cache of vectors means for a refresh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.encoders.cache import Lookups
from components.encoders.model import Model
from components.values import Matrix
from tests.corpora import HASHING, Corpus, Stored, counts, prose

MINILM = {**HASHING, "encoder": {"use": "late", "window": 64, "overlap": 16}}


@pytest.fixture(autouse=True)
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MILLRACE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MILLRACE_CACHE_BYTES", str(2**26))
    return tmp_path / "cache"


def test_another_corpus_of_the_same_texts_loads_no_model(tmp_path: Path) -> None:
    first, second = Corpus(tmp_path / "a", MINILM), Corpus(tmp_path / "b", MINILM)
    for each in (first, second):
        each.fill(4)
    one = first.refresh()
    assert one.cache == Lookups(0, one.totals.chunks)
    two = second.refresh()
    assert two.cache == Lookups(one.totals.chunks, 0)
    assert two.tokens == 0 < one.tokens, "what is in the cache is not encoded"
    left, right = first.stored(), second.stored()
    assert left.chunks.keys() == right.chunks.keys()
    assert all(np.array_equal(left.vectors[i], right.vectors[i]) for i in left.vectors)


@pytest.mark.parametrize("encoder", ["naive", "late"])
def test_a_renamed_document_is_not_read_by_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: str
) -> None:
    corpus = Corpus(tmp_path / "a", {**HASHING, "encoder": {"use": encoder}})
    corpus.fill(4)
    corpus.refresh()
    before = corpus.stored()
    (corpus.documents / "002.txt").rename(corpus.documents / "renamed.txt")
    monkeypatch.setattr(Model, "hidden", None)
    report = corpus.refresh()
    assert counts(report) == (1, 0, 3, 1, 0)
    assert (report.tokens, report.cache.misses) == (0, 0)
    old, new = vectors(before, "002.txt"), vectors(corpus.stored(), "renamed.txt")
    assert np.array_equal(old, new)
    assert report.cache.hits == len(old) > 1


def vectors(stored: Stored, document_id: str) -> Matrix:
    """Of a document's chunks, in order."""
    chunks = [each for each in stored.chunks.values() if each.document_id == document_id]
    return np.stack([stored.vectors[c.id] for c in sorted(chunks, key=lambda each: each.ordinal)])


def test_a_changed_sentence_costs_its_windows_only(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "a", MINILM)
    text = prose(1, 60)
    corpus.add("long.txt", text)
    whole = corpus.refresh().cache.misses
    corpus.add("long.txt", text[:-40] + "and nothing is as it was before.")
    after = corpus.refresh().cache
    assert after.hits > 0.7 * whole
    assert 0 < after.misses < 0.3 * whole


def test_without_it_nothing_is_read_or_kept(tmp_path: Path, cached: Path) -> None:
    corpus = Corpus(tmp_path / "a", MINILM)
    corpus.fill(2)
    assert corpus.refresh(use_cache=False).cache == Lookups()
    assert not cached.exists()
