"""Processes that must not outlive the one that began them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.cli import ROOT, clean

_PATIENT = "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"
TIED = """
import subprocess, time
from components import child
other = subprocess.Popen(["sleep", "600"])
child.tie(other.pid)
print(other.pid, flush=True)
time.sleep(600)
"""
SERVING = """
import time
from flows import orchestrator
from prefect.server.api.server import SubprocessASGIServer
assert orchestrator.chosen(True)
print(SubprocessASGIServer().server_process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(TIED, id="any"),
        pytest.param(SERVING, id="a temporary Prefect server", marks=pytest.mark.slow),
    ],
)
def test_it_ends_with_a_program_that_is_killed(tmp_path: Path, program: str) -> None:
    begun = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env=clean({"PREFECT_HOME": str(tmp_path), _PATIENT: "240"}),
        cwd=ROOT,
    )
    assert begun.stdout is not None
    other = psutil.Process(int(begun.stdout.readline()))
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    _, alive = psutil.wait_procs([other], timeout=60)
    assert not alive
