"""What a comparison leaves: TREC files, JSON, a history, and a page for people."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.errors import UserError
from components.system import FOR_NOW, FULL, telling, try_writing
from evals.compare.outcome import Measured, Outcome
from evals.report.page import page
from evals.runs import write_judgements, write_run

REPORT = "report.html"
_HISTORY = "history"
_LONGEST = 150
"""Bytes of a name; file systems allow 255, and something is put behind it."""


def write(outcome: Outcome, out: Path, home: Path) -> None:
    """All files into `out`, and a line into the history of the data set in `home`. Raises as
    `writing` does.
    """
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        write_judgements(outcome.data.judgements, out / "qrels.txt")
        for each in outcome.systems:
            write_run(_run(each), out / f"{file_name(each.name)}.run", tag=file_name(each.name))
        remember(outcome, home)
        told = outcome.to_json()
        (out / "outcome.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
        (out / REPORT).write_text(page(outcome, points(outcome, home)), encoding="utf-8")


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Files of a report are written in here. Raises UserError where something is in their way, and
    as `telling` does.
    """
    try:
        with telling(out):
            yield
    except OSError as error:
        raise UserError(f"the report cannot be written: {error.strerror}").at(
            where=str(error.filename or out), hint="what was answered stays: run it again"
        ) from error


def ready(out: Path) -> Path:
    """The folder, there and open to be written. Raises UserError: before the work, not after it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        try_writing(out)
    except OSError as error:
        if error.errno in FULL | FOR_NOW:
            with telling(out):
                raise
        raise UserError(f"nothing can be written there: {error.strerror}").at(
            where=f"--out {out}"
        ) from error
    return out


def folder(outcome_of: str, home: Path) -> Path:
    """Where a comparison on a data set is written unless a person says where: schedules begin two
    in the same second, and each has its own.
    """
    return home / "reports" / f"{file_name(outcome_of)}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"


def file_name(name: str) -> str:
    """A system's or data set's name as a file's; two names never give one."""
    plain = re.sub(r"[^\w.,=\[\]-]+", "_", name)
    if plain == name and len(name.encode()) <= _LONGEST:
        return name
    short = plain.encode()[:_LONGEST].decode(errors="ignore")
    return f"{short}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def remember(outcome: Outcome, home: Path) -> None:
    """Add a line to the data set's history."""
    line = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "checksum": outcome.data.checksum,
        "scoped": outcome.scoped,
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
    same = (outcome.data.checksum, outcome.scoped)
    return [each for each in found if (each["checksum"], each["scoped"]) == same]


def points(outcome: Outcome, home: Path) -> dict[str, list[float | None]]:
    """The first metric over comparisons, by system of this one; None where it was not in one."""
    past, metric = history(outcome, home), outcome.metrics[0]
    return {each.name: [_value(run, each.name, metric) for run in past] for each in outcome.systems}


def _value(run: Mapping[str, Any], system: str, metric: str) -> float | None:
    found: float | None = run["systems"].get(system, {}).get("metrics", {}).get(metric)
    return found


def _history_file(outcome: Outcome, home: Path) -> Path:
    data = outcome.data
    return home / _HISTORY / f"{file_name(data.name)}-{file_name(data.split)}.jsonl"


def _run(measured: Measured) -> dict[str, dict[str, float]]:
    return {
        id: dict(zip(each.units, each.scores, strict=True))
        for id, each in measured.rankings.items()
    }
