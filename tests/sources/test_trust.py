"""Changes that neither time nor size shows."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.sources.archive import Archive
from components.sources.files import Files
from components.sources.financebench import FinanceBench
from components.sources.jsonl import JsonLines
from components.sources.url import Url
from components.values import DocumentRef, LeftOut
from tests.contracts.source import SourceContract, refs
from tests.corpora import HASHING, Corpus, counts, prose
from tests.sources.test_archive import packed
from tests.sources.test_extract import pdf

CONTENT = ["source.trust=content"]
LONG_AGO = 1_700_000_000


def silently(file: Path, data: bytes) -> None:
    """Written in place, with the time that it had."""
    found = file.stat()
    assert found.st_size in (0, len(data))
    with file.open("r+b") as out:
        out.write(data)
    os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))


def swapped(file: Path) -> None:
    """Other text, of one size and time."""
    silently(file, file.read_bytes().swapcase())


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    corpus = Corpus(tmp_path)
    corpus.fill(4)
    return corpus


class TestFiles:
    def test_a_change_of_equal_size_and_time_is_found(self, corpus: Corpus) -> None:
        corpus.refresh(CONTENT)
        swapped(corpus.documents / "001.txt")
        assert counts(corpus.refresh(CONTENT)) == (0, 1, 3, 0, 0)
        assert counts(corpus.refresh(CONTENT)) == (0, 0, 4, 0, 0)

    def test_is_not_where_time_and_size_are_trusted(self, corpus: Corpus) -> None:
        corpus.refresh()
        swapped(corpus.documents / "001.txt")
        assert counts(corpus.refresh()) == (0, 0, 4, 0, 0)
        assert counts(corpus.refresh(CONTENT)) == (0, 1, 3, 0, 0), "as soon as they are not"

    def test_whatever_else_changes_is_none(self, corpus: Corpus) -> None:
        """A checkout, an unpacked archive, a copy without times."""
        before = corpus.refresh(CONTENT)
        for each in corpus.documents.iterdir():
            each.touch()
        after = corpus.refresh(CONTENT)
        assert (after.generation, counts(after)) == (before.generation, (0, 0, 4, 0, 0))

    @pytest.mark.parametrize("first", [(), CONTENT])
    def test_either_may_follow_the_other(self, corpus: Corpus, first: list[str]) -> None:
        second = () if first else CONTENT
        before = corpus.refresh(first)
        for chosen in (second, first, second):
            found = corpus.refresh(chosen)
            assert (found.generation, counts(found)) == (before.generation, (0, 0, 4, 0, 0))
        assert corpus.load(CONTENT).fingerprint() == corpus.load().fingerprint()

    def test_two_files_that_change_places(self, corpus: Corpus) -> None:
        one, other = (corpus.documents / name for name in ("001.txt", "002.txt"))
        other.write_bytes(one.read_bytes().swapcase())
        for each in (one, other):
            os.utime(each, (LONG_AGO, LONG_AGO))
        corpus.refresh(CONTENT)
        one.rename(corpus.folder / "aside")
        other.rename(one)
        (corpus.folder / "aside").rename(other)
        assert counts(corpus.refresh(CONTENT)) == (0, 2, 2, 0, 0)

    def test_a_bad_document_that_is_mended_so(self, corpus: Corpus) -> None:
        bad = corpus.documents / "001.txt"
        text = bad.read_bytes()
        silently_empty = b"\0" * len(text)
        bad.write_bytes(silently_empty)
        os.utime(bad, (LONG_AGO, LONG_AGO))
        report = corpus.refresh(CONTENT)
        assert counts(report) == (3, 0, 0, 0, 1)
        assert corpus.refresh(CONTENT).generation == report.generation, "known, and not tried again"
        silently(bad, text)
        assert counts(corpus.refresh(CONTENT)) == (1, 0, 3, 0, 0)

    def test_what_cannot_be_read_fails_as_ever(self, corpus: Corpus) -> None:
        corpus.refresh(CONTENT)
        (corpus.documents / "gone.txt").symlink_to("nowhere")
        (corpus.documents / "out.txt").symlink_to(corpus.file)
        os.mkfifo(corpus.documents / "pipe.txt")
        (corpus.documents / "large.txt").write_text("x" * 5000)
        report = corpus.refresh([*CONTENT, "source.max_bytes=4000"])
        assert counts(report) == (0, 0, 4, 0, 4)
        assert {each.id for each in report.failures} == {
            "gone.txt",
            "out.txt",
            "pipe.txt",
            "large.txt",
        }

    def test_links_lead_to_what_they_hold(self, tmp_path: Path) -> None:
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "a.md").write_text("text of a")
        (tmp_path / "docs" / "link.md").symlink_to("a.md")
        source = Files(path=tmp_path / "docs", trust="content")
        one, other = refs(source)
        assert one.version == other.version == source.digest(one)
        assert not [each for each in source.scan() if isinstance(each, LeftOut)]

    def test_a_survey_reads_no_file_twice(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not even of those that were recorded by their time."""
        corpus.refresh()
        hashed: list[str] = []
        digest = Files.digest

        def counted(self: Files, ref: DocumentRef) -> str:
            hashed.append(ref.id)
            return digest(self, ref)

        monkeypatch.setattr(Files, "digest", counted)
        assert counts(corpus.refresh(CONTENT)) == (0, 0, 4, 0, 0)
        assert len(hashed) == 4


