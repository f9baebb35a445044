"""What changes in a source while a refresh runs."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.corpus import run
from components.corpus.report import Report
from components.errors import GuardStopped
from components.indexes.manifest import Entry
from components.phases import Phase, Runner
from components.sources.files import Files
from components.values import DocumentRef
from tests.cli import call
from tests.corpora import Corpus, before, counts, prose
from tests.corpus.test_refresh import later
from tests.faults.campaign import differences

T = TypeVar("T")
NEW = 100
"""Seed of prose that no document begins with."""


def after(name: str, do: Callable[[], object], of: str | None = None) -> Runner:
    """A runner that does something after every phase of this name, or of what it is done to."""

    def by(phase: Phase[T], /) -> T:
        made = phase.work(lambda _: None)
        if phase.name == name and of in (None, phase.of):
            do()
        return made

    return by


def refreshed(corpus: Corpus, meanwhile: Callable[[], object], *store: str, **more: Any) -> Report:
    """A refresh in which this happens once, when what was planned has been written."""
    return run.run(corpus.job(store, **more), after("encode-and-write", meanwhile, of=""))


def begun(corpus: Corpus, *store: str) -> None:
    """Eight documents that are served, and another that the next refresh will add."""
    corpus.fill(8)
    corpus.refresh(store)
    corpus.add("new.txt", prose(NEW))


def fresh(corpus: Corpus, folder: Path) -> Corpus:
    """The same documents, built at once."""
    other = Corpus(folder, corpus.pipeline)
    for file in corpus.documents.iterdir():
        other.add(file.name, file.read_text())
    other.refresh()
    return other


def test_what_changes_meanwhile_is_in_the_same_refresh(
    corpus: Corpus, store: tuple[str, ...], tmp_path: Path
) -> None:
    begun(corpus, *store)

    def change() -> None:
        corpus.add("newer.txt", prose(NEW + 1))
        later(corpus.add("001.txt", prose(NEW + 2)))
        (corpus.documents / "002.txt").unlink()
        later(corpus.documents / "003.txt")

    report = refreshed(corpus, change, *store)
    assert counts(report) == (2, 1, 6, 1, 0)
    assert (report.passes, report.promoted, report.resumed) == (2, True, False)
    assert differences(fresh(corpus, tmp_path / "fresh").stored(), corpus.stored(store)) == []
    assert counts(corpus.refresh(store)) == (0, 0, 9, 0, 0)


def test_where_nothing_changes_the_source_is_listed_once_more_and_that_is_all(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans: list[Path] = []
    scan = Files.scan

    def counted(source: Files) -> Any:
        scans.append(source.path)
        return scan(source)

    monkeypatch.setattr(Files, "scan", counted)
    corpus.fill(2)
    phases: list[str] = []

    def by(phase: Phase[T], /) -> T:
        phases.append(f"{phase.name} {phase.of}".strip())
        return phase.work(lambda _: None)

    report = run.run(corpus.job(), by)
    assert (report.passes, len(scans)) == (1, 2)
    assert phases == [
        "survey",
        "guard",
        "encode-and-write",
        "survey what changed meanwhile",
        "check-and-optimise",
        "promote",
    ]
    corpus.refresh()
    assert len(scans) == 3, "a night with nothing to do lists it once"


def test_a_source_that_changes_for_ever_ends_after_one_more_pass(corpus: Corpus) -> None:
    begun(corpus)
    numbers = iter(range(100))

    def change() -> None:
        corpus.add(f"more-{next(numbers)}.txt", prose(NEW + 1))

    report = run.run(corpus.job(), after("encode-and-write", change))
    assert (counts(report), report.passes) == ((2, 0, 8, 0, 0), 2)
    assert counts(corpus.refresh()) == (1, 0, 10, 0, 0)


EDITS = ("none", "change", "other", "break", "delete")
"""What may be done to a document: `change` and `other` give it one text or another."""


def edit(corpus: Corpus, number: int, kind: str) -> None:
    path = corpus.documents / f"{number:03}.txt"
    texts = {"change": prose(NEW + number), "other": prose(number), "break": ""}
    if kind == "delete":
        path.unlink(missing_ok=True)
    elif kind != "none":
        was = path.stat().st_mtime_ns if path.exists() else 0
        corpus.add(path.name, texts[kind])
        os.utime(path, ns=(0, max(was, path.stat().st_mtime_ns) + 10**9))


def told(before: dict[str, Entry], now: dict[str, Entry]) -> tuple[int, int, int, int, int]:
    """What a report has to say of two manifests."""
    done = {i for i, each in now.items() if each.state == "done"}
    was = {i for i, each in before.items() if each.chunks}
    same = {
        i
        for i in done & was
        if before[i].state == "done" and before[i].content_hash == now[i].content_hash
    }
    gone = was - now.keys()
    return len(done - was), len((done & was) - same), len(same), len(gone), len(now) - len(done)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=st.lists(st.tuples(*[st.sampled_from(EDITS)] * 3), min_size=4, max_size=4))
def test_counts_compare_with_what_was_live(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    edits: list[tuple[str, str, str]],
) -> None:
    """Whatever became of a document in the meantime, and however often it changed."""
    monkeypatch.setattr("infra.machine.identity", lambda: "one machine")
    corpus = Corpus(tmp_path_factory.mktemp("counted"))
    corpus.add("always.txt", prose(NEW - 1))
    for number, (at_first, _, _) in enumerate(edits):
        edit(corpus, number, at_first)
    corpus.refresh()
    live = dict(corpus.stored().entries)
    for number, (_, then, _) in enumerate(edits):
        edit(corpus, number, then)

    def change() -> None:
        for number, (_, _, meanwhile) in enumerate(edits):
            edit(corpus, number, meanwhile)

    report = refreshed(corpus, change, max_deletes=1.0, max_missing=len(edits))
    assert counts(report) == told(live, dict(corpus.stored().entries))


def test_a_source_is_no_other_because_much_of_it_changes_meanwhile(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose corpus it is was asked when the refresh began, also where a machine has no identity."""
    monkeypatch.setattr("infra.machine.identity", str)
    begun(corpus)

    def exchange() -> None:
        for number in range(8):
            (corpus.documents / f"{number:03}.txt").rename(corpus.documents / f"{number}.txt")

    report = refreshed(corpus, exchange, max_deletes=1.0)
    assert (counts(report), report.passes) == ((9, 0, 0, 8, 0), 2)


