"""Paths by the names that people give them. A name may lead through links, and elsewhere tomorrow:
what is called by it stays the same.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def named(path: str | Path, base: Path | None = None) -> Path:
    """The absolute path, no link followed. `..` takes away the name before it, but not a link's:
    that leads to the folder around what is linked to.

    `base`: what it is relative to; by default the working folder. Raises ValueError for a character
    that no path can have.
    """
    whole = Path(path)
    if not whole.is_absolute():
        whole = (base or working_folder()) / whole
    if b"\0" in os.fsencode(whole):
        raise ValueError("embedded null byte")
    found = Path(whole.anchor)
    for part in whole.parts[1:]:
        leads_up = part == ".." and found.name != ".." and not os.path.islink(found)
        found = found.parent if leads_up else found / part
    return found


def working_folder() -> Path:
    """The working folder, by the name that it was entered by where the shell tells it."""
    told = os.environ.get("PWD", "")
    if os.path.isabs(told) and not {".", ".."} & set(told.split("/")):
        with suppress(OSError):
            if os.path.samefile(told, os.curdir):
                return Path(told)
    return Path.cwd()


def real(name: str) -> str:
    """Where an absolute path leads now; anything else is itself."""
    return os.path.realpath(name) if os.path.isabs(name) else name
