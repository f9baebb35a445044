"""Documents of which a part cannot be read: the rest is served, the part named every time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.corpus.report import Report
from flows import page
from tests.cli import call
from tests.corpora import Corpus
from tests.sources.pdfs import drawn, lines, unmapped

REASON = "text on page 2 cannot be read: no Unicode for its font"


@pytest.fixture
def torn(corpus: Corpus) -> Path:
    """A document of two pages, the second of which cannot be read."""
    corpus.add("whole.txt", "The water wheel turns.")
    file = corpus.documents / "torn.pdf"
    file.write_bytes(unmapped(["The mill stands."], ["{Nobody reads this.}"]))
    return file


def told(report: Report) -> dict[str, str]:
    assert report.exit_code == 0
    return {each.id: each.reason for each in report.incomplete}


def test_it_is_served_and_named_until_it_is_mended(corpus: Corpus, torn: Path) -> None:
    expected = {"torn.pdf": REASON}
    assert told(corpus.refresh(dry_run=True)) == expected
    first = corpus.refresh()
    assert told(first) == expected
    assert (first.added, first.failures, first.totals.documents) == (2, (), 2)
    texts = [each.text.strip() for each in corpus.stored().chunks.values()]
    assert sorted(texts) == ["The mill stands.", "The water wheel turns."]

    again = corpus.refresh()
    assert (again.unchanged, told(again)) == (2, expected)
    assert told(corpus.refresh(dry_run=True)) == expected

    os.utime(torn, ns=(1, 1))
    corpus.add("new.txt", "Another one.")
    touched = corpus.refresh()
    assert (touched.added, touched.unchanged, told(touched)) == (1, 2, expected)
    assert told(corpus.refresh()) == expected

    torn.write_bytes(drawn(lines("The mill stands."), lines("Everybody reads this.")))
    assert told(corpus.refresh()) == {}
    assert told(corpus.refresh()) == {}


def test_one_that_fails_now_is_no_longer_incomplete(corpus: Corpus, torn: Path) -> None:
    corpus.refresh()
    torn.write_bytes(b"torn for good")
    report = corpus.refresh()
    assert [each.id for each in report.failures] == ["torn.pdf"]
    assert report.incomplete == ()
    assert report.totals.stale == 1


def test_the_command_names_it(corpus: Corpus, torn: Path) -> None:
    done = call("refresh", corpus.file, "--engine-only")
    assert done.code == 0
    assert f"incomplete  torn.pdf: {REASON}\n" in done.out
    done = call("refresh", corpus.file, "--engine-only", "--json")
    assert done.json["incomplete"] == [{"id": "torn.pdf", "reason": REASON}]


def test_the_page_of_a_run_names_it(corpus: Corpus, torn: Path) -> None:
    report = corpus.refresh()
    assert told(report) == {"torn.pdf": REASON}
    text = page.incomplete(report.incomplete)
    assert "text on page 2 cannot be read" in text
    assert page.incomplete(()) == ""
