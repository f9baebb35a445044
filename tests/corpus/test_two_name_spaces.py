"""A user's field may be called as one of Millrace's: it is found, or the name is refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from components.corpus import refresh, write
from components.corpus.search import Found, search
from components.errors import BadOption
from components.indexes.edge.points import ShardPoints
from components.indexes.filterable import indexes
from components.indexes.manifest import Entry, Totals, total
from components.indexes.reader import StoredReader
from components.values import Filter, Query
from tests.corpora import HASHING, LINES, Corpus, counts

BOTH = ("version", "ordinal", "start", "end")
"""Of these every chunk has one of ours, whatever the source."""
TEXT = "The pump manual says: open the valve first."


def lines(corpus: Corpus, *rows: Mapping[str, Any]) -> None:
    told = [{"_id": f"d{at}", "text": f"{TEXT} {at}", **row} for at, row in enumerate(rows)]
    corpus.add("corpus.jsonl", "".join(json.dumps(row) + "\n" for row in told))


def ask(corpus: Corpus, store: Sequence[str], wanted: Filter) -> Found:
    return search(corpus.load(store), [Query(text="open valve", filter=wanted)], 10)


def ids(corpus: Corpus, store: Sequence[str], wanted: Filter) -> list[str]:
    (hits,) = ask(corpus, store, wanted).hits
    return sorted({hit.chunk.document_id for hit in hits})


@pytest.fixture
def manuals(tmp_path: Path, store: tuple[str, ...]) -> Corpus:
    corpus = Corpus(tmp_path, LINES)
    common: dict[str, Any] = {"title": "Manual", "author": None, "notes": [], "deep": {"x": 1}}
    one = {"version": "2.1", "section": "pumps", "page": 7, "last_page": 7, "document_id": "no. 1"}
    other = {"version": "3.0", "section": "valves", "page": "8", "tags": ["a", "b"], "a.b": True}
    lines(
        corpus,
        {**common, **one, "start": 1.5, "end": "x", "ordinal": 5, "kind": "k", "metadata": "m"},
        {
            **common,
            **other,
            "document": "y",
            "metadata.x": "z",
            "document.title": "own",
            "text2": 0,
        },
    )
    corpus.refresh(store)
    return corpus


FOUND: tuple[tuple[Filter, list[str]], ...] = (
    ({"section": ["pumps"]}, ["d0"]),
    ({"page": [7]}, ["d0"]),
    ({"page": ["8"]}, ["d1"]),
    ({"page": [7, "8"]}, ["d0", "d1"]),
    ({"last_page": [7]}, ["d0"]),
    ({"metadata.page": [7]}, ["d0"]),
    ({"metadata.version": ["2.1"]}, ["d0"]),
    ({"metadata.document_id": ["no. 1"]}, ["d0"]),
    ({"document.document_id": ["d1"]}, ["d1"]),
    ({"metadata.start": [1.5]}, ["d0"]),
    ({"metadata.ordinal": [5]}, ["d0"]),
    ({"chunk.ordinal": [0]}, ["d0", "d1"]),
    ({"chunk.start": [0], "metadata.end": ["x"]}, ["d0"]),
    ({"title": ["Manual"]}, ["d0", "d1"]),
    ({"document.title": ["Manual"]}, ["d0", "d1"]),
    ({"metadata.document.title": ["own"]}, ["d1"]),
    ({"kind": ["k"]}, ["d0"]),
    ({"kind": ["chunk"]}, []),
    ({"metadata": ["m"]}, ["d0"]),
    ({"metadata.metadata": ["m"]}, ["d0"]),
    ({"document": ["y"]}, ["d1"]),
    ({"metadata.x": ["z"]}, ["d1"]),
    ({"metadata.metadata.x": ["z"]}, ["d1"]),
    ({"a.b": [True]}, ["d1"]),
    ({"tags": ["b"]}, ["d1"]),
)


def test_a_filter_finds_what_it_names(manuals: Corpus, store: tuple[str, ...]) -> None:
    queries = [Query(text="open valve", filter=wanted) for wanted, _ in FOUND]
    found = search(manuals.load(store), queries, 10)
    for (wanted, expected), hits in zip(FOUND, found.hits, strict=True):
        assert sorted(hit.chunk.document_id for hit in hits) == expected, wanted
    assert not found.absent


def test_a_name_of_both_is_refused_with_those_in_full(
    manuals: Corpus, store: tuple[str, ...]
) -> None:
    for name in (*BOTH, "document_id"):
        kind = "document" if name in ("version", "document_id") else "chunk"
        for options, wanted, where in (
            (store, {name: ["2.1"]}, "filter"),
            ((*store, f"retriever.match=[{name}]"), {}, "retriever.match"),
        ):
            with pytest.raises(BadOption, match=f"metadata.{name} and {kind}.{name}") as caught:
                ask(manuals, options, wanted)
            assert caught.value.where == where


def test_a_filter_that_nothing_can_match_says_so(manuals: Corpus, store: tuple[str, ...]) -> None:
    names = {
        "author": "",
        "notes": "",
        "deep.x": "",
        "Section": "did you mean 'section'?",
        "chunk.page": "did you mean 'metadata.page'?",
        "metadata.title": "did you mean 'document.title'?",
    }
    for name, told in names.items():
        found = ask(manuals, store, {name: ["x"], "section": ["pumps"]})
        assert found.hits == [[]]
        assert list(found.absent) == [name]
        assert found.absent[name].startswith(f"no document has the field {name!r}: {told}")


def test_a_field_that_is_named_twice_is_refused(manuals: Corpus, store: tuple[str, ...]) -> None:
    with pytest.raises(BadOption, match=r"'tags' and 'metadata.tags' are the same field"):
        ask(manuals, store, {"tags": ["a"], "metadata.tags": ["b"]})


def test_values_that_are_no_list_are_refused(manuals: Corpus, store: tuple[str, ...]) -> None:
    values: tuple[Any, ...] = ("pumps", 7, True)
    for value in values:
        with pytest.raises(BadOption, match="the values of 'section' are no list") as caught:
            ask(manuals, store, {"section": value})
        assert caught.value.hint == f"write [{value!r}]"


def test_a_field_of_the_user_s_is_looked_for_in_the_question(
    manuals: Corpus, store: tuple[str, ...]
) -> None:
    for match in ("section", "metadata.section"):
        for section, expected in (("pumps", "d0"), ("valves", "d1")):
            pipeline = manuals.load((*store, f"retriever.match=[{match}]"))
            queries = [Query(text=f"What opens in {section}?")]
            assert search(pipeline, queries, 1).hits[0][0].chunk.document_id == expected
            # What is asked for already is not looked for, whatever it is called.
            given = [replace(each, filter={"metadata.section": ["pumps"]}) for each in queries]
            (hits,) = search(pipeline, given, 2).hits
            assert [hit.chunk.document_id for hit in hits] == ["d0"]


def test_a_kind_is_that_of_the_field_which_is_named() -> None:
    found = indexes({"page": "keyword", "chunk.section": "keyword", "metadata.title": "bool"})
    assert found['metadata."page"'] == "keyword"
    assert found["page"] == "integer", "ours is always indexed as it is stored"
    assert (found["section"], 'metadata."section"' in found) == ("keyword", False)
    assert (found['metadata."title"'], "title" in found) == ("bool", False)


def test_both_fields_of_a_name_are_indexed(manuals: Corpus, store: tuple[str, ...]) -> None:
    options = (*store, "index.filterable=[version, page]")
    lines(manuals, {"version": "2.1", "page": "7"})
    manuals.refresh(options, max_deletes=1.0)
    job = manuals.job(options)
    release = job.corpus.live()
    assert release is not None
    with job.corpus.read(release.generation) as reader:
        held = _indexed(reader)
    assert {"version", "page", "metadata.version", "metadata.page"} <= held
    assert ids(manuals, options, {"page": ["7"], "metadata.version": ["2.1"]}) == ["d0"]


def _indexed(reader: Any) -> set[str]:
    if isinstance(reader.points, ShardPoints):
        return {each.replace('"', "") for each in reader.points.shard.info().payload_schema}
    info = reader.points.server.client.get_collection(reader.points.place)
    return {each.replace('"', "") for each in info.payload_schema}


def test_pages_and_sections_of_the_documents_count_where_there_are_any(
    tmp_path: Path, store: tuple[str, ...]
) -> None:
    corpus = Corpus(tmp_path)
    corpus.add("a.txt", TEXT)
    corpus.refresh(store)
    assert list(ask(corpus, store, {"section": ["Pumps"]}).absent) == ["section"]
    assert list(ask(corpus, store, {"page": [0]}).absent) == ["page"]
    corpus.add("b.md", f"# Pumps\n\n{TEXT}\n")
    corpus.refresh(store)
    assert ids(corpus, store, {"section": ["Pumps"]}) == ["b.md"]
    assert not ask(corpus, store, {"section": ["Valves"]}).absent
    (tmp_path / "documents" / "b.md").unlink()
    corpus.refresh(store, max_deletes=1.0)
    assert list(ask(corpus, store, {"section": ["Pumps"]}).absent) == ["section"]


SOURCE = """
import json
from dataclasses import dataclass
from pathlib import Path
from components.values import Document, DocumentRef, Section

