"""Build the search graph of a shard, in a process of its own.

The engine holds Python's lock through the whole call, seconds to minutes, so in the refresh's own
process every heartbeat and every web request would stand still. A small shard has no graph and is
done in less time than a process takes to start.
"""

from __future__ import annotations

import ctypes
import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from components.errors import MillraceError, StoreUnavailable
from components.indexes.edge.files import allocated, check_space
from components.indexes.edge.shards import faults, opened
from components.machine import child

_RAISED = 3
"""Exit code of a process that has sent the error that stopped it."""
_SMALL = 4 * 2**20
"""Bytes of vectors, of which the engine builds no graph."""


def optimise(folder: Path, vectors: int) -> None:
    """Optimise a closed shard that holds so many bytes of vectors at most, with what is deleted:
    that is gone through as well.

    Raises StoreUnavailable, IndexFault, DiskFull.
    """
    check_space(folder, needed=allocated(folder))
    if vectors <= _SMALL:
        _optimise(folder)
        return
    _give_back()
    done = subprocess.run(  # noqa: S603 - our own module
        child.command(__name__, str(folder)), capture_output=True
    )
    if done.returncode == _RAISED:
        raise pickle.loads(done.stdout)  # noqa: S301 - our own module's
    if done.returncode:  # by a signal, most likely for want of memory
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise StoreUnavailable(f"the index was not optimised, code {done.returncode}: {said}").at(
            where=str(folder), hint="the next refresh tries again from what is written"
        )


def _give_back() -> None:
    """Let the system have the memory that this process has freed: the C library keeps it, hundreds
    of megabytes after many batches of a model, and the graph takes as much.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # not every C library has it
            ctypes.CDLL(None).malloc_trim(0)


def _optimise(folder: Path) -> None:
    with opened(folder) as shard, faults("not optimised", folder):
        shard.optimize()
        shard.flush()  # only now are the replaced segments removed


def main(folder: str) -> None:
    """Optimise a closed shard; an error goes to the process that asked for it."""
    try:
        _optimise(Path(folder))
    except MillraceError as error:
        sys.stdout.buffer.write(pickle.dumps(error))
        sys.exit(_RAISED)
