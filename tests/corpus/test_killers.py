"""Documents that crash, hang or swell their parser, on the command line: named, and the rest goes
on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli import Outcome, call
from tests.corpora import HASHING, Corpus, prose
from tests.sources import killers

SECONDS, BYTES = 2, 2**28
LONG = f"parsing it takes longer than {SECONDS} s"
CRASH = f"its parser crashes: SIGABRT, {BYTES:,} bytes of memory allowed"
ORDERS = {
    "b-crash.txt": ("crash", CRASH),
    "c-hang.txt": ("hang", LONG),
    "d-swell.txt": ("swell", f"parsing it takes more than {BYTES:,} bytes of memory"),
}


def corpus_of(tmp_path: Path, use: str = "files", seconds: int = SECONDS) -> Corpus:
    source = {**HASHING["source"], "use": use, "parse_seconds": seconds, "parse_bytes": BYTES}
    corpus = Corpus(tmp_path, {**HASHING, "source": source})
    corpus.add("a.txt", prose(1))
    corpus.add("e.html", f"<p>{prose(2)}")
    return corpus


def refresh(corpus: Corpus, *more: str) -> Outcome:
    return call("refresh", corpus.file, "--json", "--engine-only", *more)


def reasons(done: Outcome) -> dict[str, str]:
    return {each["id"]: each["reason"] for each in done.json["failures"]}


def test_orders_to_crash_hang_and_swell(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, "tests.sources.killers:Obedient")
    for name, (order, _) in ORDERS.items():
        corpus.add(name, order)
    done = refresh(corpus)
    assert (done.code, done.json["added"], done.json["promoted"]) == (3, 2, True)
    assert reasons(done) == {name: reason for name, (_, reason) in ORDERS.items()}
    assert "Traceback" not in done.err
    found = call("search", corpus.file, "number 205", "--json").json["hits"]
    assert "e.html" in {hit["document_id"] for hit in found}


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, Outcome]:
    """A corpus with a PDF of a million pages in a kilobyte, after its first refresh."""
    corpus = corpus_of(tmp_path_factory.mktemp("endless"))
    (corpus.documents / "b-endless.pdf").write_bytes(killers.endless_pdf())
    return corpus, refresh(corpus)


class TestEndless:
    def test_it_is_named_and_the_rest_is_served(self, endless: tuple[Corpus, Outcome]) -> None:
        _, done = endless
        assert (done.code, done.json["added"]) == (3, 2)
        assert reasons(done) == {"b-endless.pdf": LONG}

    def test_a_second_run_changes_nothing(self, endless: tuple[Corpus, Outcome]) -> None:
        corpus, first = endless
        done = refresh(corpus)
        assert (done.code, reasons(done)) == (3, reasons(first))
        assert counted(done) == {"added": 0, "changed": 0, "unchanged": 2, "deleted": 0}
        assert done.json["generation"] == first.json["generation"]
        assert done.json["spent"].keys() == {"survey", "seal"}, "nothing was read"

    def test_a_mended_one_is_read(self, endless: tuple[Corpus, Outcome]) -> None:
        corpus, _ = endless
        (corpus.documents / "b-endless.pdf").write_bytes(killers.endless_pdf(levels=1))
        done = refresh(corpus)
        assert (done.code, done.json["added"]) == (0, 1)


def test_a_page_of_48_million_letters_in_a_kilobyte(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, seconds=60)
    (corpus.documents / "b-swelling.pdf").write_bytes(killers.swelling_pdf())
    done = refresh(corpus)
    assert (done.code, done.json["added"]) == (3, 2)
    assert reasons(done) == {"b-swelling.pdf": CRASH}


def counted(done: Outcome) -> Mapping[str, Any]:
    return {name: done.json[name] for name in ("added", "changed", "unchanged", "deleted")}


def test_one_that_crashes_once_is_served(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, "tests.sources.killers:Obedient")
    corpus.add("b.txt", f"once {tmp_path / 'marker'}")
    done = refresh(corpus)
    assert (done.code, done.json["added"]) == (0, 3)


def test_no_limit_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path)
    more = ["source.parse_seconds=9", "source.parse_bytes=9", "source.max_bytes=9"]
    assert corpus.load(more).fingerprint() == corpus.load().fingerprint()