def of_files(folder: Path) -> tuple[Any, Path]:
    (folder / "a.md").write_bytes(b"text of a")
    return Files(path=folder, trust="content"), folder / "a.md"


def of_url(folder: Path) -> tuple[Any, Path]:
    (folder / "a.md").write_bytes(b"text of a")
    return Url(url=folder.as_uri(), trust="content"), folder / "a.md"


def of_tar(folder: Path) -> tuple[Any, Path]:
    file = packed(folder / "x.tar", {"a.md": b"text of a"})
    return Archive(path=file, trust="content"), file


def of_zip(folder: Path) -> tuple[Any, Path]:
    file = packed(folder / "x.zip", {"a.md": b"text of a"})
    return Archive(path=file, trust="content"), file


def of_jsonl(folder: Path) -> tuple[Any, Path]:
    file = folder / "corpus.jsonl"
    file.write_bytes(b'{"_id": "a", "text": "text of a"}')
    return JsonLines(path=file, trust="content"), file


def of_packed_lines(folder: Path) -> tuple[Any, Path]:
    file = folder / "corpus.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"_id": "a", "text": "text of a"}', compresslevel=0, mtime=0))
    return JsonLines(path=file), file


def of_filings(folder: Path) -> tuple[Any, Path]:
    (folder / "pdfs").mkdir()
    file = folder / "pdfs" / "A_2020_10K.pdf"
    file.write_bytes(pdf(["text of a"]))
    return FinanceBench(path=folder, trust="content"), file


def inside(file: Path) -> None:
    """Other bytes of the same size, in the text where it can be seen."""
    data = file.read_bytes()
    if file.suffix == ".zip":  # with its checksum
        packed(file, {"a.md": b"TEXT of a"})
    elif file.suffix == ".gz":
        silently(
            file, gzip.compress(b'{"_id": "a", "text": "TEXT of a"}', compresslevel=0, mtime=0)
        )
    elif file.suffix == ".pdf":  # its text is packed
        silently(file, data.replace(b"%PDF-1.", b"%PDF-2."))
    else:
        silently(file, data.replace(b"text of a", b"TEXT of a"))
    os.utime(file, (LONG_AGO, LONG_AGO))
    assert file.stat().st_size == len(data)


@pytest.mark.parametrize(
    "made", [of_files, of_url, of_tar, of_zip, of_jsonl, of_packed_lines, of_filings]
)
def test_one_source_that_is_asked_again(
    tmp_path: Path, made: Callable[[Path], tuple[Any, Path]]
) -> None:
    """It keeps nothing that it has read before."""
    source, file = made(tmp_path)
    os.utime(file, (LONG_AGO, LONG_AGO))
    (before,) = refs(source)
    assert "text of a" in source.read(before).text
    assert refs(source) == [before]
    inside(file)
    (after,) = refs(source)
    assert after.version != before.version
    wanted = "text of a" if file.suffix == ".pdf" else "TEXT of a"
    assert wanted in source.read(after).text


@pytest.mark.parametrize("made", [of_files, of_url, of_tar, of_filings])
def test_of_one_time_and_size_where_these_are_trusted(
    tmp_path: Path, made: Callable[[Path], tuple[Any, Path]]
) -> None:
    source, file = made(tmp_path)
    options = {name: getattr(source, name) for name in ("path", "url") if hasattr(source, name)}
    kind = type(source)
    os.utime(file, (LONG_AGO, LONG_AGO))
    (before,) = refs(kind(**options))
    inside(file)
    assert refs(kind(**options)) == [before]


@pytest.mark.parametrize("name", ["x.zip", "x.tar", "x.tar.gz"])
def test_an_archive_made_with_one_time_for_all(tmp_path: Path, name: str) -> None:
    corpus = Corpus(tmp_path, {**HASHING, "source": {"use": "archive", "path": name}})
    texts = {f"{at}.md": prose(at).encode() for at in range(3)}
    file = packed(tmp_path / name, texts)
    assert counts(corpus.refresh(CONTENT)) == (3, 0, 0, 0, 0)
    packed(file, {**texts, "1.md": texts["1.md"].swapcase()})
    assert counts(corpus.refresh(CONTENT)) == (0, 1, 2, 0, 0)
    for reordered in (dict(reversed(texts.items())), texts):
        packed(file, {**reordered, "1.md": texts["1.md"].swapcase()})
        assert counts(corpus.refresh(CONTENT)) == (0, 0, 3, 0, 0)


@pytest.mark.parametrize("trust", ["mtime", "content"])
def test_lines_are_compared_anyway(tmp_path: Path, trust: str) -> None:
    source: Mapping[str, Any] = {"use": "jsonl", "path": "corpus.jsonl", "trust": trust}
    corpus = Corpus(tmp_path, {**HASHING, "source": source})
    file = tmp_path / "corpus.jsonl"
    file.write_text("\n".join(json.dumps({"_id": str(n), "text": prose(n)}) for n in range(3)))
    corpus.refresh()
    silently(file, file.read_bytes().replace(b"River", b"RIVER"))
    assert counts(corpus.refresh())[1] > 0


class TestByContent(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Files:
        (tmp_path / "a.md").write_text("text of a")
        (tmp_path / "b.md").write_text("text of b")
        return Files(path=tmp_path, trust="content")
