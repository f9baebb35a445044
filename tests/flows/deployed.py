"""`prefect.yaml`, deployed as it is, and a worker of its process pool."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.flows.server import Server, worker


@dataclass(frozen=True)
class Deployed:
    """The deployments of `prefect.yaml` by name, on a server with a worker that logs to a file."""

    server: Server
    made: Mapping[str, Any]
    temporary: Path
    """The worker's folder of temporary files, by which its processes are known."""

    def begin(self, name: str, **parameters: Any) -> dict[str, Any]:
        """A run of a deployment, which a worker will take."""
        asked = f"deployments/{self.made[name]['id']}/create_flow_run"
        made: dict[str, Any] = self.server.ask(asked, parameters=parameters)
        return made

    def end(self, made: Mapping[str, Any]) -> dict[str, Any]:
        """The run, once it has ended."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            for found in self.server.ended():
                if found["id"] == made["id"]:
                    return found
            time.sleep(0.3)
        raise TimeoutError(made["name"])

    def run(self, name: str, **parameters: Any) -> dict[str, Any]:
        """A run of a deployment, once it has ended."""
        return self.end(self.begin(name, **parameters))

    def logs(self, run: Mapping[str, Any]) -> str:
        """All that a run has logged: the worker sends the last of it a moment after its end."""
        found = ""
        for _ in range(100):
            found = self.server.logs(run)
            if run["state"]["message"] in found:
                break
            time.sleep(0.1)
        return found


@contextmanager
def deployed(server: Server, folder: Path) -> Iterator[Deployed]:
    """Deploy, and have a worker in that folder."""
    temporary = folder / "temporary"
    temporary.mkdir()
    own = {"TMPDIR": str(temporary), "MILLRACE_SHARD_CHARACTERS": "1000"}
    of = replace(server, environment={**server.environment, **own})
    with worker(of, folder / "worker.log"):
        server.prefect("--no-prompt", "deploy", "--all")
        found = server.ask("deployments/filter")
        yield Deployed(server, {each["name"]: each for each in found}, temporary)
