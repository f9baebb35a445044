"""An index that may be read and not written: another user's, or on read-only media. Every verb that
only reads it takes it as it is.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.cli import Outcome, clean
from tests.corpora import Corpus

_NOBODY = 65534
_POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""Root without the right to overrule permissions."""
_CHILD = """
import json, sys
from dataclasses import asdict
from tests.cli import call
print(json.dumps([asdict(call(*each)) for each in json.loads(sys.argv[1])]))
"""


@pytest.fixture
def published(corpus: Corpus) -> Corpus:
    corpus.fill(3)
    corpus.refresh()
    data = corpus.folder / "data"
    (data / "qrels").mkdir(parents=True)
    asked = {"_id": "q", "text": "water wheel", "answer": "a mill"}
    (data / "queries.jsonl").write_text(json.dumps(asked))
    (data / "qrels" / "test.tsv").write_text("q\t000.txt\t1\n")
    return corpus


@pytest.fixture
def powerless(published: Corpus) -> Iterator[Sequence[str]]:
    """The store is somebody else's: what a command begins with, to have no rights over it."""
    store = published.folder / "store"
    if os.geteuid():
        _allow(store, 0o500, 0o400)
        yield ()
    else:
        if not shutil.which("setpriv"):
            pytest.skip("root needs setpriv to give its rights away")
        _allow(store, 0o755, 0o444)
        for each in (store, *store.rglob("*")):
            os.chown(each, _NOBODY, _NOBODY)
        yield _POWERLESS
    _allow(store, 0o700, 0o600)


@pytest.fixture
def media(published: Corpus) -> tuple[Path, Sequence[str]]:
    """The store, mounted read-only: where, and what a command begins with to see it."""
    media = published.folder / "media"
    media.mkdir()
    return media, _mounted(published.folder / "store", media)


def _mounted(what: Path, where: Path) -> Sequence[str]:
    mounted = (
        f'mount --bind {what} {where} && mount -o remount,bind,ro {where} && cd / && exec "$@"'
    )
    before = ("unshare", "-m", "sh", "-c", mounted, "sh")
    if os.geteuid() or subprocess.run([*before, "true"], check=False).returncode:
        pytest.skip("only root can mount")
    return before


def _allow(store: Path, folder: int, file: int) -> None:
    for each in (store, *store.rglob("*")):
        each.chmod(folder if each.is_dir() else file)


