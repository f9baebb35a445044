"""The stand-in as a command:  python -m tests.qdrant_http --host 127.0.0.1 --port 6333

It reads Qdrant's variable for the key, QDRANT__SERVICE__API_KEY.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn

from tests.qdrant_http.app import application
from tests.qdrant_http.options import Options


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6333)
    given = parser.parse_args()
    with TemporaryDirectory(prefix="qdrant-") as folder:
        key = os.environ.get("QDRANT__SERVICE__API_KEY", "")
        served = application(Options(folder=Path(folder), api_key=key))
        uvicorn.run(served, host=given.host, port=given.port, log_level="error", access_log=False)


if __name__ == "__main__":
    main()
