"""`prefect.yaml`: deployed as it is, run by a worker of a process pool."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from filelock import FileLock

from tests.compare.data import beir, pipeline
from tests.corpora import HASHING, Corpus
from tests.flows.deployed import Deployed


def test_a_refresh_runs_on_a_worker(tmp_path: Path, deployed: Deployed) -> None:
    corpus = Corpus(tmp_path, {**HASHING, "name": "deployed"})
    corpus.fill(2)
    sample = deployed.made["sample"]
    assert sample["work_pool_name"] == "millrace"
    assert sample["parameters"]["pipeline"] == "pipelines/sample.yaml"
    (schedule,) = sample["schedules"]
    assert schedule["active"]
    deployed.server.prefect("deployment", "schedule", "pause", "refresh/sample", schedule["id"])
    assert sample["global_concurrency_limit"]["limit"] == 1
    assert sample["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"

    with FileLock(tmp_path / "store" / "deployed" / "writer.lock"):
        busy = deployed.run("sample", pipeline=str(corpus.file))
    assert (busy["state_type"], busy["state_name"]) == ("CANCELLED", "Busy")
    assert "Traceback" not in deployed.logs(busy)

    done = deployed.run("sample", pipeline=str(corpus.file))
    assert (done["state_type"], done["state_name"]) == ("COMPLETED", "Completed")
    release = corpus.job().corpus.live()
    assert release is not None
    assert done["name"] == f"deployed-{release.run_id}"
    assert len(deployed.server.artifacts(done)) == 5

    with pytest.raises(httpx.HTTPStatusError) as refused:
        deployed.run("sample", max_deletes=2)
    assert "2 is greater than the maximum of 1" in refused.value.response.text


@pytest.mark.slow
def test_what_is_wrong_is_said_on_the_page(deployed: Deployed) -> None:
    wrong = deployed.run("sample", pipeline="nowhere.yaml")
    assert (wrong["state_type"], wrong["state_name"]) == ("FAILED", "Failed")
    assert wrong["name"].startswith("nowhere-")
    assert wrong["state"]["message"].startswith("nowhere.yaml: no such pipeline file")
    assert "Traceback" not in deployed.logs(wrong)


@pytest.mark.slow
def test_a_comparison_runs_on_a_worker(tmp_path: Path, deployed: Deployed) -> None:
    beir(tmp_path / "data")
    compared = deployed.run(
        "sample-windows",
        pipelines=[str(pipeline(tmp_path, "base"))],
        data=str(tmp_path / "data"),
        overrides=["retriever.use=[dense, sparse]"],
        home=str(tmp_path / "home"),
    )
    assert (compared["state_type"], compared["state_name"]) == ("COMPLETED", "Completed")
    assert "base[retriever=sparse] is" in compared["state"]["message"]
    assert len(list((tmp_path / "home" / "reports").glob("*/report.html"))) == 1
