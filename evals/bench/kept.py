"""Where every reading of a benchmark is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

RESULTS = Path(__file__).parent / "results"


def keep(found: Mapping[str, Any], file: Path | None, console: Console, name: str = "") -> None:
    """Write it, and say where: to `file`, or to one of the results, named by the time."""
    file = file or RESULTS / f"{name}{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1), encoding="utf-8")
    console.print(f"every reading is in {file}", markup=False, soft_wrap=True)
