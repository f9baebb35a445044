"""Where the report of an experiment is written, and under which names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from components.errors import UserError
from components.machine.system import FOR_NOW, FULL, telling, try_writing

REPORT = "report.html"
_LONGEST = 150
"""Bytes of a name; file systems allow 255, and something is put behind it."""


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
    """Where an experiment on a data set is written unless a person says where: schedules begin two
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
