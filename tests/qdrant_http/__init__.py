"""A stand-in for a Qdrant server: the REST routes that the adapter uses, over the local mode of
the client's own package, in a process of its own. It is not a Qdrant server: brute force, in
memory, no payload indexes, no quantisation. What must be true of a real one are `live` tests.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running(api_key: str = "") -> Iterator[str]:
    """A stand-in on a free port of the loopback: its address. Ended by its process id."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.qdrant_http", api_key], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), address
        yield address
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(condition: object, seconds: float = 20.0) -> None:
    """Poll a callable until it is true."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
