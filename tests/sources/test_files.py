from __future__ import annotations

import ast
import os
import shutil
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from components import registry
from components.errors import BadDocument, BadOption, SourceMissing, SourceUnavailable
from components.sources.files import Files
from components.values import DocumentRef, Gap
from tests.contracts.source import SourceContract, refs
from tests.sources.test_extract import pdf

PARSING = ("max_bytes", "parse_seconds", "parse_bytes")
"""Options of every source that parses."""
as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"text of {name}")


def ids(source: Files) -> list[str]:
    return [ref.id for ref in refs(source)]


def only(source: Files) -> DocumentRef:
    (ref,) = refs(source)
    return ref


class TestFiles(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Files:
        write(tmp_path, "b.md", "a.txt", "deep/er/c.rst", "deep/d e%#.md")
        (tmp_path / "latin.txt").write_bytes("Très bon café, où ça ?\r\n".encode("latin-1"))
        (tmp_path / "page.html").write_text("<title>T</title><p>one<p>two")
        (tmp_path / "three.pdf").write_bytes(pdf(["one"], [], ["three"]))
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("name in Latin-1")
        return Files(path=tmp_path)


def test_lists_by_name_and_a_folder_before_what_is_below(tmp_path: Path) -> None:
    write(tmp_path, "z.md", "a/z.md", "a/b/x.md", "a/c.md", "b.md")
    assert ids(Files(path=tmp_path)) == ["b.md", "z.md", "a/c.md", "a/z.md", "a/b/x.md"]


def test_globs(tmp_path: Path) -> None:
    write(tmp_path, "A.PDF", "a.md", "a.py", "x/b.Md", "x/drafts/c.md", "drafts/d/e.md")
    assert ids(Files(path=tmp_path)) == [
        "A.PDF", "a.md", "drafts/d/e.md", "x/b.Md", "x/drafts/c.md",
    ]  # fmt: skip
    assert ids(Files(path=tmp_path, include=("*.py", "x/*.md"))) == ["a.py", "x/b.Md"]
    kept = Files(path=tmp_path, exclude=("drafts/**", "**/*.pdf", "**/c.md"))
    assert ids(kept) == ["a.md", "x/b.Md"]
    assert ids(Files(path=tmp_path, include=())) == []


def test_a_folder_named_like_an_excluded_file_is_entered(tmp_path: Path) -> None:
    write(tmp_path, "notes.md/a.txt", "b.md")
    assert ids(Files(path=tmp_path, exclude=("**/*.md",))) == ["notes.md/a.txt"]


def test_hidden_names_count_where_a_pattern_spells_the_dot(tmp_path: Path) -> None:
    write(tmp_path, ".hidden.md", ".git/a.md", ".github/b.md", "x/.github/c.md", "x/d.md")
    assert ids(Files(path=tmp_path)) == ["x/d.md"]
    dotted = Files(path=tmp_path, include=("**/.github/*.md", ".*.md"))
    assert ids(dotted) == [".hidden.md", ".github/b.md", "x/.github/c.md"]


def test_any_name_survives_storage(tmp_path: Path) -> None:
    names = [b"\xff.md", b"\\udcff.md", b"\\\xff.md", b"\\\\udcff.md", "é\n%41.md".encode()]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(b"text of " + name.hex().encode())
    source = Files(path=tmp_path)
    found = {ref.id: source.read(ref).text for ref in refs(source)}
    assert set(found.values()) == {f"text of {name.hex()}" for name in names}
    assert found[r"\udcff.md"] == f"text of {names[0].hex()}"
    assert "é\n%41.md" in found


def test_links_to_nothing_and_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "nothing.md").symlink_to(tmp_path / "gone")
    (tmp_path / "self.md").symlink_to(tmp_path / "self.md")
    nothing, itself = refs(Files(path=tmp_path))
    with pytest.raises(BadDocument, match="a link to nothing"):
        Files(path=tmp_path).read(nothing)
    with pytest.raises(BadDocument, match="cannot be read: "):
        Files(path=tmp_path).read(itself)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("a" * 100)
    source = Files(path=tmp_path, max_bytes=99)
    for use in (source.digest, source.read):
        with pytest.raises(
            BadDocument, match="too large: 100 bytes, at most 99 are read"
        ) as caught:
            use(only(source))
        assert caught.value.where == f"{tmp_path}/a.md"
    assert Files(path=tmp_path, max_bytes=100).read(only(source)).text == "a" * 100


