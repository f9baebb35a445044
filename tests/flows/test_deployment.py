"""`prefect.yaml`: deployed as it is, run by a worker of a process pool."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from filelock import FileLock

from tests.compare.data import beir, pipeline
from tests.corpora import HASHING, Corpus
from tests.flows.server import Server, worker

pytestmark = pytest.mark.slow


def run(server: Server, deployment: str, **parameters: Any) -> dict[str, Any]:
    """A run of the deployment, once it has ended."""
    made = server.ask(f"deployments/{deployment}/create_flow_run", parameters=parameters)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for found in server.ended():
            if found["id"] == made["id"]:
                return found
        time.sleep(0.3)
    raise TimeoutError(made["name"])


def test_a_deployment_runs_on_a_worker(tmp_path: Path, prefect_server: Server) -> None:
    corpus = Corpus(tmp_path, {**HASHING, "name": "deployed"})
    corpus.fill(2)
    with worker(prefect_server, tmp_path / "worker.log"):
        prefect_server.prefect("--no-prompt", "deploy", "--all")
        made = {each["name"]: each for each in prefect_server.ask("deployments/filter")}
        sample, windows = made["sample"], made["sample-windows"]
        assert sample["work_pool_name"] == "millrace"
        assert sample["parameters"]["pipeline"] == "pipelines/sample.yaml"
        (schedule,) = sample["schedules"]
        assert schedule["active"]
        prefect_server.prefect("deployment", "schedule", "pause", "refresh/sample", schedule["id"])
        assert sample["global_concurrency_limit"]["limit"] == 1
        assert sample["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"

        with FileLock(tmp_path / "store" / "deployed" / "writer.lock"):
            busy = run(prefect_server, sample["id"], pipeline=str(corpus.file))
        assert (busy["state_type"], busy["state_name"]) == ("CANCELLED", "Busy")

        done = run(prefect_server, sample["id"], pipeline=str(corpus.file))
        assert (done["state_type"], done["state_name"]) == ("COMPLETED", "Completed")
        assert done["name"].startswith("deployed-")
        assert len(prefect_server.artifacts(done)) == 5

        beir(tmp_path / "data")
        compared = run(
            prefect_server,
            windows["id"],
            pipelines=[str(pipeline(tmp_path, "base"))],
            data=str(tmp_path / "data"),
            overrides=["retriever.use=[dense, sparse]"],
            home=str(tmp_path / "home"),
        )
        assert (compared["state_type"], compared["state_name"]) == ("COMPLETED", "Completed")
        assert "base[retriever=sparse] is" in compared["state"]["message"]
        assert len(list((tmp_path / "home" / "reports").glob("*/report.html"))) == 1

        wrong = run(prefect_server, sample["id"], pipeline="nowhere.yaml")
        assert (wrong["state_type"], wrong["state_name"]) == ("FAILED", "Failed")
        assert wrong["name"].startswith("nowhere-")
        assert wrong["state"]["message"].startswith("nowhere.yaml: no such pipeline file")

        with pytest.raises(httpx.HTTPStatusError) as refused:
            run(prefect_server, sample["id"], max_deletes=2)
        assert "2 is greater than the maximum of 1" in refused.value.response.text
    # The worker has sent all its logs once it has stopped.
    for each in (busy, wrong):
        assert "Traceback" not in prefect_server.logs(each)
    release = corpus.job().corpus.live()
    assert release is not None
    assert done["name"] == f"deployed-{release.run_id}"
