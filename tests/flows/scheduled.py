"""A schedule, watched: server, worker and a deployment whose cron fires every minute.

    python -m tests.flows.scheduled FOLDER [--port 4200] [--screenshot FILE.png]

FOLDER gets a small corpus and its index. A document is added once the first scheduled run is over;
the next one must encode that document and nothing else. Takes two to three minutes; everything
that was started is stopped again, the worker first.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.corpora import HASHING, Corpus, prose
from tests.flows.server import POOL, Server, server, worker

NAME = "handbook"


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=4200)
    parser.add_argument("--screenshot", type=Path)
    given = parser.parse_args()
    corpus = Corpus(given.folder.resolve(), {**HASHING, "name": NAME})
    corpus.fill(12, sentences=60)
    with (
        tempfile.TemporaryDirectory() as home,
        server(Path(home), given.port) as running,
        worker(running, Path(home) / "worker.log"),
    ):
        last = watch(running, corpus, Path(home))
        if given.screenshot:
            page = f"{running.url}/v2/deployments/deployment/{last['deployment_id']}"
            take(page, given.screenshot, Path(home))


def watch(running: Server, corpus: Corpus, home: Path) -> dict[str, Any]:
    """Two scheduled runs; between them a document is added. The second one."""
    file = home / "prefect.yaml"
    file.write_text(json.dumps({"deployments": [deployment(corpus.file)]}))  # JSON is YAML
    running.prefect("--no-prompt", "deploy", "--all", "--prefect-file", file)
    first = next_run(running, after=0)
    say(first)
    held = len(list(corpus.documents.iterdir()))
    corpus.add(f"added-as-number-{held}.txt", prose(held))
    second = next_run(running, after=1)
    say(second)
    counts = json.loads(running.artifacts(second)[f"{NAME}-counts"]["data"])
    (added,) = (row["value"] for row in counts if row["what"] == "documents added")
    if not (second["auto_scheduled"] and second["state_name"] == "Completed" and added == 1):
        raise SystemExit(f"the second scheduled run added {added}: {second['state']}")
    return second


def deployment(pipeline: Path) -> Mapping[str, Any]:
    """Every minute."""
    return {
        "name": NAME,
        "entrypoint": "flows/refresh.py:refresh",
        "parameters": {"pipeline": str(pipeline)},
        "schedules": [{"cron": "* * * * *", "timezone": "Etc/UTC", "slug": "every-minute"}],
        "work_pool": {"name": POOL},
    }


def next_run(running: Server, after: int) -> dict[str, Any]:
    """The first run to end besides the `after` that have ended already."""
    end = time.monotonic() + 180
    while time.monotonic() < end:
        ended = running.ended()
        if len(ended) > after:
            return ended[0]
        time.sleep(1)
    raise SystemExit("no scheduled run ended within three minutes")


def say(run: Mapping[str, Any]) -> None:
    """One line about a run."""
    due, name = run["expected_start_time"][:19], run["name"]
    print(f"{due}  {name}  {run['state_name']}  {run['state']['message']}", flush=True)


def take(page: str, file: Path, home: Path) -> None:
    """A picture of a page, by headless Chromium."""
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    size = ("--virtual-time-budget=15000", "--window-size=1400,760", f"--screenshot={file}")
    profile = f"--user-data-dir={home / 'chromium'}"
    command = ["chromium", *options, *size, profile, page]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main()
