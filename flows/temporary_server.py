"""A Prefect server for as long as this process lives, told of by nobody and left to nobody.

Prefect's own would be an orphan where this process is killed, and would end before this process,
which still has to report, where a terminal tells both to stop.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.errors import MillraceError
from components.machine import child
from components.machine.system import telling, try_writing

if TYPE_CHECKING:
    import uvicorn
    from prefect.settings import Settings

_NOT_STARTED = 3
"""The exit code by which Prefect knows that the port is taken."""
_TRIES = 3
"""Each on another port. It ends by that code also where it can start on none."""
_IN_MEMORY = "sqlite://"
_WAIT = 0.1
"""Seconds."""
_APPLICATION = "prefect.server.api.server:create_app"


def start() -> None:
    """Start it, once. Prefect's clients find it. Raises RuntimeError, OSError, httpx.HTTPError; and
    MillraceError where its database cannot be written, of which it would tell nobody.
    """
    from prefect.server.api.server import SubprocessASGIServer
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    _check_database(settings)
    patience = settings.server.ephemeral.startup_timeout_seconds
    left = iter(range(_TRIES))

    class Server(SubprocessASGIServer):
        """Prefect keeps the first one of this process, and asks for it by its own class."""

        def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
            if next(left, None) is None:
                raise RuntimeError(f"it ended at each of {_TRIES} starts")
            own = {
                "PREFECT_UI_ENABLED": "0",
                "PREFECT__SERVER_EPHEMERAL": "1",
                "PREFECT__SERVER_FINAL": "1",
            }
            known = settings.to_environment_variables(exclude_unset=True)
            process = subprocess.Popen(  # noqa: S603 - our own module
                child.command(__name__, str(self.port)),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env={**os.environ, **own, **known},
            )
            _await(process, int(self.port or 0), patience)
            return process

        def stop(self) -> None:
            if self.server_process and self.server_process.stdin:
                self.server_process.stdin.close()
            super().stop()

    server = Server()
    try:
        server.start()
    except BaseException:
        server.stop()
        raise


def _check_database(settings: Settings) -> None:
    """Raises MillraceError where it is a file that cannot be written."""
    from sqlalchemy import make_url

    kept = settings.server.database.connection_url
    url = make_url(kept.get_secret_value() if kept else _IN_MEMORY)
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or not name or name.startswith((":memory:", "file:")):
        return
    file = Path(name)
    try:
        with telling(file.parent, last=True):
            file.parent.mkdir(parents=True, exist_ok=True)
            try_writing(file.parent)
            if file.exists():
                file.open("r+b").close()
    except MillraceError as error:
        raise error.at(hint="PREFECT_HOME can name another folder") from error.__cause__


def _await(process: subprocess.Popen[Any], port: int, patience: float) -> None:
    """Until it can be asked, or not any more. Raises RuntimeError where it ended for good: Prefect
    would ask it all the same, for as long as it has patience.
    """
    until = time.monotonic() + patience
    while (code := process.poll()) is None and time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), _WAIT):
            return
        time.sleep(_WAIT)
    if code not in (None, _NOT_STARTED):
        raise RuntimeError(f"it ended with exit code {code}")


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
    while os.read(0, 1):  # no buffer: Python could not take its lock from here when it ends
        pass
    server.should_exit = True
