"""The command line, in this process and in one of its own."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.cli import cli
from flows.commands import register
from flows.failures import guarded

ROOT = Path(__file__).resolve().parent.parent.parent
_LOGGERS = ("components", "evals", "flows", "infra")


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object, on one line, that stdout holds."""
        assert self.out.endswith("\n")
        assert self.out.count("\n") == 1
        found = json.loads(self.out)
        assert isinstance(found, dict)
        assert found["schema"] in (1, 2)
        return found

    @property
    def message(self) -> str:
        """The one line that stderr holds, of a command that was refused."""
        assert self.err.startswith("millrace: ")
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1
        assert "Traceback" not in self.err
        return self.err.removeprefix("millrace: ").strip()


def call(*arguments: str | Path) -> Outcome:
    """Run a command in this process, neither stream being a terminal."""
    register(cli)
    out, err = _stream(), _stream()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    kept = [(list(each.handlers), each.propagate) for each in loggers]
    for each in loggers:
        each.handlers.clear()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = guarded(cli, [str(each) for each in arguments])
    finally:
        for each, (handlers, propagate) in zip(loggers, kept, strict=True):
            each.handlers[:], each.propagate = handlers, propagate
    return Outcome(code, _text(out), _text(err))


def start(
    *arguments: str | Path | bytes,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Outcome:
    """Run a command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        capture_output=True,
        check=False,
        cwd=folder,
        env=clean(environment),
        timeout=120,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


def clean(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would steer Millrace or Prefect."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MILLRACE_", "PREFECT_", "COLUMNS"))
    }
    path = os.pathsep.join(filter(None, (str(ROOT), own.get("PYTHONPATH", ""))))
    return {**own, "PYTHONPATH": path, **(extra or {})}


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
