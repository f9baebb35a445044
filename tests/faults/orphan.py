"""A refresh that is killed while its optimiser runs: `python -m tests.faults.orphan FOLDER`.

The optimiser is given the time to be still at work; its process id is printed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from components.indexes.edge import index, shards
from components.machine.child import end_with
from tests.corpora import Corpus


def parent(folder: Path) -> None:
    """Refresh; die as soon as the optimiser holds the index."""

    def killed(shard: Path, vectors: int) -> None:
        arguments = [sys.executable, "-m", "tests.faults.orphan", str(shard), str(os.getpid())]
        child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        child.stdout.readline()
        print(child.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

    vars(index)["optimise"] = killed
    Corpus(folder).refresh()


def child(shard: Path, of: int) -> None:
    """Hold the index as an optimiser does, for a minute."""
    end_with(of)
    with shards.opened(shard):
        print("open", flush=True)
        time.sleep(60)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        child(Path(sys.argv[1]), int(sys.argv[2]))
    parent(Path(sys.argv[1]))
