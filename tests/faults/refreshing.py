"""A refresh in a process of its own, watched from outside, and done with as one likes.

python -m tests.faults.refreshing PIPELINE [stage.option=value …]

It prints a line as each step begins and as each shard is committed, and how it ended. A step of the
second pass is one "again".
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from components.corpus import run
from components.errors import MillraceError
from components.phases import Phase
from tests.faults.campaign import job

T = TypeVar("T")
MARKS = ("survey", "write", "shard", "seal", "promote", "promoted")
"""What it prints, in this order; `shard` as often as there are some."""
_MARKS = {
    "survey": "survey",
    "encode-and-write": "write",
    "check-and-optimise": "seal",
    "promote": "promote",
}
"""By phase."""
DONE = "done"
_ENDED = "ended "
_PATIENCE = 120.0
"""Seconds after which it is taken to hang."""


def ending(of: Callable[[], object]) -> str:
    """How a refresh ends: `done`, or its error's kind."""
    try:
        of()
    except MillraceError as error:
        return error.kind
    except Exception as error:
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    return DONE


class Refreshing:
    """The process, running."""

    def __init__(
        self, pipeline: Path, overrides: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        command = [sys.executable, "-m", "tests.faults.refreshing", str(pipeline), *overrides]
        with log.open("a") as errors:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, env=dict(environment), text=True
            )
        self._ending = ""
        self._hangs = threading.Timer(_PATIENCE, self.kill)
        self._hangs.start()

    def await_mark(self, mark: str) -> bool:
        """Wait until it prints this; False where it ends without."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = line.strip()
            if told.startswith(_ENDED):
                self._ending = told.removeprefix(_ENDED)
            if told == mark:
                return True
        return False

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def end(self) -> str:
        """Wait for it: as `ending`, or `signal 9`."""
        self.await_mark("")
        code = self._process.wait()
        self._hangs.cancel()
        return self._ending or f"signal {-code}"


def _say(line: str) -> None:
    print(line, flush=True)


def _saying(phase: Phase[T], /) -> T:
    """A runner that says how far it is."""
    if mark := _MARKS.get(phase.name):
        _say(f"{mark} again" if phase.of else mark)
    made = phase.work(lambda _: _say("shard"))
    if phase.name == "promote":
        _say("promoted")
    return made


def _sleep_by_another_clock() -> None:
    """Of a process whose clock is set, sleeping fails: faketime takes its end for a faked time."""
    never = threading.Event()
    vars(time)["sleep"] = never.wait


def main() -> None:
    """The refresh."""
    if "FAKETIME_TIMESTAMP_FILE" in os.environ:
        _sleep_by_another_clock()
    wanted = job(sys.argv[1], sys.argv[2:])
    _say(_ENDED + ending(lambda: run.run(wanted, _saying)).replace("\n", " "))


if __name__ == "__main__":
    main()
