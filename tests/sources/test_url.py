from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from components import registry
from components.errors import BadDocument, BadOption, MissingExtra, SourceMissing, SourceUnavailable
from components.sources.files import Files
from components.sources.url import Url
from components.values import DocumentRef, Gap, LeftOut
from tests.cli import call
from tests.contracts.source import SourceContract, refs
from tests.corpora import HASHING, Corpus
from tests.sources.test_extract import pdf
from tests.sources.test_files import PARSING


def ids(source: Url) -> list[str]:
    return [ref.id for ref in refs(source)]


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# Title\n\ntext of {name}")


@pytest.fixture
def memory() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


class Watched(MemoryFileSystem):  # type: ignore[misc]
    """A store with etags that can be slow to answer, and that says what was asked of it."""

    protocol = "watched"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    asked: ClassVar[list[str]] = []
    trouble: ClassVar[dict[str, Exception]] = {}
    tells: ClassVar[bool] = True

    @classmethod
    def _strip_protocol(cls, path: str) -> Any:
        return super()._strip_protocol(path.replace("watched://", "memory://"))

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        self._fail(path)
        found = super().ls(path, detail=True)
        return [self._shown(each) for each in found]

    def info(self, path: str, **kwargs: Any) -> Any:
        self._fail(path)
        return self._shown(super().info(path))

    def cat_file(self, path: str, **kwargs: Any) -> Any:
        self._fail(path)
        self.asked.append(path)
        return super().cat_file(path)

    def modified(self, path: str) -> Any:
        raise NotImplementedError

    def _fail(self, path: str) -> None:
        if found := self.trouble.get(self._strip_protocol(path)):
            raise found

    def _shown(self, info: dict[str, Any]) -> dict[str, Any]:
        told = {name: info.get(name) for name in ("name", "size", "type")}
        if self.tells and info["type"] == "file":
            told["ETag"] = str(hash(super().cat_file(info["name"])))
        return told


@pytest.fixture
def watched() -> Any:
    fsspec.register_implementation("watched", Watched, clobber=True)
    Watched.store, Watched.asked, Watched.trouble, Watched.tells = {}, [], {}, True
    files = fsspec.filesystem("watched")
    for name in ("a.md", "shut/b.md", "z/c.md"):
        files.pipe_file(f"/docs/{name}", b"text of " + name.encode())
    return files


class TestMemory(SourceContract):
    @pytest.fixture
    def source(self, memory: Any) -> Url:
        for name in ("b.md", "a.txt", "deep/er/c.rst", "deep/d e%#.md", "caf\u00e9.md"):
            memory.pipe_file(f"/docs/{name}", f"# Title\n\ntext of {name}".encode())
        memory.pipe_file("/docs/three.pdf", pdf(["one"], [], ["three"]))
        return Url(url="memory://docs")


