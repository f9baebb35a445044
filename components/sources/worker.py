"""The process in which documents are parsed: what it is asked, it answers, one after another."""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from components.errors import BadDocument, MillraceError

_ORPHANED = 60
"""Seconds over its time after which a call that nobody has ended ends the process."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may take."""

    seconds: int
    bytes: int
    """Of memory, over what the process holds already. Linux counts them, other systems do not."""


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a module, and what it is called with."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    limits: Limits


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call."""

    value: Any = None
    error: MillraceError | None = None
    swollen: bool = False
    """It took more memory than it may. The process ends, with whatever it still holds."""


def main(channel: str) -> None:
    """Answer calls that come in through a file descriptor, until there are no more."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    _be_expendable()
    with Connection(int(channel)) as connection, suppress(EOFError, ConnectionError):
        connection.send(Answer())
        while True:
            answer = _answer(connection)
            _send(connection, answer)
            if answer.swollen:
                return


def _answer(connection: Connection) -> Answer:
    try:
        call: Call = connection.recv()
        with _limited(call.limits):
            return Answer(value=call.function(*call.arguments))
    except (EOFError, ConnectionError):
        raise
    except MillraceError as error:
        return Answer(error=error)
    except MemoryError:
        return Answer(swollen=True)
    except ImportError as error:  # of what is installed, which may be about to be replaced
        return Answer(error=_bad(error).passing())
    except Exception as error:  # whatever a parser raises is about the document
        return Answer(error=_bad(error))


def _send(connection: Connection, answer: Answer) -> None:
    try:
        connection.send(answer)
    except (EOFError, ConnectionError):
        raise
    except Exception as error:  # it cannot be pickled
        connection.send(Answer(error=_bad(error)))


def _bad(error: Exception) -> BadDocument:
    return BadDocument(f"{type(error).__name__}: {error}")


@contextmanager
def _limited(limits: Limits) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    before = [each for each in (soft, hard) if each != resource.RLIM_INFINITY]
    signal.alarm(limits.seconds + _ORPHANED)
    resource.setrlimit(resource.RLIMIT_DATA, (min([_held() + limits.bytes, *before]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        signal.alarm(0)


def _held() -> int:
    """Bytes that count against the limit now."""
    if sys.platform != "linux":
        return 0
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5])
    return pages * resource.getpagesize()


def _be_expendable() -> None:
    """Where memory runs out, the system is to end this process and not the refresh."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
