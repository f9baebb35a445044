"""Many corpora refreshed at once under one Prefect server, and what the server made of it.

    python -m tests.flows.many FOLDER [--corpora 20]

Server, worker and Postgres are those of `docker-compose.yml`, started without an engine
(`tests/composed.py`); that takes root. Prints the figures; exit code 1 where a run did not complete
or where somebody complained of a lock.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

from tests.composed import GIVEN, Composed, composed
from tests.corpora import HASHING, prose

WORKER = "prefect-worker"
_LOGS = ("postgres", "prefect-server", WORKER)
_LOCK = re.compile(r"database is locked|deadlock|could not serialize|lock timeout", re.IGNORECASE)
_RUN_ALL = """
import json, os, sys, time, httpx
auth = tuple(os.environ["PREFECT_API_AUTH_STRING"].split(":"))
client = httpx.Client(base_url=os.environ["PREFECT_API_URL"], auth=auth, timeout=120)

def asked(path, **body):
    answer = client.post(path, json=body)
    answer.raise_for_status()
    return answer.json()

deployments = asked("/deployments/filter", deployments={"tags": {"all_": ["many"]}})
made = [asked(f"/deployments/{each['id']}/create_flow_run")["id"] for each in deployments]
ended = []
while len(ended) < len(made):
    time.sleep(1)
    runs = asked("/flow_runs/filter", flow_runs={"id": {"any_": made}})
    ended = [each for each in runs if each["end_time"]]
print(json.dumps([[each["state_name"], each["start_time"], each["end_time"]] for each in ended]))
"""


@dataclass(frozen=True)
class Figures:
    """What came of it."""

    corpora: int
    completed: int
    seconds: float
    """From the start of the first run to the end of the last."""
    at_once: int
    """Runs that were under way together, at most."""
    locks: int
    """Lines of all logs that complain of a lock."""
    errors: int
    """Lines of the database's log that are errors."""


def refresh(up: Composed, corpora: int) -> Figures:
    """Refresh so many new corpora, each by a deployment of its own, all at once."""
    written = [_deployment(up, f"corpus-{number}") for number in range(corpora)]
    # JSON is YAML.
    (up.folder / "pipelines" / "many.yaml").write_text(json.dumps({"deployments": written}))
    deploy = ("prefect", "--no-prompt", "deploy", "--all", "--prefect-file", "pipelines/many.yaml")
    up.run(WORKER, *deploy)
    runs = json.loads(up.run(WORKER, "python", "-c", _RUN_ALL).splitlines()[-1])
    times = [tuple(map(datetime.fromisoformat, run[1:])) for run in runs]
    logs = {name: up.log(name).read_text().splitlines() for name in _LOGS}
    return Figures(
        corpora=corpora,
        completed=sum(run[0] == "Completed" for run in runs),
        seconds=(max(end for _, end in times) - min(start for start, _ in times)).total_seconds(),
        at_once=_at_once(times),
        locks=sum(bool(_LOCK.search(line)) for lines in logs.values() for line in lines),
        errors=sum(" ERROR: " in line or " FATAL: " in line for line in logs["postgres"]),
    )


def _deployment(up: Composed, name: str) -> Mapping[str, Any]:
    documents = up.folder / "documents" / name
    documents.mkdir()
    for number in range(5):
        (documents / f"{number}.txt").write_text(prose(number))
    source = {"use": "files", "path": f"/srv/documents/{name}"}
    told = {**HASHING, "name": name, "source": source, "index": {"use": "qdrant"}}
    (up.folder / "pipelines" / f"{name}.yaml").write_text(json.dumps(told))
    return {
        "name": name,
        "tags": ["many"],
        "entrypoint": "flows/refresh.py:refresh",
        "parameters": {"pipeline": f"pipelines/{name}.yaml"},
        "work_pool": {"name": "millrace"},
    }


def _at_once(times: Sequence[tuple[datetime, ...]]) -> int:
    events = sorted([(start, 1) for start, _ in times] + [(end, -1) for _, end in times])
    return max(accumulate(change for _, change in events))


def main() -> None:
    """The script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--corpora", type=int, default=20)
    given = parser.parse_args()
    folder = given.folder.resolve()
    for name in ("pipelines", "documents"):
        (folder / name).mkdir(parents=True)
    with composed(folder, GIVEN) as up:
        up.up("postgres", "prefect-server", "qdrant", WORKER)
        figures = refresh(up, given.corpora)
    print(json.dumps(asdict(figures)))
    sys.exit(figures.completed < figures.corpora or figures.locks + figures.errors > 0)


if __name__ == "__main__":
    main()