class TestFile(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Url:
        fill(tmp_path, "b.md", "a.txt", "deep/er/c.rst", "deep/d e%#.md")
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md")).write_text("name in Latin-1")
        return Url(url=f"file://{tmp_path}")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


class _Unsized(_Quiet):
    """Tells no sizes: what it sends ends with the connection."""

    def send_header(self, keyword: str, value: str) -> None:
        if keyword != "Content-Length":
            super().send_header(keyword, value)


@contextmanager
def served(folder: Path, by: type[_Quiet] = _Quiet) -> Iterator[str]:
    handler = partial(by, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class TestHttp(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[Url]:
        fill(tmp_path, "docs/b.md", "docs/a.txt", "docs/deep/er/c.rst", "other/d.md")
        with served(tmp_path) as address:
            yield Url(url=f"{address}/docs/")

    def test_a_server_that_tells_no_size_is_read_to_its_end(self, tmp_path: Path) -> None:
        text = "a long text " * 100_000
        (tmp_path / "a.txt").write_text(text)
        with served(tmp_path, _Unsized) as address:
            source = Url(url=f"{address}/")
            (ref,) = refs(source)
            assert source.read(ref).text.split() == text.split()

    def test_what_is_listed(self, source: Url) -> None:
        assert ids(source) == ["a.txt", "b.md", "deep/er/c.rst"]

    def test_names_are_shown_as_people_know_them(self, source: Url, tmp_path: Path) -> None:
        names = ("d e%#.md", "U\u0308bergabe.md", "ノート/50%.md", "a+b.md", "a%20b.md")
        fill(tmp_path, *(f"docs/{name}" for name in names))
        found = {ref.id: source.read(ref) for ref in refs(source)}
        added = {"d e%#.md", "Übergabe.md", "ノート/50%.md", "a+b.md", "a%20b.md"}
        assert set(found) == added | {"a.txt", "b.md", "deep/er/c.rst"}
        assert found["ノート/50%.md"].text == "# Title\n\ntext of docs/ノート/50%.md"
        assert found["Übergabe.md"].id == "Übergabe.md"
        chosen = replace(source, include=("ノート/*", "d e*", "Ü*"))
        assert sorted(ids(chosen)) == ["d e%#.md", "Übergabe.md", "ノート/50%.md"]

    def test_links_as_servers_write_them(self, source: Url, tmp_path: Path) -> None:
        links = ("./b.md", "a.txt", "/docs/deep/", "../other/d.md", "b.md", "a.txt#end", "?C=N;O=D")
        page = "".join(f'<a href="{each}">link</a>' for each in links)
        (tmp_path / "docs" / "index.html").write_text(page)
        found = refs(source)
        assert [ref.id for ref in found] == ["a.txt", "b.md", "deep/er/c.rst"]
        assert source.read(found[1]).text.endswith("text of docs/b.md")


def test_reads_what_the_folder_source_reads(tmp_path: Path) -> None:
    fill(tmp_path, "z.md", "a/z.md", "a/b/x.md", "A.TXT", "drafts/d.md", ".hidden/e.md", "c.py")
    chosen: list[dict[str, Any]] = [
        {}, {"include": ("**/x.md", "a/*")}, {"exclude": ("drafts/**", "**/*.txt")}
    ]  # fmt: skip
    for options in chosen:
        url, files = Url(url=f"file://{tmp_path}/", **options), Files(path=tmp_path, **options)
        assert ids(url) == [ref.id for ref in refs(files)]
        assert list(map(url.read, refs(url))) == list(map(files.read, refs(files)))
        assert list(map(url.digest, refs(url))) == list(map(files.digest, refs(files)))


def test_versions_follow_the_content(watched: Any, tmp_path: Path) -> None:
    fill(tmp_path, "a.md")
    for url, write in (
        ("watched://docs", lambda data: watched.pipe_file("/docs/a.md", data)),
        (f"file://{tmp_path}", (tmp_path / "a.md").write_bytes),
    ):
        source = Url(url=url, include=("a.md",))
        write(b"one of a size")
        (before,) = refs(source)
        assert refs(source) == [before]
        write(b"two of a size")
        (after,) = refs(source)
        assert after.version != before.version
        assert source.read(after).text == "two of a size"


def test_where_nothing_is_told_the_bytes_are_the_version(watched: Any) -> None:
    Watched.tells = False
    source = Url(url="watched://docs", include=("a.md",))
    (before,) = refs(source)
    watched.pipe_file("/docs/a.md", b"TEXT OF a.md")
    (after,) = refs(source)
    assert after.version != before.version


def test_a_document_is_fetched_once_while_it_stays_the_same(watched: Any) -> None:
    source = Url(url="watched://docs")
    (ref, *_) = refs(source)
    assert Watched.asked == [], "a scan reads nothing"
    digest = source.digest(ref)
    source.read(ref)
    assert source.digest(ref) == digest
    assert Watched.asked == ["/docs/a.md"]
    watched.pipe_file("/docs/a.md", b"other")
    assert source.digest(ref) != digest


def test_a_folder_that_cannot_be_listed_is_a_gap(watched: Any) -> None:
    Watched.trouble["/docs/shut"] = TimeoutError("no answer")
    source = Url(url="watched://docs")
    gaps = [each for each in source.scan() if isinstance(each, Gap)]
    where, reason = "watched://docs/shut/", "cannot be listed: TimeoutError: no answer"
    assert gaps == [Gap(prefix="shut/", where=where, reason=reason)]
    assert ids(source) == ["a.md", "z/c.md"]
    assert not [
        each
        for each in Url(url="watched://docs", exclude=("shut/**",)).scan()
        if isinstance(each, Gap)
    ]


class Bucket(Watched):
    """A store in which a folder is no more than the beginning of some names."""

    protocol = "bucket"

    @classmethod
    def _strip_protocol(cls, path: str) -> Any:
        return path.removeprefix("bucket://").rstrip("/")

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        start = f"{path}/"
        below = [(name, name.removeprefix(start)) for name in self.store if name.startswith(start)]
        folders = {start + rest.split("/")[0] for _, rest in below if "/" in rest}
        files = [
            {"name": name, "type": "file", "etag": "1"} for name, rest in below if "/" not in rest
        ]
        return [{"name": each, "type": "directory"} for each in folders] + files


def test_a_bucket_has_files_and_folders_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.register_implementation("bucket", Bucket, clobber=True)
    names = ("docs/", "docs/a.md", "docs/a.md/b.md", "docs/guide", "docs/guide/", "docs/guide/c.md")
    monkeypatch.setattr(Bucket, "store", dict.fromkeys(names))
    assert ids(Url(url="bucket://docs")) == ["a.md", "a.md/b.md", "guide/c.md"]
    everything = Url(url="bucket://docs", include=("**",))
    assert ids(everything) == ["a.md", "guide", "a.md/b.md", "guide/c.md"]


def test_what_passes_is_tried_again(watched: Any) -> None:
    source = Url(url="watched://docs")
    ref = refs(source)[0]
    for error, reason in (
        (ConnectionResetError(104, "Connection reset by peer"), "cannot be read: Connection reset"),
        (RuntimeError("SlowDown:\n retry"), "cannot be read: RuntimeError: SlowDown: retry"),
        (RuntimeError("403, url='https://h/a?X-Sig=hush'"), r"403, url='https://h/a\?...'"),
        (FileNotFoundError("/docs/a.md"), "gone since it was listed"),
    ):
        Watched.trouble["/docs/a.md"] = error
        for use in (source.read, source.digest):
            with pytest.raises(BadDocument, match=reason) as caught:
                use(ref)
            assert caught.value.transient
            assert caught.value.where == "watched://docs/a.md"


def test_a_bad_document_says_where_and_why(memory: Any) -> None:
    memory.pipe_file("/docs/a.pdf", b"%PDF-1.7 nonsense")
    source = Url(url="memory://docs")
    with pytest.raises(BadDocument, match="damaged") as caught:
        source.read(refs(source)[0])
    assert caught.value.where == "memory://docs/a.pdf"
    assert not caught.value.transient


def test_special_files_and_links(tmp_path: Path) -> None:
    fill(tmp_path, "root/a.md", "elsewhere/b.md")
    root = tmp_path / "root"
    os.mkfifo(root / "pipe.md")
    (root / "endless.md").symlink_to("/dev/zero")
    (root / "linked.md").symlink_to(tmp_path / "elsewhere/b.md")
    (root / "nothing.md").symlink_to(tmp_path / "gone")
    (root / "folder.md").symlink_to(tmp_path / "elsewhere")
    (root / "up").symlink_to(root)
    source = Url(url=f"file://{root}")
    found = {ref.id: ref for ref in refs(source)}
    assert list(found) == ["a.md", "endless.md", "linked.md", "nothing.md", "pipe.md"]
    for name, reason in (
        ("linked.md", "leads out of the source's folder: `use: files` can read it"),
        ("endless.md", "not a regular file"),
        ("pipe.md", "not a regular file"),
        ("nothing.md", "gone"),
    ):
        with pytest.raises(BadDocument, match=reason):
            source.read(found[name])


def test_a_link_to_nothing_hides_what_was_below_its_name(tmp_path: Path) -> None:
    """As with `files`."""
    fill(tmp_path / "root", "a.md")
    for name in ("part", "part.md", "self"):
        (tmp_path / "root" / name).symlink_to("self" if name == "self" else "away")
    source = Url(url=f"file://{tmp_path}/root")
    assert ids(source) == ["a.md", "part.md"]
    gaps = {each.prefix: each.reason for each in source.scan() if isinstance(each, Gap)}
    assert list(gaps) == ["part/", "part.md/", "self/"]
    assert gaps["part/"] == gaps["self/"]
    assert gaps["part/"].startswith("a link to nothing, perhaps to a folder once")
    assert gaps["part.md/"] == "", "the document says it"


def test_links_to_folders_are_named(tmp_path: Path) -> None:
    fill(tmp_path, "root/a/b.md", "elsewhere/c.md")
    (tmp_path / "root" / "in").symlink_to("a")
    (tmp_path / "root" / "out").symlink_to(tmp_path / "elsewhere")
    inside, outside = (
        each
        for each in Url(url=f"file://{tmp_path}/root").scan()
        if not isinstance(each, DocumentRef)
    )
    assert isinstance(inside, LeftOut)
    assert inside.where.endswith("root/in/")
    assert isinstance(outside, Gap)
    assert outside.prefix == "out/"


class TestSizes:
    def test_a_file_that_is_too_large_is_not_fetched(self, watched: Any) -> None:
        watched.pipe_file("/large/a.md", b"a" * 100)
        (ref,) = refs(Url(url="watched://large"))
        for use in (Url(url="watched://large", max_bytes=99), Url(url="watched://large")):
            watched.asked.clear()
            if use.max_bytes == 99:
                with pytest.raises(BadDocument, match="too large: 100 bytes, at most 99 are read"):
                    use.read(ref)
                assert not watched.asked
            else:
                assert use.read(ref).text == "a" * 100

    def test_a_size_that_nobody_tells(self, watched: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        watched.pipe_file("/large/a.md", b"a" * 100)
        (ref,) = refs(Url(url="watched://large"))
        info = Watched.info
        monkeypatch.setattr(
            Watched, "info", lambda self, path, **more: {**info(self, path, **more), "size": None}
        )
        assert Url(url="watched://large", max_bytes=100).read(ref).text == "a" * 100
        with pytest.raises(BadDocument, match="too large: 100 bytes, at most 99 are read"):
            Url(url="watched://large", max_bytes=99).read(ref)


def test_a_root_that_is_not_there(watched: Any, tmp_path: Path) -> None:
    fill(tmp_path, "a.md")
    for url in (f"file://{tmp_path}/nowhere", f"file://{tmp_path}/a.md", "memory://nowhere"):
        with pytest.raises(SourceMissing) as caught:
            list(Url(url=url).scan())
        assert caught.value.where == url
        assert caught.value.hint
    Watched.trouble["/docs"] = ConnectionRefusedError(111, "Connection refused")
    with pytest.raises(SourceUnavailable, match="Connection refused"):
        list(Url(url="watched://docs").scan())


@pytest.mark.parametrize(("url", "reason"), [
    ("docs", "must begin with a protocol"),
    ("s3://key:hush@bucket/docs", "neither a password nor a query"),
    ("sftp://user:hush@host/docs", "neither a password nor a query"),
    ("sftp://user:a/hush@host/docs", "neither a password nor a query"),
    ("sftp://user:a#hush@host/docs", "neither a password nor a query"),
    ("https://u:hush\u2100@host/docs", "neither a password nor a query"),
    ("https://hush@host/docs", "neither a password nor a query"),
    ("https://host/docs?sig=hush", "neither a password nor a query"),
    ("s3://", "must say where to read"),
    ("zip://::s3://key:hush@bucket/a.zip", "use: archive"),
])  # fmt: skip
def test_urls_that_are_refused(tmp_path: Path, url: str, reason: str) -> None:
    corpus = Corpus(tmp_path, {**HASHING, "source": {"use": "url", "url": url}})
    for arguments in (("refresh", "--engine-only"), ("refresh", "--engine-only", "--json")):
        done = call(arguments[0], corpus.file, *arguments[1:])
        assert done.code == 2
        assert reason in done.message
        assert "hush" not in done.out + done.err


def test_urls_that_only_look_like_secrets() -> None:
    for url in (
        "sftp://user@host/docs",
        "s3://bucket/a:b@c",
        "https://host:8080/@scope/docs",
        "abfs://container@account.example.net/docs",
        "file:///docs/what?",
    ):
        assert Url(url=url).identity == url


def test_a_missing_package_and_an_unknown_protocol() -> None:
    fsspec.register_implementation(
        "faraway", "faraway_fs.FileSystem", errtxt="Install faraway_fs to access it"
    )
    with pytest.raises(MissingExtra, match="Install faraway_fs"):
        list(Url(url="faraway://docs").scan())
    with pytest.raises(BadOption, match="Protocol not known"):
        list(Url(url="no-such-thing://docs").scan())


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is None, reason="needs the extra s3")
def test_a_bucket_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SourceUnavailable, match="cannot be listed") as caught:
        list(Url(url="s3://bucket/docs").scan())
    assert "hush" not in f"{caught.value} {caught.value.where} {caught.value.hint}"


def test_patterns_and_options() -> None:
    choice = registry.resolve("source", "url", {"url": "memory://x", "include": ["../*.md"]})
    with pytest.raises(BadOption, match="must begin below the folder"):
        registry.build("source", choice)
    options = registry.options_of(registry.load("source", "url"))
    assert list(options) == [*PARSING, "url", "include", "exclude", "trust"]
    assert Url(url="s3://bucket/docs/").identity == "s3://bucket/docs"


def test_a_corpus_from_a_url(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    corpus.fill(3)
    override = ["source.use=url", f"source.url=file://{corpus.documents}"]
    first = corpus.refresh(override)
    assert (first.added, corpus.refresh(override).unchanged) == (3, 3)
    (corpus.documents / "001.txt").unlink()
    corpus.add("002.txt", "A new text.")
    report = corpus.refresh(override)
    assert (report.changed, report.deleted, report.unchanged) == (1, 1, 1)


def test_importing_it_is_light() -> None:
    code = (
        "import sys, components.sources.url, components.sources.archive;"
        "assert not {'fsspec', 'markdown_it', 'turbohtml', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
