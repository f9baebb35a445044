"""A refresh in a process of its own, watched from outside, and done with as one likes.

python -m tests.faults.refreshing PIPELINE [stage.option=value …]

It prints a line as each step begins and as each shard is committed, and how it ended.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.corpus import run
from components.corpus.promote import promote
from components.corpus.run import Steps
from components.corpus.seal import seal
from components.corpus.survey import survey
from components.corpus.write import Committed, write
from components.errors import MillraceError
from tests.faults.campaign import job

MARKS = ("survey", "write", "shard", "seal", "promote", "promoted")
"""What it prints, in this order; `shard` as often as there are some."""
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


@dataclass(frozen=True)
class _Said:
    """A step that says when it begins."""

    name: str
    step: Callable[..., Any]

    def __call__(self, *given: Any) -> Any:
        _say(self.name)
        return self.step(*given)


def _say(line: str) -> None:
    print(line, flush=True)


def _shard(done: Committed) -> None:
    _say("shard")


def _promote(*given: Any) -> bool:
    promoted = promote(*given)
    _say("promoted")
    return promoted


def _sleep_by_another_clock() -> None:
    """Of a process whose clock is set, sleeping fails: faketime takes its end for a faked time."""
    never = threading.Event()
    vars(time)["sleep"] = never.wait


def main() -> None:
    """The refresh."""
    if "FAKETIME_TIMESTAMP_FILE" in os.environ:
        _sleep_by_another_clock()
    steps = Steps(
        survey=_Said("survey", survey),
        write=_Said("write", write),
        seal=_Said("seal", seal),
        promote=_Said("promote", _promote),
    )
    wanted = job(sys.argv[1], sys.argv[2:])
    _say(_ENDED + ending(lambda: run.run(wanted, _shard, steps)).replace("\n", " "))


if __name__ == "__main__":
    main()
