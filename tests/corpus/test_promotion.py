"""What may go live, and what must not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.corpus import run
from components.errors import ForeignCorpus, GuardStopped
from tests.corpora import LINES, Corpus, before, counts, prose
from tests.corpus.test_refresh import later

WIDE = ["encoder.width=128"]


def _interrupt() -> None:
    raise KeyboardInterrupt


INTERRUPTED = before("check-and-optimise", _interrupt)
"""A refresh that ends after everything was written and before anything is sealed."""


def test_a_new_fingerprint_is_guarded_against_a_vanished_source(corpus: Corpus) -> None:
    corpus.fill(9)
    corpus.refresh()
    for number in range(8):
        (corpus.documents / f"00{number}.txt").unlink()
    with pytest.raises(GuardStopped, match="8 of 9"):
        corpus.refresh(WIDE)
    assert len(corpus.stored().entries) == 9


def test_a_new_fingerprint_that_lacks_served_documents_is_not_published(corpus: Corpus) -> None:
    corpus.fill(4)
    first = corpus.refresh()
    later(corpus.add("001.txt", ""))
    assert corpus.refresh().totals.stale == 1
    with pytest.raises(GuardStopped, match=r"001\.txt"):
        corpus.refresh(WIDE)
    release = corpus.job().corpus.live()
    assert release is not None
    assert release.generation.fingerprint == first.fingerprint
    report = corpus.refresh(WIDE, max_missing=1)
    assert report.promoted
    assert report.tokens == 0, "the generation was ready"


def test_a_source_of_bad_documents_alone_publishes_nothing(corpus: Corpus) -> None:
    corpus.add("bad.txt", "")
    report = corpus.refresh()
    assert counts(report) == (0, 0, 0, 0, 1)
    assert not report.promoted
    assert corpus.job().corpus.live() is None
    corpus.add("good.txt", prose(1))
    assert corpus.refresh().promoted


def test_documents_in_a_gap_hold_a_new_fingerprint_back(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, LINES)
    lines = [f'{{"_id": "{i}", "text": "{prose(i, 2)}"}}\n' for i in range(3)]
    corpus.add("corpus.jsonl", "".join(lines))
    corpus.refresh()
    corpus.add("corpus.jsonl", lines[0] + "{\n" + lines[2])
    with pytest.raises(GuardStopped, match="'1'"):
        corpus.refresh(WIDE)


def test_deletions_are_guarded_against_what_readers_have(corpus: Corpus) -> None:
    corpus.fill(10)
    corpus.refresh()
    for number in range(5):
        (corpus.documents / f"00{number}.txt").unlink()
    with pytest.raises(KeyboardInterrupt):
        run.run(corpus.job(), INTERRUPTED)
    for number in (5, 6):
        (corpus.documents / f"00{number}.txt").unlink()
    with pytest.raises(GuardStopped, match="7 of 10"):
        corpus.refresh()


@pytest.mark.parametrize("left", [0, 2])
def test_a_first_build_that_was_killed_is_guarded_too(corpus: Corpus, left: int) -> None:
    corpus.fill(6)
    with pytest.raises(KeyboardInterrupt):
        run.run(corpus.job(), INTERRUPTED)
    away = corpus.folder / "away"
    away.mkdir()
    for number in range(left, 6):
        name = f"{number:03}.txt"
        (corpus.documents / name).rename(away / name)
    with pytest.raises(GuardStopped, match=f"{6 - left} of 6 documents would be deleted"):
        corpus.refresh()
    for each in list(away.iterdir()):
        each.rename(corpus.documents / each.name)
    report = corpus.refresh()
    assert report.resumed
    assert counts(report) == (0, 0, 6, 0, 0)


def test_adopting_lasts(corpus: Corpus) -> None:
    corpus.fill(2)
    corpus.refresh()
    moved = corpus.folder / "moved"
    corpus.documents.rename(moved)
    override = [f"source.path={moved}"]
    with pytest.raises(ForeignCorpus):
        corpus.refresh(override)
    assert counts(corpus.refresh(override, adopt=True)) == (0, 0, 2, 0, 0)
    assert counts(corpus.refresh(override)) == (0, 0, 2, 0, 0)


def test_another_sources_versions_are_not_trusted(corpus: Corpus) -> None:
    corpus.fill(2)
    corpus.refresh()
    other = corpus.folder / "other"
    other.mkdir()
    for number in range(2):
        name = f"{number:03}.txt"
        stat = (corpus.documents / name).stat()
        text = (
            (corpus.documents / name).read_text().replace("river", "ocean").replace("mill", "reef")
        )
        (other / name).write_text(text)
        os.utime(other / name, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert (other / name).stat().st_size >= stat.st_size
    corpus.refresh([f"source.path={other}"], adopt=True)
    assert any("ocean" in chunk.text for chunk in corpus.stored().chunks.values())


def test_a_first_build_that_was_killed_keeps_its_source(corpus: Corpus) -> None:
    corpus.fill(2)
    with pytest.raises(KeyboardInterrupt):
        run.run(corpus.job(), INTERRUPTED)
    other = corpus.folder / "other"
    other.mkdir()
    (other / "000.txt").write_text(prose(5))
    with pytest.raises(ForeignCorpus):
        corpus.refresh([f"source.path={other}"])