def test_the_guard_stands_before_the_second_pass_too(corpus: Corpus) -> None:
    begun(corpus)
    served = corpus.stored()

    def vanish() -> None:
        for number in range(5):
            (corpus.documents / f"{number:03}.txt").unlink()

    with pytest.raises(GuardStopped, match="5 of 8"):
        refreshed(corpus, vanish)
    assert corpus.stored().chunks == served.chunks
    with pytest.raises(GuardStopped, match="5 of 8"):
        corpus.refresh()
    report = corpus.refresh(max_deletes=1.0)
    assert (report.resumed, report.deleted) == (True, 5)
    assert report.totals.documents == 4


def test_what_failed_because_it_was_being_written_is_read_again(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(corpus)
    read, writing = Files.read, [True]

    def growing(source: Files, ref: DocumentRef) -> Any:
        document = read(source, ref)
        if ref.id == "new.txt" and writing:
            writing.clear()
            later(corpus.add("new.txt", prose(NEW + 3)))
        return document

    monkeypatch.setattr(Files, "read", growing)
    report = corpus.refresh()
    assert (counts(report), report.passes) == ((1, 0, 8, 0, 0), 2)
    assert text(corpus, "new.txt") == prose(NEW + 3)


def test_what_was_away_for_a_moment_is_read_again(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes back as it was listed."""
    begun(corpus)
    path, aside = corpus.documents / "new.txt", corpus.folder / "aside"
    job = corpus.job()
    with run.planned(job) as found:
        path.rename(aside)
        back = after("encode-and-write", lambda: aside.exists() and aside.rename(path))
        report = run.carry_out(job, found, back)
    assert (counts(report), report.passes) == ((1, 0, 8, 0, 0), 2)


def test_a_failure_that_stays_makes_no_second_pass(corpus: Corpus) -> None:
    begun(corpus)
    (corpus.documents / "link.txt").symlink_to(corpus.documents / "nowhere")
    report = corpus.refresh()
    assert (counts(report), report.passes) == ((1, 0, 8, 0, 1), 1)


def test_a_source_that_is_away_afterwards_does_not_undo_what_was_written(
    corpus: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    begun(corpus)
    aside = corpus.folder / "aside"
    with caplog.at_level(logging.WARNING):
        report = refreshed(corpus, lambda: corpus.documents.rename(aside))
    assert (counts(report), report.passes, report.promoted) == ((1, 0, 8, 0, 0), 1, True)
    assert "left to the next refresh" in caplog.text


def text(corpus: Corpus, document_id: str) -> str:
    chunks = [each for each in corpus.stored().chunks.values() if each.document_id == document_id]
    return "".join(each.text for each in sorted(chunks, key=lambda each: each.ordinal))


def version(corpus: Corpus, document_id: str) -> str:
    found = {each.id: each for each in corpus.job().source.scan() if isinstance(each, DocumentRef)}
    return found[document_id].version


def test_a_file_that_changes_before_it_is_read_has_the_version_of_what_was_read(
    corpus: Corpus,
) -> None:
    """Else it would be held for unchanged, should it become again what it was."""
    begun(corpus)
    listed = corpus.documents / "new.txt"
    times = listed.stat().st_mtime_ns
    later(corpus.add("004.txt", prose(NEW + 4)))
    edits = [("new.txt", NEW + 1), ("004.txt", NEW + 5)]

    def change() -> None:
        while edits:
            name, seed = edits.pop()
            corpus.add(name, prose(seed))
            os.utime(corpus.documents / name, ns=(0, times + 10**10))

    report = run.run(corpus.job(), before("encode-and-write", change))
    assert (counts(report), report.passes) == ((1, 1, 7, 0, 0), 2)
    for name, seed in (("new.txt", NEW + 1), ("004.txt", NEW + 5)):
        assert text(corpus, name) == prose(seed)
        assert corpus.stored().entries[name].version == version(corpus, name)
    corpus.add("new.txt", prose(NEW))
    os.utime(listed, ns=(times, times))
    corpus.refresh()
    assert text(corpus, "new.txt") == prose(NEW)


@pytest.mark.parametrize("phase", ["survey", "guard", "encode-and-write", "check-and-optimise"])
def test_interrupted_around_the_second_pass(
    corpus: Corpus, store: tuple[str, ...], tmp_path: Path, phase: str
) -> None:
    begun(corpus, *store)
    served = corpus.stored(store)

    def by(each: Phase[T], /) -> T:
        if each.name == phase and (each.of or phase == "check-and-optimise"):
            raise KeyboardInterrupt
        made = each.work(lambda _: None)
        if each.name == "encode-and-write" and not each.of:
            later(corpus.add("new.txt", prose(NEW + 1)))
            (corpus.documents / "002.txt").unlink()
        return made

    with pytest.raises(KeyboardInterrupt):
        run.run(corpus.job(store), by)
    assert corpus.stored(store).chunks == served.chunks
    report = corpus.refresh(store)
    assert report.resumed
    assert differences(fresh(corpus, tmp_path / "fresh").stored(), corpus.stored(store)) == []


GROWING = """
from dataclasses import dataclass
from components.sources.files import Files

@dataclass(frozen=True, kw_only=True)
class Growing(Files):
    def read(self, ref):
        grown = self.path / "grown.txt"
        if not grown.exists():
            grown.write_text("The mill has grown meanwhile.")
        return super().read(ref)
"""


def test_it_is_told_where_it_happened(corpus: Corpus) -> None:
    (corpus.folder / "growing.py").write_text(GROWING)
    corpus.fill(2)
    own = ("--set", "source.use=growing:Growing")
    first = call("refresh", corpus.file, "--engine-only", "--json", *own)
    assert (first.json["added"], first.json["passes"]) == (3, 2)
    (corpus.documents / "grown.txt").unlink()
    corpus.add("another.txt", prose(5))
    second = call("refresh", corpus.file, "--engine-only", *own)
    assert "in two passes" in second.out
    corpus.add("one-more.txt", prose(6))
    third = call("refresh", corpus.file, "--engine-only", *own)
    assert "two passes" not in third.out
