"""Files of JSON lines, one object each, read as a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.errors import SourceMissing
from evals.datasets.judged import BadData


def rows(file: Path) -> Iterator[dict[str, Any]]:
    """The objects, blank lines passed over. Raises SourceMissing, and BadData for another line."""
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _row(line, f"{file} line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceMissing(f"cannot be read: {error}").at(where=str(file)) from error


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadData(f"not JSON: {error}").at(where=where) from error
    if not isinstance(row, dict):
        raise BadData("not a JSON object").at(where=where)
    return row
