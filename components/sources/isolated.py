"""Calls in a process of their own, where they may crash, hang or swell without harm.

The process is started at the first call, serves one call at a time, and is replaced when it dies.
A call that ends it is tried once more: the machine may have been busy, or the process spoilt by
what was parsed before.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from components.errors import BadDocument, SourceUnavailable
from components.machine import child
from components.sources import worker
from components.sources.worker import Answer, Call, Limits

_T = TypeVar("_T")
_TRIES = 2
_START = 120.0
"""Seconds that the process may take to start."""
_END = 60.0
"""Seconds that a process may take to end when nobody can talk to it any more."""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""So that a machine with many cores does not spend the memory allowed on their buffers."""


def call(limits: Limits, function: Callable[..., _T], *arguments: Any) -> _T:
    """What a function of a module gives for the arguments; all of it must be picklable.

    Raises what it raises, as BadDocument unless it is of our own kind; Deadly where it ended its
    process twice; SourceUnavailable where no process can be started.
    """
    value: _T = _PROCESSES.call(Call(function, arguments, limits))
    return value


class Deadly(BadDocument):
    """It ended the process that it was parsed in, twice."""


class _Ended(Exception):
    """The process ended in a call. Says why."""

    def __init__(self, reason: str, *, passing: bool = False) -> None:
        super().__init__(reason)
        self.passing = passing
        """Whether the machine may have been the reason, not the call."""


class _Process:
    """The process, running. Raises SourceUnavailable where it cannot be started."""

    def __init__(self) -> None:
        self._channel, theirs = _pipe()
        try:
            with theirs, _above_standard(theirs) as channel:
                self._process = _start(channel)
            self._await_start()
        except BaseException:
            self._channel.close()
            raise

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def ask(self, call: Call) -> Any:
        """Raises MillraceError, _Ended."""
        try:
            self._channel.send(call)
            if not self._channel.poll(call.limits.seconds):
                raise _Ended(f"parsing it takes longer than {call.limits.seconds} s")
            answer: Answer = self._channel.recv()
        except (EOFError, ConnectionError):
            raise self._ended(call.limits) from None
        if answer.swollen and _is_short(call.limits):
            raise _Ended("parsing it takes more memory than this machine allows", passing=True)
        if answer.swollen:
            raise _Ended(f"parsing it takes more than {call.limits.bytes:,} bytes of memory")
        if answer.error:
            raise answer.error
        return answer.value

    def end(self) -> None:
        """End it, whatever it does."""
        self._channel.close()
        self._process.kill()
        self._process.wait()

    def _await_start(self) -> None:
        try:
            started = self._channel.poll(_START) and self._channel.recv()
        except (EOFError, ConnectionError):
            started = None
        if not started:
            self.end()
            raise _no_process(f"it ends with {_told(self._process.returncode)}")

    def _ended(self, limits: Limits) -> _Ended:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END)
        self._process.kill()
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return _Ended(
                "the system ended its parser: is the machine short of memory?", passing=True
            )
        # What is not Python often crashes where it gets no more memory, and leaves no other trace.
        return _Ended(
            f"its parser crashes: {_told(code)}, {limits.bytes:,} bytes of memory allowed",
            passing=_is_short(limits),
        )


class _Processes:
    """The one process of this one, and whose turn it is."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process: _Process | None = None

    def call(self, call: Call) -> Any:
        """Raises MillraceError."""
        with self._turn:
            for left in reversed(range(_TRIES)):
                try:
                    return self._ask(call)
                except _Ended as error:
                    if not left:
                        raise _verdict(error) from None
        raise AssertionError

    def end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def forget(self) -> None:
        """After a fork: the process is the parent's."""
        self._turn = threading.Lock()
        self._process = None

    def _ask(self, call: Call) -> Any:
        if self._process is None or not self._process.runs:
            self.end()
            self._process = _Process()
        try:
            return self._process.ask(call)
        except BadDocument:
            raise  # an answer like another
        except BaseException:  # an answer may still be on its way
            self.end()
            raise


def _pipe() -> tuple[Connection, Connection]:
    try:
        return Pipe()
    except OSError as error:
        raise _no_process(str(error.strerror)) from error


@contextmanager
def _above_standard(channel: Connection) -> Iterator[int]:
    """A number for it that no standard stream has: where those are closed, it has one of theirs."""
    try:
        number = fcntl.fcntl(channel.fileno(), fcntl.F_DUPFD_CLOEXEC, 3)
    except OSError as error:
        raise _no_process(str(error.strerror)) from error
    try:
        yield number
    finally:
        os.close(number)


def _start(channel: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - our own module
            child.command(worker.__name__, str(channel)),
            pass_fds=[channel],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_ONE_THREAD},
        )
    except OSError as error:
        raise _no_process(str(error.strerror)) from error


def _no_process(reason: str) -> SourceUnavailable:
    return SourceUnavailable(f"the process that parses documents cannot be started: {reason}").at(
        where=sys.executable,
        hint="is this machine short of memory or processes? what was committed stays, run it again",
    )


def _verdict(error: _Ended) -> BadDocument:
    verdict = Deadly(str(error))
    return verdict.passing() if error.passing else verdict


def _is_short(limits: Limits) -> bool:
    """Whether this machine allows less memory than the call (`ulimit`)."""
    allowed = [resource.getrlimit(each)[0] for each in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return any(0 <= each < limits.bytes for each in allowed if each != resource.RLIM_INFINITY)


def _told(code: int) -> str:
    """A signal by its name."""
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"exit code {code}"


_PROCESSES = _Processes()
atexit.register(_PROCESSES.end)
os.register_at_fork(after_in_child=_PROCESSES.forget)