@dataclass(frozen=True, kw_only=True)
class Told:
    path: Path

    @property
    def identity(self):
        return "told"

    def scan(self):
        for name, row in json.loads(self.path.read_text()).items():
            yield DocumentRef(id=name, version=json.dumps(row))

    def digest(self, ref):
        return ref.version

    def read(self, ref):
        row = json.loads(ref.version)
        starts = tuple(row.get("pages", ()))
        sections = tuple(Section(*each) for each in row.get("sections", ()))
        return Document(id=ref.id, text=row["text"], metadata=row.get("metadata", {}),
                        page_starts=starts, sections=sections)
"""


def test_a_document_with_pages_makes_a_name_that_was_the_user_s_one_of_both(
    tmp_path: Path, store: tuple[str, ...]
) -> None:
    (tmp_path / "told_source.py").write_text(SOURCE)
    corpus = Corpus(tmp_path, {**HASHING, "source": {"use": "told_source:Told", "path": "t.json"}})
    told = tmp_path / "t.json"
    own = {"text": TEXT, "metadata": {"page": 7, "section": "pumps"}}
    told.write_text(json.dumps({"a": own}))
    corpus.refresh(store)
    assert ids(corpus, store, {"page": [7]}) == ["a"]
    ours = {"text": TEXT, "pages": [0, 10], "sections": [[0, "Valves"]]}
    told.write_text(json.dumps({"a": own, "b": ours}))
    corpus.refresh(store)
    for name, value in (("page", 7), ("section", "pumps")):
        with pytest.raises(BadOption, match=f"metadata.{name} and chunk.{name}"):
            ask(corpus, store, {name: [value]})
    assert ids(corpus, store, {"metadata.page": [7]}) == ["a"]
    assert ids(corpus, store, {"chunk.page": [0]}) == ["b"]
    assert ids(corpus, store, {"metadata.section": ["pumps"]}) == ["a"]
    assert ids(corpus, store, {"chunk.section": ["Valves"]}) == ["b"]
    told.write_text(json.dumps({"b": ours}))
    corpus.refresh(store, max_deletes=1.0)
    assert ids(corpus, store, {"page": [0]}) == ["b"]


def fields(corpus: Corpus, store: Sequence[str]) -> Mapping[str, int] | None:
    release = corpus.job(store).corpus.live()
    assert release is not None
    return release.generation.totals.fields


def test_fields_come_and_go_with_their_documents(tmp_path: Path, store: tuple[str, ...]) -> None:
    corpus = Corpus(tmp_path, LINES)
    lines(corpus, {"year": 1}, {"year": "1", "start": 3}, {})
    corpus.refresh(store)
    assert fields(corpus, store) == {"metadata.start": 1, "metadata.year": 2}
    with pytest.raises(BadOption, match=r"metadata.start and chunk.start"):
        ask(corpus, store, {"start": [0]})
    lines(corpus, {"year": 1}, {"year": "1"}, {})  # the text is the same
    assert counts(corpus.refresh(store)) == (0, 1, 2, 0, 0)
    assert fields(corpus, store) == {"metadata.year": 2}
    assert ids(corpus, store, {"start": [0]}) == ["d0", "d1", "d2"]
    lines(corpus, {"color": "red"})
    corpus.refresh(store, max_deletes=1.0)
    assert fields(corpus, store) == {"metadata.color": 1}
    assert list(ask(corpus, store, {"year": [1]}).absent) == ["year"]
    idle = corpus.refresh(store)
    assert (idle.added, idle.changed, idle.unchanged) == (0, 0, 1)


def test_a_document_that_fails_keeps_its_fields(tmp_path: Path, store: tuple[str, ...]) -> None:
    corpus = Corpus(tmp_path, LINES)
    lines(corpus, {"year": 1}, {"color": "red"})
    corpus.refresh(store)
    lines(corpus, {"year": 1, "text": ""}, {"color": "blue"})
    assert counts(corpus.refresh(store)) == (0, 1, 0, 0, 1)
    assert fields(corpus, store) == {"metadata.color": 1, "metadata.year": 1}
    assert ids(corpus, store, {"year": [1]}) == ["d0"]


class Older:
    """Writes as a version did that knew nothing of fields."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def refresh(self, corpus: Corpus, store: Sequence[str]) -> None:
        entry: Callable[..., Entry] = write._entry

        def unknowing(*given: Any) -> Entry:
            return replace(entry(*given), fields=None)

        def counted(entries: Mapping[str, Entry]) -> Totals:
            return replace(total(entries), fields=None)

        with self._patch.context() as patch:
            patch.setattr(write, "_entry", unknowing)
            patch.setattr(write, "note_fields", lambda _: None)
            patch.setattr(refresh, "note_fields", lambda _: None)
            patch.setattr(refresh, "total", counted)
            corpus.refresh(store)
        assert fields(corpus, store) is None
        assert {each.fields for each in corpus.stored(store).entries.values()} == {None}


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> Older:
    return Older(monkeypatch)


