"""A stand-in for a Qdrant server: the REST routes that the adapter uses, over the local mode of
the client's own package, in a process of its own. It is not a Qdrant server: brute force, in
memory, no payload indexes, no quantisation. What must be true of a real one are `live` tests.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

_FORKED = multiprocessing.get_context("forkserver")
# The client takes a second to load: once for all servers.
_FORKED.set_forkserver_preload(["__main__", "uvicorn", "tests.qdrant_http.app"])


@contextmanager
def running(api_key: str = "") -> Iterator[str]:
    """A stand-in on a free port of the loopback: its address. Ended by its process id."""
    ours, theirs = _FORKED.Pipe(duplex=False)
    process = _FORKED.Process(target=_serve, args=(theirs, api_key), daemon=True)
    process.start()
    theirs.close()
    try:
        address: str = ours.recv()
        yield address
    finally:
        process.kill()
        process.join()
        ours.close()


def _serve(started: Connection, api_key: str) -> None:
    """Send the address; serve until killed, or left alone."""
    import uvicorn

    threading.Thread(target=_end_with_parent, daemon=True).start()

    from tests.qdrant_http.app import application

    warnings.simplefilter("ignore")  # the local mode says that payload indexes do nothing
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    started.send(f"http://127.0.0.1:{listener.getsockname()[1]}")
    config = uvicorn.Config(application(api_key), log_level="error", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


def _end_with_parent() -> None:
    """Whoever began it, not the server of forks; that one ends when nobody is left."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)


def wait_until(condition: object, seconds: float = 20.0) -> None:
    """Poll a callable until it is true."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
