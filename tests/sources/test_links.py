"""Links in a source's folder: what is read, what fails, what is named; nothing is deleted."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from components.errors import BadDocument
from components.sources import local
from components.sources.files import Files
from components.sources.financebench import FinanceBench
from components.values import Gap, LeftOut
from tests.cli import Outcome, call
from tests.contracts.source import refs
from tests.corpora import HASHING, Corpus, counts, prose
from tests.sources.test_extract import pdf

OUT = (
    "a link that leads out of the source's folder: source.follow_links: true reads what it leads to"
)
FOLDER = (
    "a link that leads out of the source's folder, to a folder: source.follow_links: true reads "
    "what it leads to, source.exclude leaves it out"
)
FOLLOW = ["source.follow_links=true"]


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"text of {name}")


def texts(source: Files) -> dict[str, str]:
    """What can be read, and why the rest cannot."""
    found = {}
    for ref in refs(source):
        try:
            found[ref.id] = source.read(ref).text
        except BadDocument as error:
            found[ref.id] = f"{'' if error.transient else 'for good: '}{error}"
    return found


def gaps(source: Files) -> dict[str, str]:
    return {each.prefix: each.reason for each in source.scan() if isinstance(each, Gap)}


def left_out(source: Files) -> dict[str, str]:
    root = f"{source.identity}/"
    found = (each for each in source.scan() if isinstance(each, LeftOut))
    return {each.where.removeprefix(root): each.reason for each in found}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with links of every kind, beside one that it links to."""
    write(tmp_path, "root/a.md", "root/sub/b.md", "out/c.md", "out/deep/d.md")
    links = {
        "in.md": "sub/b.md",
        "out.md": "../out/c.md",
        "by-way.md": "way.md",
        "way.md": str(tmp_path / "out/c.md"),
        "folder": "../out",
        "again": "sub",
        "loop": "../root",
    }
    for name, target in links.items():
        (tmp_path / "root" / name).symlink_to(target)
    return tmp_path / "root"


def test_only_what_stays_in_the_folder_is_read(root: Path) -> None:
    source = Files(path=root)
    assert texts(source) == {
        "a.md": "text of root/a.md",
        "by-way.md": OUT,
        "in.md": "text of root/sub/b.md",
        "out.md": OUT,
        "way.md": OUT,
        "sub/b.md": "text of root/sub/b.md",
    }
    assert gaps(source) == {"folder/": FOLDER}
    read = "a link to a folder of this source, which is read under its own name"
    assert left_out(source) == {"again/": read, "loop/": read}


def test_all_is_read_where_links_are_followed(root: Path) -> None:
    source = Files(path=root, follow_links=True)
    found = texts(source)
    assert found["out.md"] == found["folder/c.md"] == "text of out/c.md"
    assert found["folder/deep/d.md"] == "text of out/deep/d.md"
    assert found["again/b.md"] == found["sub/b.md"]
    assert gaps(source) == {}
    assert left_out(source) == {"loop/": "a link to a folder that it lies in"}


def test_circles_of_folders_end(tmp_path: Path) -> None:
    write(tmp_path, "root/a/a.md", "root/b/b.md")
    (tmp_path / "root/a/to-b").symlink_to("../b")
    (tmp_path / "root/b/to-a").symlink_to("../a")
    source = Files(path=tmp_path / "root", follow_links=True)
    assert list(texts(source)) == ["a/a.md", "a/to-b/b.md", "b/b.md", "b/to-a/a.md"]
    assert list(left_out(source)) == ["a/to-b/to-a/", "b/to-a/to-b/"]


def test_the_folder_itself_may_be_a_link_that_moves(tmp_path: Path) -> None:
    write(tmp_path, "one/a.md", "two/a.md")
    for folder in ("one", "two"):
        (tmp_path / folder / "in.md").symlink_to("a.md")
    current = tmp_path / "current"
    current.symlink_to("one")
    source = Files(path=current)
    assert source.identity == str(current)
    found = refs(source)
    assert {source.read(each).text for each in found} == {"text of one/a.md"}
    current.unlink()
    current.symlink_to("two")
    assert {source.read(each).text for each in found} == {"text of two/a.md"}
    assert gaps(source) == left_out(source) == {}


