"""What a refresh does to what is stored, document by document."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.corpus.search import search
from components.errors import ForeignCorpus, GuardStopped, SourceMissing
from components.values import Query
from tests.corpora import LINES, Corpus, counts, prose


def later(path: Path) -> None:
    """Another modification time, whatever the clock's grain."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000_000))


def test_first_refresh_adds_everything_and_is_promoted(corpus: Corpus) -> None:
    corpus.fill(5)
    report = corpus.refresh()
    assert counts(report) == (5, 0, 0, 0, 0)
    assert report.promoted
    assert report.totals.documents == 5
    assert report.totals.chunks == len(corpus.stored().chunks) > 5


def test_second_refresh_does_nothing_and_keeps_the_generation(corpus: Corpus) -> None:
    corpus.fill(3)
    first = corpus.refresh()
    second = corpus.refresh()
    assert counts(second) == (0, 0, 3, 0, 0)
    assert (second.generation, second.promoted, second.tokens) == (first.generation, False, 0)
    assert not second.model_loaded


def test_added_edited_deleted_and_touched(corpus: Corpus) -> None:
    corpus.fill(6)
    corpus.refresh()
    corpus.add("new.txt", prose(50))
    later(corpus.add("001.txt", prose(51)))
    (corpus.documents / "002.txt").unlink()
    later(corpus.documents / "003.txt")
    expected = (1, 1, 4, 1, 0)
    assert counts(corpus.refresh(dry_run=True)) == expected
    assert counts(corpus.refresh()) == expected
    stored = corpus.stored()
    assert set(stored.entries) == {"000.txt", "001.txt", "003.txt", "004.txt", "005.txt", "new.txt"}
    assert not any(chunk.document_id == "002.txt" for chunk in stored.chunks.values())
    assert "".join(c.text for c in stored.chunks.values() if c.document_id == "001.txt") == prose(
        51
    )
    found = search(corpus.load(), [Query(text="mill", filter={"document_id": ["002.txt"]})], 5)
    assert found.hits == [[]]


def test_a_refreshed_index_equals_one_built_at_once(tmp_path: Path) -> None:
    steps, once = Corpus(tmp_path / "steps"), Corpus(tmp_path / "once")
    steps.fill(4)
    steps.refresh()
    steps.add("900.txt", prose(9))
    later(steps.add("001.txt", prose(51)))
    (steps.documents / "002.txt").unlink()
    steps.refresh()
    for file in steps.documents.iterdir():
        once.add(file.name, file.read_text())
    once.refresh()
    left, right = steps.stored(), once.stored()
    assert left.chunks == right.chunks
    assert all((left.vectors[i] == right.vectors[i]).all() for i in left.vectors)


def test_dry_run_leaves_no_trace(corpus: Corpus) -> None:
    corpus.fill(2)
    report = corpus.refresh(dry_run=True)
    assert counts(report) == (2, 0, 0, 0, 0)
    assert not (corpus.folder / "store").exists()


def test_bad_document_is_named_and_the_others_go_on(corpus: Corpus) -> None:
    corpus.fill(2)
    corpus.add("bad.txt", "")
    assert counts(corpus.refresh(dry_run=True)) == (2, 0, 0, 0, 1)
    report = corpus.refresh()
    assert counts(report) == (2, 0, 0, 0, 1)
    assert report.exit_code == 3
    assert report.failures[0].id == "bad.txt"
    again = corpus.refresh()
    assert counts(again) == (0, 0, 2, 0, 1)
    assert again.generation == report.generation, "a known failure is not tried again"


def test_a_document_that_turns_bad_keeps_its_last_good_chunks(corpus: Corpus) -> None:
    corpus.fill(2)
    corpus.refresh()
    before = corpus.stored()
    later(corpus.add("001.txt", "  \n"))
    report = corpus.refresh()
    assert counts(report) == (0, 0, 1, 0, 1)
    assert report.totals.stale == 1
    after = corpus.stored()
    assert after.chunks == before.chunks
    assert after.entries["001.txt"].stale
    later(corpus.add("001.txt", prose(1)))
    healed = corpus.refresh()
    assert healed.exit_code == 0
    assert corpus.stored().chunks == before.chunks


def test_retry_failed_tries_again_without_a_new_version(corpus: Corpus) -> None:
    corpus.fill(1)
    target = corpus.documents / "elsewhere"
    (corpus.documents / "link.txt").symlink_to(target)
    assert counts(corpus.refresh())[4] == 1
    target.write_text(prose(7))
    assert counts(corpus.refresh(retry_failed=True)) == (1, 0, 1, 0, 0)


def test_guard_stops_a_run_that_would_delete_too_much(corpus: Corpus) -> None:
    corpus.fill(5)
    corpus.refresh()
    before = corpus.stored()
    for number in range(3):
        (corpus.documents / f"00{number}.txt").unlink()
    with pytest.raises(GuardStopped, match="3 of 5"):
        corpus.refresh()
    after = corpus.stored()
    assert (after.chunks, after.entries) == (before.chunks, before.entries)
    assert counts(corpus.refresh(max_deletes=1.0)) == (0, 0, 2, 3, 0)


