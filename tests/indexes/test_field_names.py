"""Metadata fields of any name are stored; filters name those that an index has a path for."""

from __future__ import annotations

import json

import pytest

from components.corpus.search import search
from components.errors import BadOption
from components.values import Query
from tests.corpora import LINES, Corpus, counts

NAMED = ("a.b", "a[0]", "", " ", "it's", "ä")
UNNAMED = ('a"b', "a\\b", "\\")


@pytest.fixture
def fields(corpus: Corpus) -> Corpus:
    line = {"_id": "a", "text": "The mill stands.", **dict.fromkeys((*NAMED, *UNNAMED), "old")}
    corpus.add("corpus.jsonl", json.dumps(line) + "\n")
    return Corpus(corpus.folder, LINES)


def test_fields_of_any_name_are_stored_and_read_back(
    fields: Corpus, store: tuple[str, ...]
) -> None:
    assert counts(fields.refresh(store)) == (1, 0, 0, 0, 0)
    (chunk,) = fields.stored(store).chunks.values()
    assert chunk.metadata == dict.fromkeys((*NAMED, *UNNAMED), "old")
    assert counts(fields.refresh(store)) == (0, 0, 1, 0, 0)


def test_those_that_have_a_path_are_indexed_and_filtered_by(
    fields: Corpus, store: tuple[str, ...]
) -> None:
    options = (*store, f"index.filterable={json.dumps(NAMED)}")
    fields.refresh(options)
    queries = [
        Query(text="mill", filter={name: [value]}) for name in NAMED for value in ("old", "new")
    ]
    found = search(fields.load(options), queries, 5)
    assert [len(hits) for hits in found.hits] == [1, 0] * len(NAMED)


@pytest.mark.parametrize("name", UNNAMED)
def test_a_filter_by_one_that_has_none_is_refused(
    fields: Corpus, store: tuple[str, ...], name: str
) -> None:
    fields.refresh(store)
    with pytest.raises(BadOption, match="no index can filter by a field with a quot") as caught:
        search(fields.load(store), [Query(text="mill", filter={name: ["old"]})], 5)
    assert repr(name) in str(caught.value)
    assert caught.value.where == "filter"
    assert "give it another name" in caught.value.hint


@pytest.mark.parametrize("name", UNNAMED)
@pytest.mark.parametrize("option", ["index.filterable", "retriever.match"])
def test_an_option_that_names_one_is_refused_before_anything_runs(
    fields: Corpus, store: tuple[str, ...], option: str, name: str
) -> None:
    with pytest.raises(BadOption, match="no index can filter by a field with a quot") as caught:
        fields.load((*store, f"{option}={json.dumps(['ok', name])}"))
    assert repr(name) in str(caught.value)
    assert caught.value.where == option