def test_an_index_of_before_is_searched_and_noted_by_the_next_refresh_that_writes(
    tmp_path: Path, store: tuple[str, ...], older: Older
) -> None:
    corpus = Corpus(tmp_path, LINES)
    rows = [{"version": "2", "year": at} for at in range(3)]
    lines(corpus, *rows)
    older.refresh(corpus, store)
    corpus.refresh(store)  # nothing to do
    assert fields(corpus, store) is None
    for _ in range(2):
        assert ids(corpus, store, {"year": [1]}) == ["d1"]
        assert list(ask(corpus, store, {"yaer": [1]}).absent) == ["yaer"]
        with pytest.raises(BadOption, match=r"metadata.version and document.version"):
            ask(corpus, store, {"version": ["2"]})
        lines(corpus, *rows, {"color": "red"})
        corpus.refresh(store)
        assert fields(corpus, store) == {
            "metadata.color": 1,
            "metadata.version": 3,
            "metadata.year": 3,
        }


def test_a_kill_while_they_are_noted_harms_nothing(
    tmp_path: Path, store: tuple[str, ...], older: Older, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = Corpus(tmp_path, LINES)
    rows: list[dict[str, Any]] = [{"version": "2", "year": at} for at in range(3)]
    lines(corpus, *rows)
    older.refresh(corpus, store)
    before = corpus.stored(store)
    lines(corpus, *rows, {"color": "red"})
    monkeypatch.setattr(write, "SHARD_DOCUMENTS", 1)
    noted = write.note_fields
    for kills in range(1, 3):
        left = kills

        def killed(work: write.Work) -> None:
            commit = work.writer.commit

            def counted(*given: Any) -> None:
                nonlocal left
                commit(*given)
                left -= 1
                if not left:
                    raise KeyboardInterrupt

            monkeypatch.setattr(work.writer, "commit", counted)
            noted(work)

        with monkeypatch.context() as patch:
            patch.setattr(refresh, "note_fields", killed)
            with pytest.raises(KeyboardInterrupt):
                corpus.refresh(store)
        served = corpus.stored(store)
        assert (served.chunks, served.entries) == (before.chunks, before.entries)
        assert ids(corpus, store, {"year": [1]}) == ["d1"]
    assert counts(corpus.refresh(store))[0] == 1
    assert fields(corpus, store) == {"metadata.color": 1, "metadata.version": 3, "metadata.year": 3}
    after = corpus.stored(store)
    assert {id: after.chunks[id] for id in before.chunks} == before.chunks


def test_names_without_end_are_read_from_the_chunks(tmp_path: Path, store: tuple[str, ...]) -> None:
    corpus = Corpus(tmp_path, LINES)
    rows = [{f"{at}-{'x' * 30_000}": 1, "version": str(at)} for at in range(3)]
    lines(corpus, *rows)
    corpus.refresh(store)
    assert fields(corpus, store) is None
    with pytest.raises(BadOption, match=r"metadata.version and document.version"):
        ask(corpus, store, {"version": ["2"]})
    assert ids(corpus, store, {"metadata.version": ["2"]}) == ["d2"]
    assert len(ask(corpus, store, {"nowhere": [1]}).absent["nowhere"]) < 300


def test_a_search_without_a_filter_asks_for_no_fields(
    manuals: Corpus, store: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(StoredReader, "fields", property(asked))
    assert ids(manuals, store, {}) == ["d0", "d1"]


def test_a_match_that_no_document_has_is_told(
    manuals: Corpus, store: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        search(manuals.load((*store, "retriever.match=[secton]")), [Query(text="pumps")], 1)
    assert "no document has the field 'secton'" in caplog.text
