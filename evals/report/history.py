"""Every comparison on a data set, one after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evals.compare.outcome import Outcome
from evals.report.files import file_name


def remember(outcome: Outcome, home: Path) -> None:
    """Add a line to the data set's history."""
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        **_asked(outcome),
        "systems": {
            each.name: {
                "fingerprint": each.fingerprint,
                "metrics": {name: found.mean for name, found in each.intervals.items()},
            }
            for each in outcome.systems
        },
    }
    file = _history_file(outcome, home)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")


def history(outcome: Outcome, home: Path) -> list[dict[str, Any]]:
    """Earlier comparisons on the same questions and this one, oldest first."""
    file = _history_file(outcome, home)
    if not file.exists():
        return []
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:  # torn by a kill
            continue
    asked = _asked(outcome)
    return [each for each in found if {name: each.get(name) for name in asked} == asked]


def points(outcome: Outcome, home: Path) -> dict[str, list[float | None]]:
    """The first metric over comparisons, by system of this one; None where it was not in one."""
    past, metric = history(outcome, home), outcome.metrics[0]
    return {each.name: [_value(run, each.name, metric) for run in past] for each in outcome.systems}


def _value(run: Mapping[str, Any], system: str, metric: str) -> float | None:
    found: float | None = run["systems"].get(system, {}).get("metrics", {}).get(metric)
    return found


def _asked(outcome: Outcome) -> dict[str, Any]:
    """What comparisons have in common whose values can be told beside each other."""
    part = outcome.data.part
    return {
        "checksum": outcome.data.checksum,
        "scoped": outcome.scoped,
        "part": asdict(part) if part else None,
    }


def _history_file(outcome: Outcome, home: Path) -> Path:
    data = outcome.data
    return home / "history" / f"{file_name(data.name)}-{file_name(data.split)}.jsonl"
