"""Which machine this is."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

_MACHINE_ID = Path("/etc/machine-id")
_OF_CONTAINERS = (Path("/.dockerenv"), Path("/run/.containerenv"))
_TOLD = ("container", "KUBERNETES_SERVICE_HOST")
"""Variables that container engines set."""


def identity() -> str:
    """16 hex digits that stay the same from start to start and tell no more; empty where nothing
    does: a container is another machine each time, or two of one image look like one.
    """
    if any(each.exists() for each in _OF_CONTAINERS) or any(map(os.environ.get, _TOLD)):
        return ""
    try:
        own = _MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    if len(own) != 32:  # empty, or "uninitialized" until the first boot is over
        return ""
    return hashlib.sha256(f"millrace\0{own}\0{socket.gethostname()}".encode()).hexdigest()[:16]
