"""What a stand-in is like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NO_SCANS = {"enabled": True, "unindexed_filtering_update": False}
"""No change may read every point, which tests of a few points would not show."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Of one server. The defaults are those of Qdrant, but for strict mode."""

    folder: Path
    """Where its collections lie."""
    api_key: str = ""
    read_only_key: str = ""
    version: str = "1.19.0"
    """What it says that it is; nothing: it does not say. Newer fields of a body are ignored."""
    strict: Mapping[str, Any] = field(default_factory=lambda: NO_SCANS)
    """Fields of a `StrictModeConfig` that every collection begins with."""
    optimizers: Mapping[str, Any] = field(default_factory=dict)
    """Fields of an `OptimizersConfigDiff` for all collections that do not have their own."""
    statuses: tuple[str, ...] = ("green",)
    """Of a collection, one for each time that it is looked at, and the last from then on."""
    max_body: int = 32 * 2**20
    notes: Path | None = None
    """Where requests are noted, to be checked."""

    def knows(self, *version: int) -> bool:
        """Whether the server is of that version or a later one. One that does not say is new."""
        own = tuple(map(int, re.findall(r"\d+", self.version)))
        return not own or own >= version
