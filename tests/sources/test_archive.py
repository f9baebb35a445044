from __future__ import annotations

import gzip
import io
import os
import random
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components import registry
from components.errors import BadDocument, BadOption, SourceMissing
from components.sources.archive import Archive
from components.values import DocumentRef, Gap
from tests.contracts.source import SourceContract, refs
from tests.corpora import HASHING, Corpus, counts, prose
from tests.sources.test_extract import pdf
from tests.sources.test_files import PARSING

CONTENT: Mapping[str, bytes] = {
    "b.md": b"# B\n\ntext of b",
    "a.txt": b"text of a",
    "deep/er/c.rst": b"Title\n=====\n\ntext of c",
    "deep/d e%#.md": b"text of d",
    "caf\u00e9.md": b"text of e",
    "three.pdf": pdf(["one"], [], ["three"]),
    "page.html": b"<h1>H</h1><p>text of f",
}


def packed(file: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    """An archive of the kind that the file's name says."""
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.mkdir("deep")
            for name, data in content.items():
                archive.writestr(name, data)
        return file
    kind: Any = {".gz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}.get(file.suffix, "w")
    with tarfile.open(file, kind) as archive:
        folder = tarfile.TarInfo("deep")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file


def ids(source: Archive) -> list[str]:
    return [ref.id for ref in refs(source)]


def reason(source: Archive, name: str) -> str:
    (ref,) = (each for each in refs(source) if each.id == name)
    for use in (source.digest, source.read):
        with pytest.raises(BadDocument) as caught:
            use(ref)
        assert caught.value.where.endswith(f" member {name}")
        assert not caught.value.transient
    return str(caught.value)


@pytest.fixture(params=["x.zip", "x.tar", "x.tar.gz", "x.tar.bz2", "x.tar.xz"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestArchive(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path, name: str) -> Archive:
        return Archive(path=packed(tmp_path / name))

    def test_members_in_their_order(self, source: Archive) -> None:
        assert ids(source) == list(CONTENT)
        texts = {each.id: source.read(each).text for each in refs(source)}
        assert texts["a.txt"] == "text of a"
        assert texts["three.pdf"] == "one\n\nthree\n"


def test_globs(tmp_path: Path, name: str) -> None:
    content = dict.fromkeys(("a.MD", "x/b.md", "drafts/c.md", ".hid/d.md", "e.py"), b"text")
    file = packed(tmp_path / name, content)
    assert ids(Archive(path=file)) == ["a.MD", "x/b.md", "drafts/c.md"]
    assert ids(Archive(path=file, exclude=("drafts/**",))) == ["a.MD", "x/b.md"]
    assert ids(Archive(path=file, include=("*.py", ".hid/*"))) == [".hid/d.md", "e.py"]


def test_names_that_lead_elsewhere_are_names(tmp_path: Path, name: str) -> None:
    content = {"../up.md": b"up", "/etc/root.md": b"root", "a/../../b.md": b"b", "./c.md": b"c"}
    source = Archive(path=packed(tmp_path / name, content))
    assert ids(source) == list(content)
    assert [source.read(ref).text for ref in refs(source)] == ["up", "root", "b", "c"]
    assert list(tmp_path.parent.glob("up.md")) == []


def test_a_member_without_a_name_hides_no_other(tmp_path: Path) -> None:
    file = packed(tmp_path / "x.zip", {"a.md": b"text of a", "b.md": b"text of b"})
    file.write_bytes(file.read_bytes().replace(b"b.md", b"\0.md"))
    assert ids(Archive(path=file)) == ["a.md"]


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    source = Archive(path=packed(tmp_path / "x.tar", {"caf\udce9.md": b"text", "a\nb.md": b"text"}))
    assert ids(source) == [r"caf\udce9.md", "a\nb.md"]
    assert source.read(refs(source)[0]).text == "text"


def test_names_that_are_utf_8_without_saying_so(tmp_path: Path) -> None:
    file = packed(tmp_path / "x.zip", {"U\u0308bergabe.md": b"text", "ノート.md": b"text"})
    told = file.read_bytes()
    # Versions, the flag and how it is packed: of the members with such names only.
    assert told.count(b"\x14\x00\x00\x08\x08\x00") == 4
    file.write_bytes(told.replace(b"\x14\x00\x00\x08\x08\x00", b"\x14\x00\x00\x00\x08\x00"))
    source = Archive(path=file)
    assert ids(source) == ["Übergabe.md", "ノート.md"]
    assert [source.read(ref).text for ref in refs(source)] == ["text", "text"]


def test_names_in_the_format_s_own_encoding(tmp_path: Path) -> None:
    file = packed(tmp_path / "x.zip", {"cafe.md": b"text"})
    file.write_bytes(file.read_bytes().replace(b"cafe.md", "café.md".encode("cp437")))
    assert ids(Archive(path=file)) == ["café.md"]


class TestBackslashes:
    """Some archivers on Windows write them where the format has slashes."""

    def test_are_between_the_parts_of_a_path(self, tmp_path: Path) -> None:
        names = ("docs\\", "docs\\a.md", "docs\\deep\\b.md", "mixed/way\\c.md", "drafts\\d.md")
        source = Archive(
            path=packed(tmp_path / "x.zip", {n: b"" if n[-1] == "\\" else b"text" for n in names}),
            include=("docs/**", "mixed/way/*.md", "drafts/*"),
            exclude=("drafts/**",),
        )
        assert ids(source) == ["docs/a.md", "docs/deep/b.md", "mixed/way/c.md"]
        assert [source.read(ref).text for ref in refs(source)] == ["text"] * 3

    def test_two_spellings_of_one_path_are_told(self, tmp_path: Path) -> None:
        corpus = Corpus(tmp_path, {**HASHING, "source": {"use": "archive", "path": "x.zip"}})
        packed(tmp_path / "x.zip", {"d\\a.md": b"text", "d/a.md": b"other", "b.md": b"text of b"})
        report = corpus.refresh()
        assert counts(report) == (1, 0, 0, 0, 1)
        assert report.failures[0].reason == "member 1 and member 2 have the same id"

    def test_one_that_is_half_of_a_letter_hides_no_member(self, tmp_path: Path) -> None:
        """Of a name in Shift JIS, which does not say so."""
        file = packed(tmp_path / "x.zip", {"aa": b"text", "b.md": b"text"})
        file.write_bytes(file.read_bytes().replace(b"aa", "ソ".encode("shift_jis")))
        source = Archive(path=file, include=("**",))
        assert len(ids(source)) == 2
        assert [source.read(ref).text for ref in refs(source)] == ["text", "text"]

    def test_they_are_letters_in_a_tar_file(self, tmp_path: Path) -> None:
        assert ids(Archive(path=packed(tmp_path / "x.tar", {"a\\b.md": b"text"}))) == ["a\\b.md"]

    def test_documents_that_were_recorded_by_them_are_not_missed(self, tmp_path: Path) -> None:
        """The guard counts what is deleted: these are only spelt anew."""
        corpus = Corpus(tmp_path)
        for number in range(4):
            corpus.add(f"docs\\{number}.md", prose(number))
        corpus.refresh()
        (corpus.documents / "docs").mkdir()
        for each in list(corpus.documents.glob("*.md")):
            each.rename(corpus.documents / each.name.replace("\\", "/"))
        assert counts(corpus.refresh()) == (4, 0, 0, 4, 0)


class TestVersions:
    def test_a_zip_tells_which_members_are_the_same(self, tmp_path: Path) -> None:
        source = Archive(path=packed(tmp_path / "x.zip", {"a.md": b"one", "b.md": b"one"}))
        before = {ref.id: ref.version for ref in refs(source)}
        packed(tmp_path / "x.zip", {"b.md": b"two", "a.md": b"one"})
        os.utime(tmp_path / "x.zip", (1, 1))
        after = {ref.id: ref.version for ref in refs(source)}
        assert before["a.md"] == after["a.md"]
        assert before["b.md"] != after["b.md"]

    def test_a_tar_file_of_one_time_for_all_members_hides_no_change(self, tmp_path: Path) -> None:
        corpus = Corpus(tmp_path, {**HASHING, "source": {"use": "archive", "path": "x.tar.gz"}})
        texts = {f"{at}.md": prose(at).encode() for at in range(3)}
        packed(tmp_path / "x.tar.gz", texts)
        assert counts(corpus.refresh()) == (3, 0, 0, 0, 0)
        assert counts(corpus.refresh()) == (0, 0, 3, 0, 0)
        swapped = {**texts, "1.md": texts["1.md"].swapcase()}
        del swapped["2.md"]
        packed(tmp_path / "x.tar.gz", swapped)
        assert counts(corpus.refresh()) == (0, 1, 1, 1, 0)

    def test_what_changed_since_it_was_listed_is_tried_again(
        self, tmp_path: Path, name: str
    ) -> None:
        source = Archive(path=packed(tmp_path / name, {"a.md": b"one", "b.md": b"two"}))
        _, ref = refs(source)
        assert source.digest(ref)
        for change in (
            lambda: packed(tmp_path / name, {"b.md": b"two"}),
            lambda: (tmp_path / name).write_bytes(b"nonsense"),
            (tmp_path / name).unlink,
        ):
            change()
            with pytest.raises(BadDocument) as caught:
                source.digest(ref)
            assert caught.value.transient


class TestBadMembers:
    def test_encrypted(self, tmp_path: Path) -> None:
        file = packed(tmp_path / "x.zip", {"a.md": b"one", "b.md": b"two"})
        data = bytearray(file.read_bytes())
        for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.rindex(magic) + at] |= 1
        file.write_bytes(data)
        source = Archive(path=file)
        assert reason(source, "b.md") == "encrypted: a password is needed to read it"
        assert source.read(refs(source)[0]).text == "one"

    def test_larger_than_is_allowed(self, tmp_path: Path, name: str) -> None:
        source = Archive(path=packed(tmp_path / name, {"a.md": b"a" * 100}), max_bytes=99)
        assert reason(source, "a.md") == "too large: 100 bytes unpacked, at most 99 are read"
        assert Archive(path=source.path, max_bytes=100).read(refs(source)[0]).text == "a" * 100

    def test_larger_than_it_says(self, tmp_path: Path) -> None:
        file = packed(tmp_path / "x.zip", {"a.md": b"bomb " * 2_000_000})
        data = bytearray(file.read_bytes())
        for magic, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
            struct.pack_into("<L", data, data.rindex(magic) + at, 1_000)
        file.write_bytes(data)
        assert "cannot be unpacked" in reason(Archive(path=file), "a.md")

    def test_damaged(self, tmp_path: Path) -> None:
        file = packed(tmp_path / "x.zip", {"a.md": random.Random(1).randbytes(9_000)})
        data = bytearray(file.read_bytes())
        data[5_000] ^= 0xFF
        file.write_bytes(data)
        assert "cannot be unpacked" in reason(Archive(path=file), "a.md")

    def test_packed_in_an_unknown_way(self, tmp_path: Path) -> None:
        file = packed(tmp_path / "x.zip", {"a.md": b"one"})
        data = bytearray(file.read_bytes())
        for magic, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            struct.pack_into("<H", data, data.rindex(magic) + at, 99)
        file.write_bytes(data)
        assert "cannot be unpacked" in reason(Archive(path=file), "a.md")

    def test_what_is_not_a_file(self, tmp_path: Path) -> None:
        with tarfile.open(tmp_path / "x.tar", "w") as archive:
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
                member = tarfile.TarInfo(f"{kind.decode()}.md")
                member.type, member.linkname = kind, "/etc/passwd"
                archive.addfile(member)
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
            link = zipfile.ZipInfo("link.md")
            link.external_attr = 0o120777 << 16
            file.writestr(link, "/etc/passwd")
        for path in ("x.tar", "x.zip"):
            source = Archive(path=tmp_path / path)
            assert ids(source)
            for each in ids(source):
                assert reason(source, each).startswith("a link, or another thing")

    def test_what_its_format_says(self, tmp_path: Path, name: str) -> None:
        source = Archive(path=packed(tmp_path / name, {"a.md": b"", "b.pdf": b"%PDF nonsense"}))
        found = []
        for ref in refs(source):
            with pytest.raises(BadDocument) as caught:
                source.read(ref)
            found.append((str(caught.value), caught.value.where))
        where = f"{tmp_path / name} member"
        assert found == [
            ("empty", f"{where} a.md"),
            ("not a PDF, or damaged or cut short", f"{where} b.pdf"),
        ]


class TestBadArchives:
    def test_cut_short(self, tmp_path: Path) -> None:
        noise = random.Random(1)
        content = {f"{at}.md": noise.randbytes(150_000).hex().encode() for at in range(8)}
        for each in ("x.tar", "x.tar.gz", "x.tar.bz2", "x.tar.xz"):
            file = packed(tmp_path / each, content)
            os.truncate(file, file.stat().st_size * 2 // 3)
            found = list(Archive(path=file).scan())
            *members, gap = found
            assert isinstance(gap, Gap), each
            assert (gap.prefix, gap.where) == ("", str(file))
            assert "damaged" in gap.reason
            assert all(isinstance(member, DocumentRef) for member in members)

    @pytest.mark.parametrize("at", [512 * 3, 512 * 4])
    def test_a_tar_file_that_is_damaged_or_ends_at_a_member(self, tmp_path: Path, at: int) -> None:
        file = packed(tmp_path / "x.tar", {"a.md": b"one", "b.md": b"two", "c.md": b"three"})
        data = bytearray(file.read_bytes())
        file.write_bytes(data[:at] + b"x" * 512 + data[at + 512 :])
        damaged = list(Archive(path=file).scan())
        file.write_bytes(data[:at])
        cut = list(Archive(path=file).scan())
        if at == 512 * 3:  # the header of b.md
            assert [each.id for each in damaged if isinstance(each, DocumentRef)] == ["a.md"]
            assert isinstance(damaged[-1], Gap)
        assert isinstance(cut[-1], Gap)

    def test_nothing_is_deleted_for_what_cannot_be_listed(self, tmp_path: Path) -> None:
        corpus = Corpus(tmp_path, {**HASHING, "source": {"use": "archive", "path": "x.tar"}})
        file = packed(tmp_path / "x.tar", {f"{at}.md": prose(at).encode() for at in range(4)})
        corpus.refresh()
        os.truncate(file, 512 * 9)
        assert corpus.refresh().deleted == 0
        assert len(corpus.stored().entries) == 4

    def test_what_is_no_archive(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("text " * 1_000)
        (tmp_path / "cut.zip").write_bytes(packed(tmp_path / "x.zip").read_bytes()[:-30])
        (tmp_path / "empty.tar").write_bytes(b"")
        os.mkfifo(tmp_path / "pipe.tar")
        for each in ("a.txt", "cut.zip", "empty.tar", "pipe.tar", "nowhere.zip", ""):
            with pytest.raises(SourceMissing, match="the archive cannot be read: ") as caught:
                list(Archive(path=tmp_path / each).scan())
            assert caught.value.where == str(tmp_path / each)
            assert ".tar.gz" in caught.value.hint
            assert "\n" not in str(caught.value)


def test_a_compressed_tar_file_is_unpacked_a_few_times_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = 60
    content = {f"{at:02}.md": prose(at, 100).encode() for at in range(files)}
    size = sum(map(len, content.values()))
    unpacked = 0
    read = gzip._GzipReader.read

    def count(self: Any, size: int = -1) -> bytes:
        nonlocal unpacked
        data: bytes = read(self, size)
        unpacked += len(data)
        return data

    monkeypatch.setattr(gzip._GzipReader, "read", count)
    packed(tmp_path / "x.tar.gz", content)
    corpus = Corpus(tmp_path, {**HASHING, "source": {"use": "archive", "path": "x.tar.gz"}})
    assert corpus.refresh().added == files
    assert size < unpacked < 10 * size
    packed(tmp_path / "x.tar.gz", {**content, "59.md": b"Other."})
    unpacked = 0
    assert counts(corpus.refresh()) == (0, 1, files - 1, 0, 0)
    assert size / 2 < unpacked < 5 * size


def headed(file: Path, *heads: tuple[bytes, bytes], times: int = 1) -> Path:
    """A compressed TAR file with a member of one letter after every set of heads."""
    with gzip.open(file, "wb", compresslevel=1) as packed:
        for at in range(times):
            for kind, data in heads:
                head = tarfile.TarInfo("head")
                head.type, head.size = kind, len(data)
                packed.write(head.tobuf(tarfile.USTAR_FORMAT))
                packed.write(data + bytes(-len(data) % 512))
            member = tarfile.TarInfo(f"{at}.md")
            member.size = 1
            packed.write(member.tobuf() + b"a" + bytes(511))
        packed.write(bytes(1024))
    return file


def record(name: str, value: bytes) -> bytes:
    """As a head of pax spells it."""
    rest = b" " + name.encode() + b"=" + value + b"\n"
    size = len(rest) + len(str(len(rest))) + (len(str(len(rest) + 9)) > len(str(len(rest))))
    return str(size).encode() + rest


@pytest.mark.parametrize("heads", [
    [(tarfile.XHDTYPE, record("comment", bytes(40_000_000)))],
    [(tarfile.XGLTYPE, record("comment", bytes(40_000_000)))],
    [(tarfile.GNUTYPE_LONGNAME, b"a" * 40_000_000)],
    [(tarfile.GNUTYPE_LONGLINK, b"a" * 40_000_000)],
    [(tarfile.GNUTYPE_LONGNAME, b"a" * 5_000)],
    [(tarfile.XHDTYPE, record("comment", b"a"))] * 2_000,
    [(tarfile.XGLTYPE, record(f"comment{at}", bytes(1_000))) for at in range(2_000)],
], ids=["pax", "global", "name", "link", "long", "chain", "many"])  # fmt: skip
def test_heads_are_bounded(tmp_path: Path, heads: list[tuple[bytes, bytes]]) -> None:
    file = headed(tmp_path / "x.tar.gz", *heads)
    tracemalloc.start()
    try:
        (found,) = listed(Archive(path=file))
        assert found.startswith(("the archive cannot be read: ", "damaged: "))
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


def listed(source: Archive) -> list[str]:
    """Ids, and why there are no more."""
    try:
        found = list(source.scan())
    except SourceMissing as error:
        return [str(error)]
    return [each.id if isinstance(each, DocumentRef) else each.reason for each in found]


def test_what_heads_told_is_not_kept(tmp_path: Path) -> None:
    heads = [(tarfile.XHDTYPE, record("comment", b"a" * 100_000))]
    file = headed(tmp_path / "x.tar.gz", *heads, times=200)
    source = Archive(path=file)
    tracemalloc.start()
    try:
        assert len(refs(source)) == 200
        assert tracemalloc.get_traced_memory()[0] < 4 * 2**20
    finally:
        tracemalloc.stop()
    assert source.read(refs(source)[-1]).text == "a"


def test_options() -> None:
    choice = registry.resolve("source", "archive", {"path": "x.zip", "include": ["/*.md"]})
    with pytest.raises(BadOption, match="must begin below the folder"):
        registry.build("source", choice)
    options = registry.options_of(registry.load("source", "archive"))
    assert list(options) == [*PARSING, "path", "include", "exclude", "trust"]
    assert not any(each.metadata["stored"] for each in options.values())
    assert Archive(path=Path("x.zip")).identity == os.path.abspath("x.zip")
