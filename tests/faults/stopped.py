"""A command in a process of its own that is told to stop, and what it leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

from components.machine.temporary import LOCK
from tests.cli import Outcome, clean
from tests.corpora import HASHING, Corpus
from tests.faults.campaign import differences
from tests.faults.held import NOWHERE
from tests.qdrant_http import wait_until

FOREVER = 120.0
"""Seconds after which a process is taken to hang."""


def held(folder: Path, at: str) -> Corpus:
    """A corpus of some shards; its refresh stands still at the step."""
    source = {"use": "tests.faults.held:Files", "path": "documents", "at": at}
    corpus = Corpus(folder, {**HASHING, "source": source})
    corpus.fill(8)
    return corpus


class Running:
    """The process. What it begins can be told by its folder for temporary files."""

    def __init__(
        self,
        *arguments: str | Path,
        temporary: Path,
        environment: Mapping[str, str] | None = None,
        group: bool = False,
        terminal: int = subprocess.PIPE,
    ) -> None:
        temporary.mkdir(exist_ok=True)
        self._temporary = temporary
        own = {"TMPDIR": str(temporary), "MILLRACE_SHARD_CHARACTERS": "1000"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *arguments],
            stdout=terminal,
            stderr=terminal,
            env=clean({**(environment or {}), **own}),
            start_new_session=group,
        )

    def await_file(self, file: Path) -> None:
        """Wait until it is there."""
        wait_until(lambda: file.exists() or self.process.poll() is not None, FOREVER)
        assert self.process.poll() is None, self.end()

    def tell(self, *signals: signal.Signals) -> None:
        for each in signals:
            self.process.send_signal(each)

    def tell_group(self, told: signal.Signals) -> None:
        os.killpg(self.process.pid, told)

    def end(self) -> Outcome:
        """How it ended. Its pipes are closed: nobody else holds them."""
        out, err = self.process.communicate(timeout=FOREVER)
        return Outcome(self.process.returncode, *((each or b"").decode() for each in (out, err)))

    @property
    def others(self) -> list[psutil.Process]:
        """Processes that came of it."""
        return [each for each in begun(self._temporary) if each.pid != self.process.pid]

    def left(self) -> list[str]:
        """Temporary folders and processes."""
        folders = [each.name for each in self._temporary.iterdir()]
        return folders + [" ".join(each.cmdline()) for each in self.others]


@contextmanager
def running(
    *arguments: str | Path,
    temporary: Path,
    environment: Mapping[str, str] | None = None,
    group: bool = False,
    terminal: int = subprocess.PIPE,
) -> Iterator[Running]:
    """The process, which does not outlive the test."""
    own = Running(
        *arguments, temporary=temporary, environment=environment, group=group, terminal=terminal
    )
    try:
        yield own
    finally:
        own.process.kill()
        own.process.wait()


def begun(temporary: Path) -> list[psutil.Process]:
    """Processes whose temporary files lie there."""
    found = []
    for each in psutil.process_iter():
        try:
            if each.environ().get("TMPDIR") == str(temporary):
                found.append(each)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def goes_on(corpus: Corpus, temporary: Path) -> list[str]:
    """What differs between the corpus after the next refresh and one that nobody disturbed."""
    on = (f"source.at={NOWHERE}",)
    corpus.refresh(on)
    undisturbed = (*on, f"index.path={corpus.folder / 'undisturbed'}")
    corpus.refresh(undisturbed)
    folders = [each.name for each in temporary.iterdir() if (each / LOCK).exists()]
    return [*folders, *differences(corpus.stored(on), corpus.stored(undisturbed))]
