"""What was found damaged, remembered beside it: nothing is copied from it.

A mark is about the bytes that were found. It means nothing any more when they are others: somebody
has put a good copy in their place.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path

from components.errors import Damaged, MillraceError
from components.indexes.edge.files import read_json, write_json
from components.indexes.manifest import now

MARK = "damaged.json"
"""Beside the shard's folder."""
_PIECE = 2**20
_EMPTY = bytes(_PIECE)
_log = logging.getLogger(__name__)


def damaged(message: str, folder: Path) -> Damaged:
    """The error for a generation's folder."""
    return Damaged(message).at(
        where=str(folder),
        hint="run the refresh again: it goes on from the generation before or, without one, takes "
        "everything from the source",
    )


def mark(folder: Path, reason: str) -> None:
    """Remember why a generation's folder is damaged, where that can be written."""
    try:
        if found(folder):
            return
        digest = _digest(folder / "shard")
        value = {"schema": 1, "reason": reason, "found_at": now(), "digest": digest}
        write_json(folder / MARK, value)
    except (MillraceError, OSError) as error:
        _log.warning("%s: that it is damaged cannot be remembered: %s", folder, error)


def found(folder: Path) -> bool:
    """Whether a generation's folder was found damaged, and is as it was found.

    Raises as `told` does where nobody can look: that says nothing about it.
    """
    try:
        held = read_json(folder / MARK)
    except Damaged:  # a mark that is torn is one
        return True
    if held is None:
        return False
    try:
        return held.get("digest") in (None, _digest(folder / "shard"))
    except OSError:  # no sign that it was mended
        return True


def _digest(folder: Path) -> str:
    """Of what its files hold. An empty part is passed over: where a file has holes may change when
    it is read, and most of a small shard is holes. Nor does the order of keys in JSON count: the
    engine writes them in any, whenever a shard is closed.
    """
    digest = hashlib.sha256()
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = os.path.join(place, name)
            digest.update(f"{os.path.relpath(file, folder)} {os.stat(file).st_size}".encode())
            with open(file, "rb") as opened:
                if name.endswith(".json"):
                    digest.update(_in_order(opened.read()))
                while piece := opened.read(_PIECE):
                    if piece != _EMPTY[: len(piece)]:
                        digest.update(f"{opened.tell()}".encode())
                        digest.update(piece)
    return digest.hexdigest()


def _in_order(held: bytes) -> bytes:
    """JSON with its keys in order; what is none, as it is."""
    try:
        return json.dumps(json.loads(held), sort_keys=True).encode()
    except ValueError:
        return held
