"""The fresh process of `proof`: whether it can open a shard, and read it through."""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from pathlib import Path

from components.errors import MillraceError
from components.indexes.edge import shards
from components.indexes.edge.proof import Found, held, lacking, size


def main(folder: str) -> None:
    """Look into a shard, and end with a `Found` for exit code."""
    sys.exit(_examine(Path(folder)))


def _examine(folder: Path) -> Found:
    if held(folder):
        return Found.HELD
    if lacking(size(folder)):
        return Found.LACKING
    with tempfile.TemporaryDirectory(prefix=".proof-", dir=folder.parent) as beside:
        if not _opens_one_made_in(Path(beside) / "shard"):
            return Found.NO_CONTROL
        if _opens(folder):
            return Found.OPENS
    # Asked again: others may have taken it meanwhile.
    return Found.LACKING if lacking(size(folder)) else Found.DAMAGED


def _opens_one_made_in(folder: Path) -> bool:
    try:
        shards.create(folder, 8, (), "none")
    except MillraceError:
        return False
    return _opens(folder)


def _opens(folder: Path) -> bool:
    try:
        with closing(shards.load(folder)) as shard:
            shards.read_through(shard, folder)
    except BaseException:
        return False
    return True
