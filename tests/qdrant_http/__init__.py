"""A stand-in for a Qdrant server: the REST routes that the adapter uses, over Qdrant's own engine,
in a process of its own. Filters, vectors, scores and payload indexes are the engine's; status
codes, texts, limits and strict mode are told as a server tells them. It has one node, one shard of
each collection, and does one request at a time. What must be true of a real one are `live` tests.
"""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.forked import FORKED

if TYPE_CHECKING:
    from tests.qdrant_http.options import Options


@contextmanager
def running(api_key: str = "", *, checked: bool = True, **options: Any) -> Iterator[str]:
    """A stand-in on a free port of the loopback: its address. Ended by its process id, with all
    that it holds. `options`: see `Options`. `checked`: no request may break Qdrant's description.
    """
    from tests.qdrant_http import schema
    from tests.qdrant_http.options import Options

    with TemporaryDirectory(prefix="qdrant-") as name:
        folder = Path(name)
        notes = folder / "requests" if checked and schema.DESCRIPTION.exists() else None
        wanted = Options(folder=folder, api_key=api_key, notes=notes, **options)
        process, started = start(wanted)
        try:
            address: str = started.recv()
            yield address
        finally:
            process.kill()
            process.join()
            started.close()
        if notes:
            schema.check(notes)


def start(
    options: Options, make: Callable[[Options], Any] | None = None
) -> tuple[BaseProcess, Connection]:
    """A server's process, and what tells its address; the server ends when that is closed. `make`:
    a module's function or class, of what is served in the application's place.
    """
    ours, theirs = FORKED.Pipe()
    process = FORKED.Process(target=_serve, args=(theirs, options, make), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _serve(started: Connection, options: Options, make: Callable[[Options], Any] | None) -> None:
    """Send the address; serve until killed, or until the one who started it is gone."""
    import asyncio

    import uvicorn

    from tests.qdrant_http.app import application

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = uvicorn.Config((make or application)(options), log_level="error", access_log=False)

    def abandoned() -> None:
        shutil.rmtree(options.folder, ignore_errors=True)
        os._exit(1)

    async def serve() -> None:
        asyncio.get_running_loop().add_reader(started.fileno(), abandoned)
        started.send(f"http://127.0.0.1:{listener.getsockname()[1]}")
        await uvicorn.Server(config).serve(sockets=[listener])

    asyncio.run(serve())


def wait_until(condition: object, seconds: float = 20.0) -> None:
    """Poll a callable until it is true."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
