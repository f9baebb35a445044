"""`python -m tests.qdrant_http [API_KEY]`: prints its address, serves until it is ended."""

from __future__ import annotations

import socket
import sys
import warnings

import uvicorn

from tests.qdrant_http.app import application


def main(api_key: str) -> None:
    warnings.simplefilter("ignore")  # the local mode says that payload indexes do nothing
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(application(api_key), log_level="error", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
