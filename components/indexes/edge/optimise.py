"""Build the search graph of a shard, in a process of its own: `python -m … FOLDER`.

The engine holds Python's lock through the whole call, seconds to minutes, so in the refresh's own
process every heartbeat and every web request would stand still.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from components.errors import IndexFault
from components.indexes.edge.engine import LOCK, faults, opened
from components.indexes.edge.files import allocated, check_space
from components.lifetime import end_with


def optimise(folder: Path) -> None:
    """Optimise a closed shard. Raises IndexFault, DiskFull."""
    check_space(folder, needed=allocated(folder))
    _give_back()
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-P", "-m", __name__, str(folder), str(os.getpid())],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise IndexFault(f"the index could not be optimised: {done.stderr.strip()[-500:]}").at(
            where=str(folder), hint="the next refresh tries again from what is written"
        )


def _give_back() -> None:
    """Let the system have the memory that this process has freed: the C library keeps it, hundreds
    of megabytes after many batches of a model, and the graph takes as much.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # not every C library has it
            ctypes.CDLL(None).malloc_trim(0)


def _main(folder: Path, parent: int) -> None:
    end_with(parent)
    with opened(folder, folder.parent / LOCK) as shard, faults("not optimised", folder):
        shard.optimize()
        shard.flush()  # only now are the replaced segments removed


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
