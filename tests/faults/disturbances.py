"""What may happen to a refresh of a long run, and how it may end then.

Each disturbance refreshes once and says how that ended.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from components.corpus import run
from components.indexes.edge.files import allocated, copy_tree
from components.phases import Done, Tell, within
from tests.corpora import Corpus
from tests.faults.refreshing import DONE, MARKS, Refreshing, ending
from tests.qdrant_http.proxy import Proxy, http

_SPARE = 8 * 2**20
"""Bytes left free on the small disk, in place of the quarter of a gigabyte that is the default."""
_LIBRARIES = "*/faketime/libfaketimeMT.so.1"
_HOUR = 3600


@dataclass(frozen=True)
class Scene:
    """What is refreshed, where, and by which chance."""

    corpus: Corpus
    store: tuple[str, ...]
    """Overrides that choose it."""
    home: Path
    chance: Random
    proxy: Proxy | None = None
    """Before the server, where the store is one."""

    def refresh(self, tell: Tell = lambda _: None) -> str:
        """In this process."""
        job = self.corpus.job(self.store)
        return ending(lambda: run.run(job, within(tell)))

    def begun(self, *overrides: str, **environment: str) -> Refreshing:
        """In a process of its own."""
        own = {**os.environ, **environment}
        log = self.home / "errors.log"
        return Refreshing(self.corpus.file, (*self.store, *overrides), own, log)


Disturbance = Callable[[Scene], str]


def calm(scene: Scene) -> str:
    """Nothing happens."""
    return scene.refresh()


def killed(scene: Scene) -> str:
    """By SIGKILL, somewhere in any of its steps."""
    process = scene.begun()
    mark = scene.chance.choice(MARKS)
    for _ in range(scene.chance.randint(1, 4) if mark == "shard" else 1):
        process.await_mark(mark)
    time.sleep(scene.chance.random() * 0.2)
    process.kill()
    return process.end()


def two_writers(scene: Scene) -> str:
    """Another refresh begins in its middle. One of them must get through."""
    process = scene.begun()
    process.await_mark(scene.chance.choice(MARKS[:3]))
    endings = sorted([scene.refresh(), process.end()])
    return endings[0] if endings[0] != DONE and DONE not in endings else " and ".join(endings)


def clock_steps(scene: Scene) -> str:
    """The clock is set while it runs, by hours or months, back and forth."""
    file = scene.home / "clock"
    file.write_text("+0")
    process = scene.begun(
        LD_PRELOAD=str(faketime()),
        FAKETIME_TIMESTAMP_FILE=str(file),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",  # whoever sets a clock does not set this one
        FAKETIME_FORCE_MONOTONIC_FIX="0",  # or else threads that wait for their turn spin
        NO_FAKE_STAT="1",
    )
    for mark in ("survey", "write", "shard", "seal"):
        process.await_mark(mark)
        step = scene.chance.choice((1, 24, 24 * 200)) * _HOUR * scene.chance.choice((-1, 1))
        file.write_text(f"{step:+}")
    return process.end()


def full_disk(scene: Scene) -> str:
    """The index lies on a small disk that somebody else fills while it runs, or has filled."""
    store = scene.corpus.folder / "store"
    if not may_mount(scene.home):
        return scene.begun(MILLRACE_SPARE_BYTES=str(2**60)).end()
    place = scene.home / "small"
    with mounted(place, 3 * allocated(store) + 4 * _SPARE):
        copy_tree(store, place / "store")
        own = {"MILLRACE_SPARE_BYTES": str(_SPARE)}
        process = scene.begun(f"index.path={place / 'store'}", **own)
        process.await_mark(scene.chance.choice(MARKS[:4]))
        fill(place / "other", scene.chance.randint(0, 2 * _SPARE))
        ended = process.end()
        (place / "other").unlink()
        replace_tree(store, place / "store")
    return ended


def cut_off(scene: Scene) -> str:
    """The server is out of reach for a while, which may outlast the lease."""
    return _while(scene, lambda proxy: proxy.cut(), 0.2, 2.0)


def slow(scene: Scene) -> str:
    """The server is slow for a while."""
    delay = scene.chance.uniform(0.02, 0.2)
    return _while(scene, lambda proxy: proxy.delay(delay), 0.5, 1.5)


def overloaded(scene: Scene) -> str:
    """The server, or what is before it, answers that it cannot for now."""
    answers = [http(code) for code in (500, 502, 503)] + [http(429, headers="Retry-After: 1\r\n")]
    scene.chance.shuffle(answers)
    return _while(scene, lambda proxy: proxy.answer(*answers), 0.2, 1.5)


def gone(scene: Scene) -> str:
    """The server goes, and comes back when the refresh has given up."""
    assert scene.proxy is not None
    middle = _Middle(scene.chance.randint(0, 3), scene.proxy.cut)
    ended = middle.refresh(scene)
    scene.proxy.restore()
    return ended


def of_edge() -> Mapping[str, Disturbance]:
    """By name, for the embedded index. Killed counts twice."""
    found: dict[str, Disturbance] = {"killed again": killed, "full disk": full_disk}
    return {**_of_all(), **found}


def of_server() -> Mapping[str, Disturbance]:
    """By name, for a server."""
    found: dict[str, Disturbance] = {
        "cut off": cut_off,
        "slow": slow,
        "overloaded": overloaded,
        "gone": gone,
    }
    return {**_of_all(), **found}


MAY_END: Mapping[str, frozenset[str]] = {
    "calm": frozenset({DONE}),
    "killed": frozenset({DONE, "signal 9"}),
    "killed again": frozenset({DONE, "signal 9"}),
    "two writers": frozenset({DONE, "Busy and done", "done and done", "TakenOver and done"}),
    "clock steps": frozenset({DONE}),
    "full disk": frozenset({DONE, "DiskFull", "signal 7"}),  # SIGBUS: the engine's own end
    "cut off": frozenset({DONE, "StoreUnavailable"}),
    "slow": frozenset({DONE}),
    "overloaded": frozenset({DONE, "StoreUnavailable"}),
    "gone": frozenset({DONE, "StoreUnavailable"}),
}
"""How a refresh may end. Anything else is a finding."""


def _of_all() -> dict[str, Disturbance]:
    found: dict[str, Disturbance] = {"calm": calm, "killed": killed, "two writers": two_writers}
    return {**found, "clock steps": clock_steps} if faketime() else found


class _Middle:
    """Does something once, when so many shards are committed; 0: before it begins."""

    def __init__(self, shards: int, do: Callable[[], object]) -> None:
        self._shards = shards
        self._committed = 0
        self._do = do

    def refresh(self, scene: Scene) -> str:
        if not self._shards:
            self._do()
        return scene.refresh(self)

    def __call__(self, done: Done) -> None:
        self._committed += 1
        if self._committed == self._shards:
            self._do()


def _while(scene: Scene, begin: Callable[[Proxy], object], least: float, most: float) -> str:
    """Refresh, and let something last for so many seconds in the middle of it."""
    proxy = scene.proxy
    assert proxy is not None
    timer = threading.Timer(scene.chance.uniform(least, most), proxy.restore)

    def do() -> None:
        begin(proxy)
        timer.start()

    ended = _Middle(scene.chance.randint(0, 3), do).refresh(scene)
    timer.cancel()
    proxy.restore()
    return ended


@cache
def faketime() -> Path | None:
    """Debian's library, None where it is not installed."""
    return next(Path("/usr/lib").glob(_LIBRARIES), None)


@cache
def may_mount(home: Path) -> bool:
    """Whether this user may mount a small disk."""
    try:
        with mounted(home / "small", 2**20):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def fill(file: Path, left: int) -> None:
    """Make a file as large as its disk has room for, but for so many bytes."""
    with file.open("wb") as other:
        for _ in range(10):  # somebody else takes some meanwhile
            room = max(1, shutil.disk_usage(file.parent).free - left)
            with suppress(OSError):
                os.posix_fallocate(other.fileno(), 0, room)
                return


@contextmanager
def mounted(place: Path, size: int) -> Iterator[None]:
    """A disk of so many bytes, in memory."""
    while os.path.ismount(place):  # left by a kill
        subprocess.run(["umount", str(place)], check=True, capture_output=True)
    place.mkdir(exist_ok=True)
    options = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    subprocess.run(options, check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True, capture_output=True)


def replace_tree(old: Path, new: Path) -> None:
    """Put a copy of one folder in the place of another."""
    aside = old.with_name("next")
    shutil.rmtree(aside, ignore_errors=True)
    # A disk in memory has no holes left where a file was mapped.
    subprocess.run(["cp", "-a", "--sparse=always", str(new), str(aside)], check=True)
    shutil.rmtree(old)
    aside.rename(old)
