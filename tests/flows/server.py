"""A Prefect server and a worker of its own, started on loopback and stopped by process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.cli import ROOT, clean

POOL = "millrace"
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_STARTING = 120.0
"""Seconds that a start may take on a busy machine."""


@dataclass(frozen=True)
class Server:
    """A running server, and the environment in which commands find it."""

    url: str
    environment: Mapping[str, str]
    auth: httpx.BasicAuth | None
    pid: int

    def ask(self, path: str, **filters: Any) -> Any:
        """The answer to a POST; asked again while SQLite is busy, as Prefect's own client does."""
        for wait in (*[0.5] * 20, 0.0):
            answer = httpx.post(
                f"{self.url}/api/{path}", json=filters, auth=self.auth, trust_env=False, timeout=30
            )
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(wait)
        answer.raise_for_status()
        return answer.json()

    def change(self, path: str, **told: Any) -> None:
        """PATCH something."""
        asked = f"{self.url}/api/{path}"
        httpx.patch(asked, json=told, auth=self.auth, trust_env=False).raise_for_status()

    def ended(self) -> list[dict[str, Any]]:
        """Flow runs that are over, the newest first."""
        return self.runs(*ENDED)

    def runs(self, *states: str) -> list[dict[str, Any]]:
        """Flow runs in states of these types, those that ended last first."""
        found: list[dict[str, Any]] = self.ask(
            "flow_runs/filter",
            sort="END_TIME_DESC",
            flow_runs={"state": {"type": {"any_": list(states)}}},
        )
        return found

    def artifacts(self, run: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """A run's artifacts by key; those without a key are a task's results."""
        found = self.ask("artifacts/filter", flow_runs={"id": {"any_": [run["id"]]}})
        keyed = [each for each in found if each["key"]]
        assert len({each["key"] for each in keyed}) == len(keyed)
        return {each["key"]: each for each in keyed}

    def logs(self, run: Mapping[str, Any]) -> str:
        found = self.ask("logs/filter", logs={"flow_run_id": {"any_": [run["id"]]}})
        return "\n".join(each["message"] for each in found)

    def prefect(self, *arguments: str | Path) -> str:
        """What `prefect ARGUMENTS` says, run in the repository's root."""
        done = subprocess.run(
            [sys.executable, "-m", "prefect", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=dict(self.environment),
            timeout=_STARTING,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def server(
    home: Path,
    port: int | None = None,
    password: str = "",
    settings: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A server whose database and results lie in `home`; `password` is USER:PASSWORD, or none.
    `settings` are for it and for those who find it.
    """
    url = f"http://127.0.0.1:{port or free_port()}"
    environment = clean(
        {
            "PREFECT_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "PREFECT_SERVER_UI_API_URL": f"{url}/api",
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
            **(settings or {}),
        }
    )
    known: dict[str, str] = {"PREFECT_API_URL": f"{url}/api"}
    if password:
        environment["PREFECT_SERVER_API_AUTH_STRING"] = password
        known["PREFECT_API_AUTH_STRING"] = password
    command = ("server", "start", "--host", "127.0.0.1", "--port", url.rpartition(":")[2])
    with _running(command, environment, home / "server.log") as pid:
        _wait_for(lambda: _healthy(url))
        auth = httpx.BasicAuth(*password.split(":")) if password else None
        yield Server(url, {**environment, **known}, auth, pid)


@contextmanager
def worker(of: Server, log: Path) -> Iterator[int]:
    """A worker of the process pool, which it makes where it is not there: its process id."""
    command = ("worker", "start", "--pool", POOL, "--type", "process")
    quick = {**of.environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    with _running(command, quick, log) as pid:
        _wait_for(lambda: bool(of.ask(f"work_pools/{POOL}/workers/filter")))
        yield pid


@contextmanager
def _running(command: tuple[str, ...], environment: Mapping[str, str], log: Path) -> Iterator[int]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [sys.executable, "-m", "prefect", *command],
            stdout=out,
            stderr=out,
            cwd=ROOT,
            env=dict(environment),
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process.pid
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def _wait_for(ready: Any) -> None:
    end = time.monotonic() + _STARTING
    while time.monotonic() < end:
        try:
            if ready():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise TimeoutError("the Prefect server or its worker did not start")


def _healthy(url: str) -> bool:
    return httpx.get(f"{url}/api/health", trust_env=False).is_success


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
