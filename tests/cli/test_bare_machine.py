"""A machine that lacks what others have: a home, folders that can be written, a working folder."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from components.encoders import cache as caches
from infra import stopping
from infra.settings import settings
from tests.cli import Outcome, call, clean
from tests.compare.data import beir, pipeline
from tests.corpora import Corpus

LIMIT = str(2**22)
UNKNOWN = "the cache of vectors is not used: this user has no home folder"


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without HOME and without an entry in passwd, and nothing said of a cache."""

    def unknown(number: int) -> pwd.struct_passwd:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME", "MILLRACE_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MILLRACE_CACHE_BYTES", LIMIT)
    settings.cache_clear()
    caches._warn.cache_clear()


def bare(
    machine: str,
    *arguments: str | Path,
    program: tuple[str, ...] = ("-m", "flows.cli"),
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """A process on a machine of its own: `machine`, a shell's commands, makes it so."""
    before = ("unshare", "-m", "sh", "-c")
    if os.geteuid() or subprocess.run([*before, "true"], check=False).returncode:
        pytest.skip("only root can mount")
    done = subprocess.run(
        [*before, f'{machine} && exec "$@"', "sh", sys.executable, *program, *arguments],
        capture_output=True,
        check=False,
        env=clean(environment),
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


class TestNoHome:
    @pytest.mark.usefixtures("homeless")
    def test_a_refresh_goes_without_the_cache(self, corpus: Corpus) -> None:
        corpus.fill(2)
        done = call("refresh", corpus.file, "--engine-only", "--json")
        assert done.code == 0
        assert done.json["added"] == 2
        assert done.message.startswith(UNKNOWN)
        assert "MILLRACE_CACHE" in done.message

    @pytest.mark.usefixtures("homeless")
    def test_nothing_is_said_of_a_cache_that_nobody_wants(self, corpus: Corpus) -> None:
        corpus.fill(1)
        assert call("refresh", corpus.file, "--engine-only", "--no-cache").err == ""
        for given in (("search", "water"), ("status",), ("prune",), ("refresh", "--dry-run")):
            verb, *more = given
            done = call(verb, corpus.file, *more)
            assert (done.code, "fault" in done.err) == (0, False)

    @pytest.mark.usefixtures("homeless")
    def test_a_comparison_says_it_once(self, tmp_path: Path) -> None:
        done = call(
            *("compare", pipeline(tmp_path, "a"), pipeline(tmp_path, "b"), "--no-timing"),
            *("--data", beir(tmp_path / "data"), "--home", tmp_path / "home", "--engine-only"),
        )
        assert done.code == 0
        assert done.err.count(UNKNOWN) == 1

    @pytest.mark.usefixtures("homeless")
    def test_where_a_home_is_named_it_is_told(
        self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        corpus.fill(1)
        done = call("refresh", corpus.file, "--engine-only", "--set", "source.path=~/documents")
        assert done.code == 2
        assert "~/documents" in done.message
        monkeypatch.setenv("MILLRACE_CACHE", "~nobody-here/cache")
        settings.cache_clear()
        done = call("refresh", corpus.file, "--engine-only")
        assert done.code == 0
        assert "the cache of vectors is not used" in done.err

    @pytest.mark.usefixtures("homeless")
    def test_a_component_that_looks_for_a_home(self, corpus: Corpus) -> None:
        (corpus.folder / "at_home.py").write_text(
            "from pathlib import Path\n"
            "from components.sources.files import Files\n"
            "class AtHome(Files):\n"
            "    def scan(self):\n"
            "        return Path('~/x').expanduser()\n"
        )
        corpus.fill(1)
        done = call(
            *("refresh", corpus.file, "--engine-only", "--json"),
            *("--set", "source.use=at_home:AtHome", "--no-cache"),
        )
        assert done.code == 1
        assert done.json["error"]["where"] == "HOME"
        assert "~/x" in done.message

    def test_neither_has_prefect_one(self, corpus: Corpus) -> None:
        corpus.fill(1)
        given = ("refresh", corpus.file, "--prefect", "--json", "--no-cache")
        done = bare(_homeless(corpus), *given)
        assert done.code == 0
        assert done.json["added"] == 1
        assert done.message.startswith(
            "no Prefect server can be started: HOME: this user has no home folder"
        )
        assert "going on without Prefect" in done.message

    def test_a_server_that_is_named_needs_it(self, corpus: Corpus) -> None:
        corpus.fill(1)
        named = {"PREFECT_API_URL": "http://127.0.0.1:9/api"}
        given = ("refresh", corpus.file, "--json")
        done = bare(_homeless(corpus), *given, environment=named)
        assert done.code == 1
        assert done.json["error"]["where"] == "HOME"
        assert done.message
        named["PREFECT_HOME"] = str(corpus.folder / "prefect")
        done = bare(_homeless(corpus), *given, environment=named)
        assert done.json["error"]["kind"] == "OrchestratorUnavailable"
        assert done.message


def _homeless(corpus: Corpus) -> str:
    """For a process of its own: no HOME, and no such user in passwd."""
    known, sources = corpus.folder / "passwd", corpus.folder / "nsswitch"
    known.touch()
    sources.write_text("passwd: files\n")
    return (
        f"mount --bind {known} /etc/passwd && mount --bind {sources} /etc/nsswitch.conf && "
        "unset HOME"
    )


CACHE = """
import logging
import sys
from pathlib import Path

import numpy as np

from components.encoders.cache import VectorCache

logging.basicConfig(format="%(message)s")
cache = VectorCache(Path(sys.argv[1]), 2**22)
rows = {bytes([at]) * 20: np.ones(96, np.float32) for at in range(200)}
for _ in range(3):
    cache.keep(rows)
    cache.find(list(rows), 96)
print(len(cache.find(list(rows), 96)))
"""


class TestCache:
    """What is left out is said once, with the system's own reason."""

    def tried(self, folder: Path, machine: str) -> Outcome:
        folder.mkdir()
        return bare(machine, folder, program=("-c", CACHE))

    @pytest.mark.parametrize("room", ["8k", "64k"])
    def test_a_full_disk(self, tmp_path: Path, room: str) -> None:
        folder = tmp_path / "cache"
        done = self.tried(folder, f"mount -t tmpfs -o size={room} tmpfs {folder}")
        assert done.code == 0
        assert done.err.count("\n") == 1
        assert "No space left on device" in done.err
        assert "free some space" in done.err
        assert str(folder) in done.err

    def test_media_that_cannot_be_written(self, tmp_path: Path) -> None:
        folder = tmp_path / "cache"
        done = self.tried(folder, f"mount -t tmpfs -o ro tmpfs {folder}")
        assert done.code == 0
        assert done.err.count("\n") == 1
        assert "Read-only file system" in done.err
        assert "MILLRACE_CACHE" in done.err

    def test_what_fills_up_is_still_read(self, tmp_path: Path) -> None:
        folder = tmp_path / "cache"
        small = f"mount -t tmpfs -o size=200k tmpfs {folder}"
        more = CACHE.replace("range(200)", "range(40)").replace(
            "print",
            "cache.keep({bytes([at, 1]) * 10: np.ones(96, np.float32) for at in range(256)})\n"
            "cache.keep({bytes([at, 2]) * 10: np.ones(96, np.float32) for at in range(256)})\n"
            "print",
        )
        folder.mkdir()
        done = bare(small, folder, program=("-c", more))
        assert (done.code, done.out) == (0, "40\n")
        assert done.err.count("\n") == 1
        assert "keeps nothing more: No space left on device" in done.err


class TestFolders:
    def test_no_temporary_folder(self, corpus: Corpus) -> None:
        corpus.fill(1)
        hidden = "mount -t tmpfs -o ro tmpfs /var/tmp; mount --bind /tmp /tmp; "
        store = "mount -o remount,bind,ro /tmp; mount -t tmpfs tmpfs /mnt; cd /proc"
        done = bare(
            hidden + store,
            *("refresh", corpus.file, "--engine-only", "--set", "index.path=/mnt/index"),
            environment={"TMPDIR": "", "MILLRACE_CACHE": "/mnt/cache"},
        )
        assert done.code == 1
        assert "TMPDIR" in done.message

    def test_a_temporary_folder_that_is_full(self, corpus: Corpus) -> None:
        corpus.fill(1)
        small = corpus.folder / "small"
        small.mkdir()
        done = bare(
            f"mount -t tmpfs -o size=4k tmpfs {small}",
            *("refresh", corpus.file, "--engine-only", "--json"),
            environment={"TMPDIR": str(small)},
        )
        assert done.code in (0, 1)
        assert "fault" not in done.err
        if done.code:
            assert done.json["error"]["kind"] == "DiskFull"
            assert done.json["error"]["where"].startswith(str(small))

    @pytest.mark.parametrize("given", ["pipeline.yaml", "{file}"])
    def test_a_working_folder_that_is_gone(self, corpus: Corpus, given: str) -> None:
        corpus.fill(1)
        gone = corpus.folder / "gone"
        done = subprocess.run(
            [
                *("sh", "-c", f'mkdir {gone} && cd {gone} && rmdir {gone} && exec "$@"', "sh"),
                *(sys.executable, "-m", "flows.cli", "refresh", given.format(file=corpus.file)),
                "--engine-only",
            ],
            capture_output=True,
            check=False,
            env=clean(),
            timeout=120,
        )
        assert done.returncode == (0 if "{" in given else 2)
        assert b"Traceback" not in done.stderr
        assert b"fault" not in done.stderr


class TestLimits:
    @pytest.mark.parametrize("handles", [5, 8, 14])
    def test_few_file_handles(self, corpus: Corpus, handles: int) -> None:
        corpus.fill(1)
        done = subprocess.run(
            [
                *("sh", "-c", f'ulimit -n {handles} && exec "$@"', "sh", sys.executable),
                *("-m", "flows.cli", "refresh", str(corpus.file), "--engine-only"),
            ],
            capture_output=True,
            check=False,
            env=clean(),
            timeout=120,
        )
        assert b"Traceback" not in done.stderr
        assert b"fault" not in done.stderr
        if done.returncode:
            assert b"Too many open files" in done.stderr

    def test_no_handle_for_the_waker_of_signals(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Signals are heard without it."""
        monkeypatch.setattr(stopping, "_told", 0)

        def refused(*given: object, **named: object) -> None:
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(os, "pipe", refused)
        with stopping.kept():
            stopping._waker.cache_clear()
            stopping.listen()
            with pytest.raises(stopping.Stopped):
                os.kill(os.getpid(), stopping.SIGNALS[1])
        stopping._waker.cache_clear()

    def test_no_thread_for_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stopping, "_told", 0)

        def refused(of: object) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr("threading.Thread.start", refused)
        with stopping.kept():
            stopping._waker.cache_clear()
            stopping.listen()
            with pytest.raises(stopping.Stopped):
                os.kill(os.getpid(), stopping.SIGNALS[1])
        stopping._waker.cache_clear()
