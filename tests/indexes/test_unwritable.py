"""An index that may be read and not written: another user's, or on read-only media."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.corpora import Corpus

_NOBODY = 65534
_POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""Root without the right to overrule permissions."""


@pytest.fixture
def published(corpus: Corpus) -> Corpus:
    corpus.fill(3)
    corpus.refresh()
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


def _allow(store: Path, folder: int, file: int) -> None:
    for each in (store, *store.rglob("*")):
        each.chmod(folder if each.is_dir() else file)


def asked(corpus: Corpus, before: Sequence[str], *options: str) -> list[str]:
    """What `search` and `status` print, one after the other."""
    found = []
    for verb in (["search", "water wheel", "-k", "2"], ["status"]):
        arguments = [verb[0], str(corpus.file), *verb[1:], "--json", *options]
        done = subprocess.run(
            [*before, sys.executable, "-m", "flows.cli", *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "MILLRACE_CACHE": str(corpus.folder / "cache")},
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        found.append(done.stdout)
    return found


def test_another_users_index_is_searched(published: Corpus, powerless: Sequence[str]) -> None:
    before = _files(published.folder / "store")
    hits, status = asked(published, powerless)
    assert len(json.loads(hits)["hits"]) == 2
    assert json.loads(status)["documents"] == 3
    assert _files(published.folder / "store") == before
    assert not [each for each in (published.folder / "cache" / "copies").iterdir() if each.is_dir()]


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    found = {str(each): each.stat() for each in folder.rglob("*")}
    return {name: (each.st_mtime_ns, stat.S_IMODE(each.st_mode)) for name, each in found.items()}


def test_an_index_on_read_only_media_is_searched(published: Corpus) -> None:
    media = published.folder / "media"
    media.mkdir()
    mounted = (
        f"mount --bind {published.folder / 'store'} {media} && "
        f'mount -o remount,bind,ro {media} && exec "$@"'
    )
    before = ("unshare", "-m", "sh", "-c", mounted, "sh")
    if os.geteuid() or subprocess.run([*before, "true"], check=False).returncode:
        pytest.skip("only root can mount")
    hits, status = asked(published, before, "--set", f"index.path={media}")
    assert len(json.loads(hits)["hits"]) == 2
    assert json.loads(status)["documents"] == 3
