"""A command in a process of its own that dies, or stands still, at one of its steps.

Steps are found and not listed: before each change of a file in a folder and before each request
that changes something on a server (`WRITES`), or before and after each call of a corpus (`CALLS`).
A line that is appended has a step in its middle, and so has each batch of a folder that is removed.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from components.indexes.contract import CorpusIndex
from tests.faults.refreshing import ending
from tests.faults.test_every_request import WRITES
from tests.forked import FORKED

Kind = Literal["writes", "calls"]
_CHANGES = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}
"""Events of the interpreter; a file counts that is opened to be written."""
_OPENED = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_REMOVALS = 12
"""Files of a folder that is removed, in a step."""
_PATIENCE = 120.0
"""Seconds after which the process is taken to hang."""


class Steps:
    """Those of this process: it does something as it comes to one."""

    def __init__(self, at: int, reached: Callable[[str], None]) -> None:
        self.counting = True
        self._left = at
        self._reached = reached

    def take(self, name: str, here: Callable[[], object] = lambda: None) -> None:
        """Another one. `here`: done before, where this is the one."""
        if not self.counting or threading.current_thread() is not threading.main_thread():
            return  # a lease that is renewed
        self._left -= 1
        if self._left == 0:
            self.counting = False
            here()
            self._reached(name)
            self.counting = True


@dataclass(frozen=True)
class Begun:
    """What a process does, given its steps: it may say from when on they count."""

    do: Callable[[Steps], object]
    kind: Kind
    folder: Path
    """Changes of its files are steps."""
    at: int
    """From 1; 0: at none."""
    dies: bool
    """By SIGKILL; else it stands still until it is told to go on."""
    environment: Mapping[str, str]


class Stepping:
    """The process, running."""

    def __init__(self, begun: Begun) -> None:
        self._ours, theirs = FORKED.Pipe()
        self._process = FORKED.Process(target=_run, args=(theirs, begun), daemon=True)
        self._process.start()
        theirs.close()
        self._said = ""

    def await_step(self) -> str:
        """Wait until it stands still: the step's name, empty where it ends without."""
        return self._heard() if not self._said else ""

    def go_on(self) -> None:
        """It stands still no longer."""
        self._ours.send("go on")

    def end(self) -> str:
        """Wait for it: `done`, its error's kind, or `signal 9`."""
        while not self._said and self._heard():
            self.go_on()
        self._process.join(_PATIENCE)
        self._ours.close()
        return self._said or f"signal {-(self._process.exitcode or 0)}"

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def _heard(self) -> str:
        with suppress(EOFError):
            assert self._ours.poll(_PATIENCE), "it hangs"
            what, name = self._ours.recv()
            if what == "step":
                return str(name)
            self._said = str(name)
        return ""


@contextmanager
def stepping(
    do: Callable[[Steps], object], kind: Kind, folder: Path, at: int, *, dies: bool = False
) -> Iterator[Stepping]:
    """The process, which does not outlive the block."""
    own = {name: value for name, value in os.environ.items() if name.startswith("MILLRACE_")}
    process = Stepping(Begun(do, kind, folder, at, dies, own))
    try:
        yield process
    finally:
        process.kill()


def _run(pipe: Connection, begun: Begun) -> None:
    os.environ.update(begun.environment)

    def reached(name: str) -> None:
        if begun.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        pipe.send(("step", name))
        pipe.recv()

    steps = Steps(begun.at, reached)
    if begun.kind == "writes":
        _watch_files(steps, Path(os.path.realpath(begun.folder)))
        if "MILLRACE_QDRANT_URL" in begun.environment:
            _watch_requests(steps)
    else:
        _watch_calls(steps)
    said = ending(lambda: begun.do(steps))
    steps.take("the end")
    pipe.send(("ended", said))


def _watch_calls(steps: Steps) -> None:
    from components.indexes.edge.index import EdgeCorpus
    from components.indexes.qdrant.index import QdrantCorpus

    for kind in (EdgeCorpus, QdrantCorpus):
        for name in vars(CorpusIndex):
            method = vars(kind).get(name)
            if callable(method) and not name.startswith("_"):
                setattr(kind, name, _watched(steps, name, method))


def _watched(steps: Steps, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def called(*given: Any, **named: Any) -> Any:
        steps.take(f"before {name}")
        made = method(*given, **named)
        steps.take(f"after {name}")
        return made

    return called


def _watch_requests(steps: Steps) -> None:
    from components.indexes.qdrant.server import connect

    server = connect()
    server.client = _Client(server.client, steps)  # type: ignore[assignment]


@dataclass
class _Client:
    client: Any
    steps: Steps

    def __getattr__(self, name: str) -> Any:
        if name in WRITES:
            self.steps.take(name)
        return getattr(self.client, name)


def _watch_files(steps: Steps, folder: Path) -> None:
    inside, write, sync = f"{folder}/", os.write, os.fsync
    removals = itertools.count()

    def take(doing: str, path: str, here: Callable[[], object] = lambda: None) -> None:
        if path.startswith(inside) and not path.endswith(".lock"):
            steps.take(f"{doing} {path.removeprefix(inside)}", here)

    def heard(event: str, given: tuple[Any, ...]) -> None:
        if event == "open" and (isinstance(given[0], int) or not given[2] & _OPENED):
            return
        if event not in _CHANGES:
            return
        path = _place(event, given)
        removes = event in ("os.remove", "os.rmdir") and path.startswith(inside)
        if not removes or next(removals) % _REMOVALS == 0:
            take(event, path)

    def written(opened: int, data: bytes) -> int:
        take("half of a write", _opened(opened), lambda: write(opened, data[: len(data) // 2]))
        return write(opened, data)

    def synced(opened: int) -> None:
        take("fsync", _opened(opened))
        sync(opened)

    vars(os).update(write=written, fsync=synced)
    sys.addaudithook(heard)


def _place(event: str, given: tuple[Any, ...]) -> str:
    """The path that an event changes."""
    path, beside = given[0], {"os.remove": 1, "os.rmdir": 1, "os.mkdir": 2, "os.rename": 2}
    if isinstance(path, int):
        return _opened(path)
    at = given[beside[event]] if event in beside else -1
    folder = _opened(at) if isinstance(at, int) and at >= 0 else os.getcwd()
    return os.path.join(folder, os.fsdecode(path))


def _opened(descriptor: int) -> str:
    with suppress(OSError):
        return os.readlink(f"/proc/self/fd/{descriptor}")
    return ""
