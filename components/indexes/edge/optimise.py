"""Build the search graph of a shard, in a process of its own: `python -m … FOLDER`.

The engine holds Python's lock through the whole call, seconds to minutes, so in the refresh's own
process every heartbeat and every web request would stand still.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from components.errors import IndexFault
from components.indexes.edge.files import allocated, check_space


def optimise(folder: Path) -> None:
    """Optimise a closed shard. Raises IndexFault, DiskFull."""
    check_space(folder, needed=allocated(folder))
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-P", "-m", __name__, str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        raise IndexFault(f"the index could not be optimised: {done.stderr.strip()[-500:]}").at(
            where=str(folder), hint="the next refresh tries again from what is written"
        )


def _main(folder: str) -> None:
    from qdrant_edge import EdgeShard

    shard = EdgeShard.load(folder)
    shard.optimize()
    shard.flush()  # only now are the replaced segments removed
    shard.close()


if __name__ == "__main__":
    _main(sys.argv[1])
