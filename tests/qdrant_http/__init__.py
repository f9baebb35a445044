"""A stand-in for a Qdrant server: the REST routes that the adapter uses, over the local mode of
the client's own package, in a process of its own. It is not a Qdrant server: brute force, in
memory, no payload indexes, no quantisation. What must be true of a real one are `live` tests.
"""

from __future__ import annotations

import multiprocessing
import socket
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

_FORKED = multiprocessing.get_context("forkserver")
# The client takes a second to load: once for all servers.
_FORKED.set_forkserver_preload(["__main__", "uvicorn", "tests.qdrant_http.app"])


@contextmanager
def running(
    api_key: str = "", *, strict: Mapping[str, Any] | None = None, max_body: int = 32 * 2**20
) -> Iterator[str]:
    """A stand-in on a free port of the loopback: its address. Ended by its process id.

    `strict`: fields of a `StrictModeConfig` that every collection has; `max_body`: bytes.
    """
    ours, theirs = _FORKED.Pipe(duplex=False)
    process = _FORKED.Process(
        target=_serve, args=(theirs, api_key, strict or {}, max_body), daemon=True
    )
    process.start()
    theirs.close()
    try:
        address: str = ours.recv()
        yield address
    finally:
        process.kill()
        process.join()
        ours.close()


def _serve(started: Connection, api_key: str, strict: Mapping[str, Any], max_body: int) -> None:
    """Send the address; serve until killed."""
    import uvicorn

    from tests.qdrant_http.app import application

    warnings.simplefilter("ignore")  # the local mode says that payload indexes do nothing
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    started.send(f"http://127.0.0.1:{listener.getsockname()[1]}")
    config = uvicorn.Config(
        application(api_key, strict, max_body), log_level="error", access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


def wait_until(condition: object, seconds: float = 20.0) -> None:
    """Poll a callable until it is true."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
