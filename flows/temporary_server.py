"""A Prefect server for as long as this process lives, told of by nobody and left to nobody.

Prefect's own would be an orphan where this process is killed, and would end before this process,
which still has to report, where a terminal tells both to stop.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from components import child

if TYPE_CHECKING:
    import uvicorn

_NOT_STARTED = 3
"""The exit code by which Prefect knows that the port is taken."""
_APPLICATION = "prefect.server.api.server:create_app"


def start() -> None:
    """Start it, once. Prefect's clients find it. Raises RuntimeError, OSError, httpx.HTTPError."""
    from prefect.server.api.server import SubprocessASGIServer
    from prefect.settings import get_current_settings

    class Server(SubprocessASGIServer):
        """Prefect keeps the first one of this process, and asks for it by its own class."""

        def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
            own = {
                "PREFECT_UI_ENABLED": "0",
                "PREFECT__SERVER_EPHEMERAL": "1",
                "PREFECT__SERVER_FINAL": "1",
            }
            known = get_current_settings().to_environment_variables(exclude_unset=True)
            return subprocess.Popen(  # noqa: S603 - our own module
                child.command(__name__, str(self.port)),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env={**os.environ, **own, **known},
            )

        def stop(self) -> None:
            if self.server_process and self.server_process.stdin:
                self.server_process.stdin.close()
            super().stop()

    Server().start()


def main(port: str) -> None:
    """Serve until stdin is closed: signals are for the process that began this one."""
    import uvicorn

    config = uvicorn.Config(
        _APPLICATION,
        factory=True,
        host="127.0.0.1",
        port=int(port),
        log_level="error",
        lifespan="on",
    )
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    threading.Thread(target=_end, args=(server,), daemon=True).start()
    server.run()
    if not server.started:
        sys.exit(_NOT_STARTED)


def _end(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True