@pytest.mark.parametrize("size", [1, 3 * 2**20])
def test_reading_takes_memory_for_what_there_is(tmp_path: Path, size: int) -> None:
    """Not for what there may be."""
    (tmp_path / "a.txt").write_text("a" * size)
    source = Files(path=tmp_path)
    ref = only(source)
    tracemalloc.start()
    try:
        assert source.read(ref).text == "a" * size
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < source.max_bytes / 8


def test_a_file_that_grows_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    file.write_text("a" * 50)
    source = Files(path=tmp_path, max_bytes=99)
    ref, looked = only(source), os.fstat

    def growing(opened: int) -> os.stat_result:
        told = looked(opened)
        file.write_text("a" * 100)
        return told

    monkeypatch.setattr(os, "fstat", growing)
    with pytest.raises(BadDocument, match="too large: 100 bytes, at most 99 are read"):
        source.read(ref)


def test_versions_follow_time_and_size(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    source = Files(path=tmp_path)
    digest, nanoseconds = source.digest(only(source)), 123_456_789_000_000_001
    os.utime(tmp_path / "a.md", ns=(1, nanoseconds))
    assert only(source).version == f"{nanoseconds}-12"
    assert source.digest(only(source)) == digest
    (tmp_path / "a.md").write_text("text of b.md")
    os.utime(tmp_path / "a.md", ns=(1, nanoseconds))
    assert source.digest(only(source)) != digest


@pytest.fixture
def special(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    os.mkfifo(tmp_path / "pipe.md")
    with socket.socket(socket.AF_UNIX) as bound:
        monkeypatch.chdir(tmp_path)  # a socket's path may have 107 bytes
        bound.bind("socket.md")
        yield tmp_path


def test_special_files_are_never_opened(special: Path) -> None:
    source = Files(path=special)
    assert ids(source) == ["pipe.md", "socket.md"]
    for ref in refs(source):
        with pytest.raises(BadDocument, match="not a regular file") as caught:
            source.read(ref)
        assert caught.value.where == f"{special}/{ref.id}"
        with pytest.raises(BadDocument, match="not a regular file"):
            source.digest(ref)


def test_gone_since_it_was_listed(tmp_path: Path) -> None:
    write(tmp_path, "x/a.md")
    source = Files(path=tmp_path)
    ref = only(source)
    (tmp_path / "x/a.md").unlink()
    for use in (source.read, source.digest):
        with pytest.raises(BadDocument, match="gone since it was listed"):
            use(ref)


def test_a_folder_that_is_not_there_is_no_fault_of_its_documents(tmp_path: Path) -> None:
    write(tmp_path / "documents", "a.md")
    source = Files(path=tmp_path / "documents")
    ref = only(source)
    (tmp_path / "documents").rename(tmp_path / "elsewhere")
    for use in (source.read, source.digest):
        with pytest.raises(SourceUnavailable, match=f"not on {socket.gethostname()}") as caught:
            use(ref)
        assert caught.value.where == str(tmp_path / "documents")


@pytest.mark.parametrize(("name", "data", "reason"), [
    ("a.md", b"", "empty"),
    ("a.pdf", b"", "empty"),
    ("a.html", b"", "empty"),
    ("a.txt", b" \r\n\t", "empty"),
    ("a.txt", b"\x7fELF\0\0", "not text"),
    ("a.pdf", b"%PDF-1.7 nonsense", "damaged"),
])  # fmt: skip
def test_a_bad_document_says_where_and_why(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(data)
    source = Files(path=tmp_path)
    with pytest.raises(BadDocument, match=reason) as caught:
        source.read(only(source))
    assert caught.value.where == f"{tmp_path}/{name}"
    assert source.digest(only(source))


def test_a_missing_root(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    for path in (tmp_path / "nowhere", tmp_path / "a.md"):
        with pytest.raises(SourceMissing) as caught:
            list(Files(path=path).scan())
        assert caught.value.where == str(path)
        assert caught.value.hint


def test_a_folder_that_cannot_be_listed_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.md", "sub/shut\\/b.md", "sub/z.md")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("shut\\/"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    where = f"{tmp_path}/sub/shut\\/"
    gap = Gap(prefix="sub/shut\\/", where=where, reason="cannot be listed: Permission denied")
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        found = list(Files(path=tmp_path).scan())
        assert [each for each in found if isinstance(each, Gap)] == [gap]
        assert ids(Files(path=tmp_path)) == ["a.md", "sub/z.md"]
        closed = Files(path=tmp_path, exclude=("sub/shut\\\\/**",))
        assert not [each for each in closed.scan() if isinstance(each, Gap)]


@as_root
def test_permissions(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "shut/b.md", "listed/c.md")
    (tmp_path / "a.md").chmod(0)
    (tmp_path / "shut").chmod(0)
    (tmp_path / "listed").chmod(0o400)
    try:
        source = Files(path=tmp_path)
        gaps = {each.prefix for each in source.scan() if isinstance(each, Gap)}
        assert gaps == {"shut/", "listed/c.md"}
        with pytest.raises(BadDocument, match="Permission denied"):
            source.read(only(source))
        with pytest.raises(SourceMissing, match="Permission denied"):
            list(Files(path=tmp_path / "shut").scan())
    finally:
        for name in ("shut", "listed"):
            (tmp_path / name).chmod(0o700)


def test_a_tree_deeper_than_the_stack(tmp_path: Path) -> None:
    deep = "d/" * 1_100
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1_100):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("a.md", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    assert ids(Files(path=tmp_path)) == [f"{deep}a.md"]
    subprocess.run(["/bin/rm", "-r", tmp_path / "d"], check=True)


_LISTING = """
import sys
from components.sources.archive import Archive
from components.sources.files import Files
from components.sources.url import Url
from components.values import DocumentRef
for source in (
    Files(path="docs", include=("\\u00dc*/*.md",)),
    Url(url="file://" + sys.argv[1], include=("\\u00dc*/*.md",)),
    Archive(path="docs.tar", include=("\\u00dc*/*.md",)),
    Archive(path="docs.zip", include=("\\u00dc*/*.md",)),
):
    found = [each for each in source.scan() if isinstance(each, DocumentRef)]
    print(ascii([(each.id, source.read(each).text) for each in found]))
"""


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_names_are_utf_8_in_every_locale(tmp_path: Path, locale: dict[str, str]) -> None:
    write(tmp_path, "docs/U\u0308bung/größe.md", "docs/plain.md")
    shutil.make_archive(str(tmp_path / "docs"), "tar", tmp_path / "docs")
    shutil.make_archive(str(tmp_path / "docs"), "zip", tmp_path / "docs")
    done = subprocess.run(
        [sys.executable, "-c", _LISTING, str(tmp_path / "docs")],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), **locale},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    text = "text of docs/U\u0308bung/größe.md"
    listed = [ast.literal_eval(line) for line in done.stdout.splitlines()]
    assert listed[:2] == [[("Übung/größe.md", text)]] * 2
    assert listed[2:] == [[("./Übung/größe.md", text)], [("Übung/größe.md", text)]]


@pytest.mark.parametrize("pattern", ["/etc/*.md", "./*.md", "../*.md"])
def test_patterns_that_could_never_match_are_refused(pattern: str) -> None:
    choice = registry.resolve("source", "files", {"path": "docs", "include": [pattern]})
    with pytest.raises(BadOption, match="must begin below the folder"):
        registry.build("source", choice)


def test_no_option_changes_what_is_stored() -> None:
    options = registry.options_of(registry.load("source", "files"))
    assert list(options) == [*PARSING, "path", "include", "exclude", "follow_links", "trust"]
    assert not any(each.metadata["stored"] for each in options.values())
    assert Files(path=Path("x")).facts["pypdfium2"]
    assert Files(path=Path("x")).identity == os.path.abspath("x")


def test_importing_it_is_light() -> None:
    heavy = ("pypdfium2", "turbohtml", "charset_normalizer", "pydoc_data.topics", "torch")
    code = (
        "import sys, components.sources.files, components.sources.jsonl, components.sources.pydocs;"
        f"assert not set({heavy}) & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
