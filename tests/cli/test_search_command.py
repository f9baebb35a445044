"""`millrace search`: hits that can be found again in the source, filters, and what is pending."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli import Outcome, call, start
from tests.corpora import HASHING, Corpus, prose

HIT = {
    "document_id",
    "chunk_id",
    "chunk_ids",
    "start",
    "end",
    "page",
    "last_page",
    "score",
    "first_score",
    "title",
    "section",
    "metadata",
    "text",
}
KEYS = {
    "schema",
    "question",
    "hits",
    "reranked",
    "generation",
    "release",
    "pending",
    "absent_fields",
}
LINES: list[dict[str, Any]] = [
    {"_id": "a", "title": "Größe", "text": "A river mill “grinds”.", "year": 2018, "sort": "old"},
    {"_id": "b", "title": "B", "text": "A wind mill turns.", "year": 2019, "sort": "old"},
    {"_id": "c", "title": "C", "text": "A paper mill presses.", "year": "2018", "sort": "new"},
    {"_id": "d", "title": "D", "text": "A saw mill cuts.", "share": 0.5, "open": True},
    {"_id": "e", "title": "E", "text": "A coffee mill.", "share": 2, "open": False, "tags": ["x"]},
]


def pdf(file: Path, pages: list[str]) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(file))
    for page in pages:
        canvas.drawString(72, 700, page)
        canvas.showPage()
    canvas.save()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Text with characters of one to four bytes, and a PDF, refreshed."""
    corpus = Corpus(tmp_path_factory.mktemp("folder"))
    corpus.fill(3)
    corpus.add("deep/umlaute.md", "# Größe\n\n" + "Die Mühle 水車 🌊 mahlt. " * 40)
    pdf(corpus.documents / "filing.pdf", ["Cover.", "The turbine was sold.", "Notes."])
    assert call("refresh", corpus.file, "--engine-only").code == 0
    return corpus


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Documents with metadata, refreshed."""
    source = {"use": "jsonl", "path": "corpus.jsonl"}
    corpus = Corpus(tmp_path_factory.mktemp("fields"), {**HASHING, "source": source})
    (corpus.folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, LINES)))
    assert call("refresh", corpus.file, "--engine-only").code == 0
    return corpus


def ask(corpus: Corpus, question: str, *arguments: str) -> Outcome:
    return call("search", corpus.file, question, *arguments)


def found(corpus: Corpus, *filters: str) -> set[str]:
    """Documents that a question which all of them answer finds through filters."""
    arguments = [part for each in filters for part in ("--filter", each)]
    done = ask(corpus, "mill", "-k", "100", "--json", *arguments)
    assert done.code == 0, done.err
    return {hit["document_id"] for hit in done.json["hits"]}


def test_json_has_the_question_and_every_field_of_every_hit(folder: Corpus) -> None:
    done = ask(folder, "river mill wheel", "--json")
    assert (done.code, done.err) == (0, "")
    assert set(done.json) == KEYS
    assert done.json["question"] == "river mill wheel"
    assert done.json["pending"] is False
    assert done.json["generation"] == f"0001-{folder.load().fingerprint()}"
    assert len(done.json["hits"]) == 10
    for hit in done.json["hits"]:
        assert set(hit) == HIT
        assert hit["chunk_ids"] == [hit["chunk_id"]]
        assert isinstance(hit["score"], float)
        assert hit["first_score"] is None
    scores = [hit["score"] for hit in done.json["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_a_hit_is_its_span_of_the_file(folder: Corpus) -> None:
    hits = ask(folder, "Mühle mill", "-k", "100", "--json").json["hits"]
    names = {hit["document_id"] for hit in hits}
    assert names == {"000.txt", "001.txt", "002.txt", "deep/umlaute.md", "filing.pdf"}
    for hit in hits:
        if hit["document_id"] != "filing.pdf":
            text = (folder.documents / hit["document_id"]).read_text()
            assert hit["text"] == text[hit["start"] : hit["end"]]
            assert (hit["page"], hit["last_page"]) == (None, None)


def test_a_hit_in_a_pdf_has_its_page_from_0(folder: Corpus) -> None:
    hit = ask(folder, "turbine sold", "-k", "1", "--json").json["hits"][0]
    assert hit["document_id"] == "filing.pdf"
    assert (hit["page"], hit["last_page"]) == (1, 1)
    assert hit["text"].strip() == "The turbine was sold."


def test_a_merged_passage_names_its_chunks_and_is_exact(folder: Corpus) -> None:
    hits = ask(folder, "Mühle", "--json", "--set", "retriever.use=neighbourhood").json["hits"]
    assert any(len(hit["chunk_ids"]) > 1 for hit in hits)
    for hit in hits:
        assert hit["chunk_id"] in hit["chunk_ids"]
        if hit["document_id"] != "filing.pdf":
            text = (folder.documents / hit["document_id"]).read_text()
            assert hit["text"] == text[hit["start"] : hit["end"]]


def test_a_reranked_hit_keeps_its_first_score(folder: Corpus) -> None:
    hits = ask(folder, "mill", "--json", "--set", "reranker.use=feedback").json["hits"]
    assert len(hits) == 10
    assert all(isinstance(hit["first_score"], float) for hit in hits)


@pytest.mark.parametrize("k", [1, 3, 1000])
def test_at_most_k_hits(folder: Corpus, k: int) -> None:
    every = ask(folder, "mill", "-k", "1000", "--json").json["hits"]
    assert 10 < len(every) < 1000
    assert ask(folder, "mill", "-k", str(k), "--json").json["hits"] == every[:k]


@pytest.mark.parametrize("question", ["", " ", "?", "the of", "\0", "x" * 10_000, "--"])
def test_an_odd_question_is_answered(folder: Corpus, question: str) -> None:
    done = call("search", folder.file, "--json", "--", question)
    assert (done.code, done.err) == (0, "")
    assert done.json["question"] == question


def test_without_filters_all_is_found(fields: Corpus) -> None:
    assert found(fields) == {"a", "b", "c", "d", "e"}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["sort=old"], {"a", "b"}),
        (["sort=new"], {"c"}),
        (["sort=old", "sort=new"], {"a", "b", "c"}),
        (["year=2018"], {"a", "c"}),
        (["year=2019"], {"b"}),
        (["year=2018", "year=2019"], {"a", "b", "c"}),
        (["year=2018", "sort=old"], {"a"}),
        (["sort=old", "year=2018", "year=2019"], {"a", "b"}),
        (["share=0.5"], {"d"}),
        (["share=2"], {"e"}),
        (["share=2.0"], {"e"}),
        (["open=true"], {"d"}),
        (["open=false"], {"e"}),
        (["tags=x"], {"e"}),
        (["document_id=b"], {"b"}),
        (["metadata.sort=new"], {"c"}),
        (["sort="], set()),
        (["sort=Old"], set()),
        (["sort=old=new"], set()),
        (["nowhere=1"], set()),
        (["nowhere=1", "sort=old"], set()),
        (["year=nan"], set()),
        (["year=99999999999999999999999"], set()),
        (["year=-9223372036854775809"], set()),
        (["year=1e999"], set()),
    ],
)
def test_filters(fields: Corpus, filters: list[str], expected: set[str]) -> None:
    assert found(fields, *filters) == expected


def test_metadata_comes_with_the_hit(fields: Corpus) -> None:
    (hit,) = ask(fields, "mill", "--json", "--filter", "document_id=a").json["hits"]
    assert hit["metadata"] == {"year": 2018, "sort": "old"}
    assert hit["title"] == "Größe"
    assert hit["text"] == "Größe\nA river mill “grinds”."


def test_a_filter_that_nothing_can_match_is_told(fields: Corpus) -> None:
    done = ask(fields, "mill", "--filter", "sorte=old", "--filter", "page=3")
    assert (done.code, done.out) == (0, "nothing found\n")
    assert done.err.splitlines() == [
        "millrace: no document has the field 'sorte': did you mean 'sort'?; "
        "a filter by it finds nothing",
        "millrace: no document has the field 'page': they have open, share, sort, tags, year; "
        "a filter by it finds nothing",
    ]
    done = ask(fields, "mill", "--json", "--filter", "sorte=old", "--filter", "year=2018")
    assert (done.json["absent_fields"], done.json["hits"]) == (["sorte"], [])
    assert ask(fields, "mill", "--json", "--filter", "sort=none").json["absent_fields"] == []


def test_a_name_that_both_have_is_refused(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, {**HASHING, "source": {"use": "jsonl", "path": "corpus.jsonl"}})
    row = {"_id": "a", "title": "A", "text": "A river mill.", "version": "2.1", "section": "x"}
    (tmp_path / "corpus.jsonl").write_text(json.dumps(row))
    corpus.refresh()
    done = ask(corpus, "mill", "--filter", "version=2.1")
    assert done.code == 2
    assert done.message == (
        "filter: 'version' may be either of two fields here: metadata.version and "
        "document.version (name the one that is meant in full)"
    )
    for filter in ("metadata.version=2.1", "section=x", "document.title=A"):
        assert found(corpus, filter) == {"a"}


def test_nothing_found_is_said_and_no_mistake(fields: Corpus) -> None:
    done = ask(fields, "mill", "--filter", "sort=none")
    assert (done.code, done.out, done.err) == (0, "nothing found\n", "")


@pytest.mark.parametrize(
    ("override", "pending"),
    [
        ("splitter.max_tokens=31", True),
        ("encoder.width=32", True),
        ("encoder.use=naive", True),
        ("sparse.k=1.5", True),
        ("retriever.depth=7", True),
        ("reranker.use=feedback", True),
        ("index.filterable=[year]", False),
    ],
)
def test_what_the_next_refresh_will_release_is_pending(
    folder: Corpus, override: str, pending: bool
) -> None:
    done = ask(folder, "mill", "--json", "-k", "3", "--set", override)
    assert done.code == 0
    assert done.json["pending"] is pending
    assert len(done.json["hits"]) == 3, "what is live answers all the same"
    assert ("the next refresh makes a release of it" in done.err) == pending


@pytest.mark.parametrize("columns", [None, "60", "100"])
def test_the_table_fits_its_width(
    folder: Corpus, monkeypatch: pytest.MonkeyPatch, columns: str | None
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    done = ask(folder, "turbine sold", "-k", "5")
    assert (done.code, done.err) == (0, "")
    lines = done.out.split("\n")
    assert max(map(len, lines)) <= int(columns or 100)
    assert lines[0].split() == ["score", "where", "text"]
    assert "filing.pdf p.2" in done.out
    assert "\x1b" not in done.out


def test_text_that_looks_like_markup_is_shown_as_it_is(corpus: Corpus) -> None:
    corpus.add("[red]a[/red].md", "The [bold]mill[/bold] has [/odd] brackets [link=x]here[/link].")
    assert call("refresh", corpus.file, "--engine-only").code == 0
    done = ask(corpus, "mill")
    assert (done.code, done.err) == (0, "")
    shown = "".join(done.out.split())
    assert "[bold]mill[/bold]has[/odd]brackets" in shown
    assert "[red]a[/red].md" in shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8:strict"])
def test_output_suits_a_stream_that_cannot_take_every_character(
    fields: Corpus, encoding: str
) -> None:
    arguments = ("search", fields.file, b"Gr\xf6\xdfe", "--filter", "document_id=a")
    done = start(*arguments, "--json", environment={"PYTHONIOENCODING": encoding})
    assert (done.code, done.err) == (0, "")
    assert done.json["hits"][0]["text"] == "Größe\nA river mill “grinds”."
    if encoding == "ascii":
        shown = start(*arguments, environment={"PYTHONIOENCODING": encoding})
        assert (shown.code, shown.err) == (0, "")
        assert r"Gr\xf6\xdfe" in shown.out


def test_prose_is_what_the_folder_holds(folder: Corpus) -> None:
    (hit,) = ask(folder, "number 203", "-k", "1", "--json").json["hits"]
    assert hit["text"] in prose(2)