def test_an_empty_source_is_refused_at_first(corpus: Corpus) -> None:
    with pytest.raises(SourceMissing, match="no documents"):
        corpus.refresh()


def test_another_source_under_the_same_name_is_refused_until_adopted(corpus: Corpus) -> None:
    corpus.fill(2)
    corpus.refresh()
    other = corpus.folder / "other"
    other.mkdir()
    (other / "000.txt").write_text(prose(0))
    override = [f"source.path={other}"]
    with pytest.raises(ForeignCorpus, match="documents"):
        corpus.refresh(override)
    assert counts(corpus.refresh(override, adopt=True))[3] == 1


def test_a_changed_fingerprint_builds_beside_and_going_back_is_free(corpus: Corpus) -> None:
    corpus.fill(3)
    first = corpus.refresh()
    wide = ["encoder.width=128"]
    second = corpus.refresh(wide)
    assert second.generation != first.generation
    assert counts(second) == (3, 0, 0, 0, 0)
    back = corpus.refresh()
    assert (back.generation, back.tokens, back.promoted) == (first.generation, 0, True)


def test_queries_use_the_live_encoder_and_say_that_the_file_differs(corpus: Corpus) -> None:
    corpus.fill(3)
    corpus.refresh()
    found = search(corpus.load(["encoder.width=128"]), [Query(text="water wheel")], 3)
    assert found.pending
    assert len(found.hits[0]) == 3


def test_metadata_alone_updates_payloads_without_encoding(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, LINES)
    line = '{"_id": "a", "title": "T", "text": "The mill turns.", "year": %d}\n'
    corpus.add("corpus.jsonl", line % 1901)
    corpus.refresh()
    before = corpus.stored()
    corpus.add("corpus.jsonl", line % 1902)
    report = corpus.refresh()
    assert counts(report) == (0, 1, 0, 0, 0)
    assert report.tokens == 0
    after = corpus.stored()
    assert set(after.chunks) == set(before.chunks)
    assert {chunk.metadata["year"] for chunk in after.chunks.values()} == {1902}
    assert counts(corpus.refresh()) == (0, 0, 1, 0, 0)


def test_a_part_that_cannot_be_listed_deletes_nothing_in_it(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, LINES)
    lines = [f'{{"_id": "{i}", "text": "{prose(i, 2)}"}}\n' for i in range(3)]
    corpus.add("corpus.jsonl", "".join(lines))
    corpus.refresh()
    corpus.add("corpus.jsonl", lines[0] + '{"_id": "1", "text": \n' + lines[2])
    report = corpus.refresh()
    assert counts(report) == (0, 0, 3, 0, 1)
    assert "line 2" in report.failures[0].id
    assert len(corpus.stored().entries) == 3


def test_one_id_twice_is_an_error_that_names_both(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    corpus.fill(1)
    (corpus.folder / "twins.py").write_text(
        "from dataclasses import dataclass\n"
        "from components.sources.files import Files\n"
        "from components.values import DocumentRef\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Twins(Files):\n"
        "    def scan(self):\n"
        "        for ref in super().scan():\n"
        "            yield ref\n"
        "            yield DocumentRef(id=ref.id, version='2', locator='elsewhere')\n"
    )
    report = corpus.refresh(["source.use=twins:Twins"])
    assert counts(report) == (0, 0, 0, 0, 1)
    assert "000.txt" in report.failures[0].reason
    assert "elsewhere" in report.failures[0].reason


def test_a_strangers_component_that_breaks_fails_its_documents_only(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    corpus.fill(3)
    (corpus.folder / "fragile.py").write_text(
        "from dataclasses import dataclass\n"
        "from components.values import Span\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Fragile:\n"
        "    def split(self, document, tokenizer):\n"
        "        if document.id == '001.txt':\n"
        "            raise KeyError('oops')\n"
        "        if document.id == '002.txt':\n"
        "            return [Span(0, 10), Span(5, 20)]\n"
        "        return [Span(0, len(document.text))]\n"
    )
    report = corpus.refresh(["splitter.use=fragile:Fragile"])
    assert counts(report) == (1, 0, 0, 0, 2)
    reasons = {each.id: each.reason for each in report.failures}
    assert "KeyError" in reasons["001.txt"]
    assert "5..20" in reasons["002.txt"]


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_report_names_where_the_time_went(corpus: Corpus, share: float) -> None:
    corpus.fill(2)
    report = corpus.refresh(max_deletes=share)
    assert {"survey", "read", "split", "encode", "write"} <= set(report.spent)
    assert all(seconds >= 0 for seconds in report.spent.values())


def test_touched_documents_are_noted_down_with_the_next_change(corpus: Corpus) -> None:
    corpus.fill(2)
    first = corpus.refresh()
    noted = corpus.stored().entries["000.txt"].version
    later(corpus.documents / "000.txt")
    assert corpus.refresh().generation == first.generation
    corpus.add("new.txt", prose(50))
    assert counts(corpus.refresh()) == (1, 0, 2, 0, 0)
    assert corpus.stored().entries["000.txt"].version != noted