def done(
    before: Sequence[str],
    verbs: Sequence[Sequence[str | Path]],
    environment: Mapping[str, str],
) -> list[Outcome]:
    """How some verbs end, one after the other in one process."""
    given = json.dumps([[str(each) for each in verb] for verb in verbs])
    child = subprocess.run(
        [*before, sys.executable, "-c", _CHILD, given],
        capture_output=True,
        text=True,
        env=clean({"MILLRACE_CACHE_BYTES": "0", **environment}),
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return [Outcome(**each) for each in json.loads(child.stdout)]


def check_verbs(corpus: Corpus, before: Sequence[str], *options: str) -> None:
    """Each verb that reads, and what those say that would have to write."""
    store, home = corpus.folder / "store", corpus.folder / "home"
    judged: list[str | Path] = ["--data", corpus.folder / "data", "--home", home]
    untouched = _files(store)
    verbs: list[Sequence[str | Path]] = [
        ["search", corpus.file, "water wheel", "-k", "2", "--json", *options],
        ["status", corpus.file, "--max-age", "1h", "--json", *options],
        ["refresh", corpus.file, "--dry-run", "--json", *options],
        ["prune", corpus.file, "--dry-run", "--json", *options],
        ["refresh", corpus.file, "--engine-only", *options],
        ["prune", corpus.file, *options],
    ]
    if not options:  # what is live takes no other index
        verbs += [
            ["compare", "--live", corpus.file, *judged, "--engine-only", "--json"],
            ["answers", "--live", corpus.file, *judged, "--engine-only", "--json"],
        ]
    environment = {"MILLRACE_CACHE": str(corpus.folder / "cache")}
    search, status, rehearsed, surplus, refused, kept, *more = done(before, verbs, environment)
    assert (search.code, search.err, len(search.json["hits"])) == (0, "", 2)
    assert (status.code, status.err, status.json["documents"]) == (0, "", 3)
    assert (rehearsed.code, rehearsed.err, rehearsed.json["unchanged"]) == (0, "", 3)
    assert (surplus.code, surplus.err, surplus.json["removed"]) == (0, "", [])
    for each in (refused, kept):
        assert each.code == 1
        assert "cannot be written" in each.message
    for each in more:
        assert each.code == 0, each.err
        assert "cannot" not in each.err
        assert len(each.json["systems"]) == 1
    assert _files(store) == untouched
    assert not [each for each in (corpus.folder / "cache" / "copies").iterdir() if each.is_dir()]


def test_another_users_index(published: Corpus, powerless: Sequence[str]) -> None:
    check_verbs(published, powerless)


def test_an_index_on_read_only_media(published: Corpus, media: tuple[Path, Sequence[str]]) -> None:
    place, before = media
    check_verbs(published, before, "--set", f"index.path={place}")


def test_a_whole_project_on_read_only_media(
    published: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As an image's layer has it, with nothing to write but what is named."""
    home = tmp_path_factory.mktemp("home")
    judged: list[str | Path] = ["--data", published.folder / "data"]
    live: list[str | Path] = [
        "compare",
        "--live",
        published.file,
        *judged,
        "--engine-only",
        "--json",
    ]
    before = _mounted(published.folder, published.folder)
    search, measured, unnamed = done(
        before,
        [
            ["search", published.file, "water wheel", "-k", "3", "--json"],
            [*live, "--home", home],
            [*live, "--home", published.folder / "home"],
        ],
        {"MILLRACE_CACHE": str(published.folder / "cache"), "TMPDIR": str(home)},
    )
    assert search.code == 0
    assert len(search.json["hits"]) == 3
    told = search.err.splitlines()
    assert told == [
        "millrace: the copy of an index cannot be made in the cache folder: Read-only file system: "
        f"it is made in {home}"
    ]
    assert measured.code == 0, measured.err
    assert "it is made in" not in measured.err, "once is enough"
    assert len(measured.json["systems"]) == 1
    assert unnamed.code == 2
    assert str(published.folder / "home") in unnamed.message


def test_a_user_who_has_no_home(published: Corpus, powerless: Sequence[str]) -> None:
    nowhere = published.folder / "absent" / "home"
    environment = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "", "TMPDIR": str(published.folder)}
    (search,) = done(
        powerless, [["search", published.file, "mill", "-k", "3", "--json"]], environment
    )
    assert search.code == 0
    assert len(search.json["hits"]) == 3
    assert f"it is made in {published.folder}" in search.err
    assert not nowhere.parent.exists()
    assert not list(published.folder.glob("millrace-copy-*"))


def test_an_index_that_was_never_opened_here(published: Corpus, powerless: Sequence[str]) -> None:
    """A copy of it without the locks that opening leaves, as a package has it."""
    for lock in (published.folder / "store").rglob("*.lock"):
        lock.unlink()
    environment = {"MILLRACE_CACHE": str(published.folder / "cache")}
    (search,) = done(
        powerless, [["search", published.file, "mill", "-k", "3", "--json"]], environment
    )
    assert (search.code, search.err, len(search.json["hits"])) == (0, "", 3)


def test_an_index_of_which_one_file_alone_cannot_be_written(published: Corpus) -> None:
    (segment, *_) = sorted((published.folder / "store").rglob("segment.json"))
    segment.chmod(0o444)
    before = () if os.geteuid() else _POWERLESS
    environment = {"MILLRACE_CACHE": str(published.folder / "cache")}
    (search,) = done(before, [["search", published.file, "mill", "-k", "3", "--json"]], environment)
    assert (search.code, search.err, len(search.json["hits"])) == (0, "", 3)


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    found = {str(each): each.stat() for each in folder.rglob("*")}
    return {name: (each.st_mtime_ns, stat.S_IMODE(each.st_mode)) for name, each in found.items()}