def test_a_link_to_a_folder_that_no_pattern_enters_hides_something(tmp_path: Path) -> None:
    write(tmp_path, ".store/v1/a.md", "b.md")
    (tmp_path / "docs").symlink_to(".store/v1")
    (told,) = gaps(Files(path=tmp_path)).items()
    assert told[0] == "docs/"
    assert told[1].startswith("a link to a folder that is not read otherwise: source.follow_links")
    assert gaps(Files(path=tmp_path, exclude=("docs/**",))) == {}
    assert texts(Files(path=tmp_path, follow_links=True))["docs/a.md"] == "text of .store/v1/a.md"


def test_a_file_that_is_a_pipe_after_it_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("Text.")
    source = Files(path=tmp_path)
    (ref,) = refs(source)
    look = os.stat

    def swapped(name: str, *, dir_fd: int | None = None) -> os.stat_result:
        found = look(name, dir_fd=dir_fd)
        file.unlink()
        os.mkfifo(file)
        return found

    def waited(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, waited)
    signal.alarm(20)  # where a writer is waited for, it is for ever
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "stat", swapped)
            with pytest.raises(BadDocument, match="not a regular file"):
                source.digest(ref)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_a_link_that_moves_after_it_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is opened is asked, not the path: that may be another by then."""
    write(tmp_path, "root/a.md", "out/secret.md")
    link = tmp_path / "root" / "link.md"
    link.symlink_to("a.md")
    source = Files(path=tmp_path / "root")
    ref = next(each for each in refs(source) if each.id == "link.md")
    look = os.stat

    def moves(path: str, **more: object) -> os.stat_result:
        found = look(path, **more)  # type: ignore[arg-type]
        if str(path) == "link.md":
            link.unlink()
            link.symlink_to(tmp_path / "out" / "secret.md")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", moves)
        patch.setattr(local, "leads_out", lambda root, name: False)
        with pytest.raises(BadDocument, match="leads out"):
            source.read(ref)


class TestRefresh:
    def test_what_a_link_led_to_is_kept_and_named(self, tmp_path: Path) -> None:
        corpus = Corpus(tmp_path)
        corpus.fill(2)
        folder = tmp_path / "shared"
        folder.mkdir()
        (folder / "s.txt").write_text(prose(7))
        (corpus.documents / "one.txt").symlink_to(folder / "s.txt")
        (corpus.documents / "all").symlink_to(folder)
        assert counts(corpus.refresh(FOLLOW)) == (4, 0, 0, 0, 0)
        before = corpus.stored().chunks
        report = corpus.refresh()
        assert counts(report) == (0, 0, 3, 0, 2), "nothing is deleted"
        assert {each.id: each.reason for each in report.failures} == {
            "one.txt": OUT,
            f"{corpus.documents}/all/": FOLDER,
        }
        assert corpus.stored().chunks == before
        again = corpus.refresh()
        assert (again.generation, counts(again)) == (report.generation, counts(report))
        assert counts(corpus.refresh(FOLLOW))[3:] == (0, 0)
        assert corpus.stored().chunks == before

    def test_a_real_folder_that_becomes_a_link_out_loses_nothing(self, tmp_path: Path) -> None:
        corpus = Corpus(tmp_path)
        corpus.add("part/a.txt", prose(1))
        corpus.add("b.txt", prose(2))
        corpus.refresh()
        (corpus.documents / "part").rename(tmp_path / "moved")
        (corpus.documents / "part").symlink_to(tmp_path / "moved")
        report = corpus.refresh()
        assert (report.deleted, report.exit_code) == (0, 3)
        assert "part/a.txt" in corpus.stored().entries

    def test_only_a_link_to_a_folder(self, tmp_path: Path) -> None:
        corpus = Corpus(tmp_path)
        (tmp_path / "shared").mkdir()
        (corpus.documents / "shared").symlink_to(tmp_path / "shared")
        done = refresh(corpus)
        assert done.code == 2
        assert f"{corpus.documents}/shared/: {FOLDER}" in done.message

    def test_a_disk_that_is_away_is_no_reason_to_delete(self, tmp_path: Path) -> None:
        corpus = Corpus(tmp_path)
        corpus.fill(4)
        write(tmp_path, "disk/shared/a.md", "disk/shared/deep/b.md")
        (corpus.documents / "shared").symlink_to(tmp_path / "disk" / "shared")
        corpus.refresh(FOLLOW)
        (tmp_path / "disk").rename(tmp_path / "away")
        report = corpus.refresh(FOLLOW)
        assert counts(report) == (0, 0, 6, 0, 1), "nothing is deleted"
        assert report.failures[0].id == f"{corpus.documents}/shared/"
        assert report.failures[0].reason.startswith("a link to nothing")
        assert corpus.stored().entries.keys() >= {"shared/a.md", "shared/deep/b.md"}
        assert corpus.refresh([*FOLLOW, "source.exclude=['shared/**']"]).deleted == 2

    @pytest.mark.parametrize(
        ("linked", "chosen", "name", "target"),
        [
            (False, "**/*.txt", "part", "away"),
            (False, "**", "part", "part"),
            (True, "**", "part", "away"),
            (True, "**/*.txt", "part.txt", "part.txt"),
        ],
    )
    def test_a_link_to_nothing_or_in_a_circle_in_the_place_of_a_folder(
        self, tmp_path: Path, linked: bool, chosen: str, name: str, target: str
    ) -> None:
        """Whether or not a document could be called so; it was a folder, or a link to one."""
        corpus = Corpus(tmp_path)
        options = [f"source.include=['{chosen}']", f"source.follow_links={str(linked).lower()}"]
        corpus.fill(1)
        place, disk = corpus.documents / name, tmp_path / "disk"
        (disk if linked else place).mkdir()
        ((disk if linked else place) / "a.txt").write_text(prose(5))
        if linked:
            place.symlink_to(disk)
        assert corpus.refresh(options).added == 2
        place.rename(tmp_path / "moved")
        place.symlink_to(target)
        corpus.add("new.txt", prose(6))
        report = corpus.refresh(options)
        assert counts(report) == (1, 0, 2, 0, 1), "the rest goes on, nothing is deleted"
        assert report.failures[0].id in (name, f"{corpus.documents}/{name}/")
        assert f"{name}/a.txt" in corpus.stored().entries

    def test_links_by_the_thousand_take_a_few_lines(self, tmp_path: Path) -> None:
        corpus = Corpus(tmp_path)
        corpus.fill(1)
        (tmp_path / "s.txt").write_text(prose(7))
        for number in range(300):
            (corpus.documents / f"{number:03}-link.txt").symlink_to(tmp_path / "s.txt")
        (corpus.documents / "loop").symlink_to(corpus.documents)
        done = refresh(corpus)
        assert done.code == 3
        named = [line for line in done.out.splitlines() if line.startswith("failed  ")]
        assert len(named) == 11
        assert named[-1] == f"failed  and 290 more: {OUT} (--json names them all)"
        assert f"left out  {corpus.documents}/loop/: a link to a folder of this source" in done.out
        told = refresh(corpus, "--json").json
        assert len(told["failures"]) == 300
        assert [each["where"] for each in told["left_out"]] == [f"{corpus.documents}/loop/"]

    def test_it_is_not_part_of_the_fingerprint(self, tmp_path: Path) -> None:
        corpus = Corpus(tmp_path, HASHING)
        assert corpus.load(FOLLOW).fingerprint() == corpus.load().fingerprint()


def refresh(corpus: Corpus, *more: str) -> Outcome:
    return call("refresh", corpus.file, "--engine-only", *more)


def test_filings_that_are_links(tmp_path: Path) -> None:
    (tmp_path / "data" / "pdfs").mkdir(parents=True)
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "A_2020_10K.pdf").write_bytes(pdf(["one"]))
    (tmp_path / "data" / "pdfs" / "A_2020_10K.pdf").symlink_to(tmp_path / "disk/A_2020_10K.pdf")
    source = FinanceBench(path=tmp_path / "data")
    (ref,) = refs(source)
    with pytest.raises(BadDocument, match="leads out of the source's folder"):
        source.read(ref)
    followed = FinanceBench(path=tmp_path / "data", follow_links=True)
    assert followed.read(ref).text == "one\n"
    assert refs(followed)[0].version != ref.version
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "pdfs").symlink_to(tmp_path / "disk")
    whole = FinanceBench(path=tmp_path / "linked")
    assert whole.read(refs(whole)[0]).text == "one\n"
