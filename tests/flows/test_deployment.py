"""`prefect.yaml`: deployed as it is, run by a worker of a process pool."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from filelock import FileLock

from tests.compare.data import beir, pipeline
from tests.corpora import HASHING, Corpus
from tests.flows import crashes
from tests.flows.deployed import Deployed
from tests.flows.scheduled import deployment
from tests.flows.server import Server


def test_a_refresh_runs_on_a_worker(tmp_path: Path, deployed: Deployed) -> None:
    corpus = Corpus(tmp_path, {**HASHING, "name": "deployed"})
    corpus.fill(2)
    sample = deployed.made["sample"]
    assert sample["work_pool_name"] == "millrace"
    assert sample["parameters"]["pipeline"] == "pipelines/sample.yaml"
    (schedule,) = sample["schedules"]
    assert schedule["active"]
    place = f"deployments/{sample['id']}/schedules/{schedule['id']}"
    deployed.server.change(place, active=False)
    # A crash of the host would keep its only slot for ever: the corpus's own lock is enough.
    assert all(each["global_concurrency_limit"] is None for each in deployed.made.values())

    done = deployed.run("sample", pipeline=str(corpus.file))
    assert (done["state_type"], done["state_name"]) == ("COMPLETED", "Completed")
    release = corpus.job().corpus.live()
    assert release is not None
    assert done["name"] == f"deployed-{release.run_id}"
    assert len(deployed.server.artifacts(done)) == 6

    with pytest.raises(httpx.HTTPStatusError) as refused:
        deployed.run("sample", max_deletes=2)
    assert "2 is greater than the maximum of 1" in refused.value.response.text


@pytest.mark.slow
def test_a_doctor_runs_on_a_worker(tmp_path: Path, deployed: Deployed) -> None:
    corpus = Corpus(tmp_path, {**HASHING, "name": "looked-at"})
    corpus.fill(2)
    corpus.refresh()
    made = deployed.made["sample-doctor"]
    assert made["parameters"] == {"pipeline": "pipelines/sample.yaml"}
    done = deployed.run("sample-doctor", pipeline=str(corpus.file))
    assert (done["state_type"], done["state_name"]) == ("COMPLETED", "Completed")
    assert done["state"]["message"] == "all is well with 2 documents"


@pytest.mark.slow
def test_a_run_beside_another_is_busy(tmp_path: Path, deployed: Deployed) -> None:
    corpus = Corpus(tmp_path, {**HASHING, "name": "deployed"})
    corpus.fill(2)
    with FileLock(tmp_path / "store" / "deployed" / "writer.lock"):
        busy = deployed.run("sample", pipeline=str(corpus.file))
    assert (busy["state_type"], busy["state_name"]) == ("CANCELLED", "Busy")
    assert "Traceback" not in deployed.logs(busy)


@pytest.mark.slow
def test_what_is_wrong_is_said_on_the_page(deployed: Deployed) -> None:
    wrong = deployed.run("sample", pipeline="nowhere.yaml")
    assert (wrong["state_type"], wrong["state_name"]) == ("FAILED", "Failed")
    assert wrong["name"].startswith("nowhere-")
    assert wrong["state"]["message"].startswith("nowhere.yaml: no such pipeline file")
    assert "Traceback" not in deployed.logs(wrong)
    (told,) = deployed.server.artifacts(wrong).values()
    assert told["key"] == "nowhere-to-do"
    assert "Change the request" in told["data"]


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


@pytest.mark.slow
def test_a_limit_of_before_is_gone_once_it_is_deployed_again(
    tmp_path: Path, prefect_server: Server
) -> None:
    limited = {**deployment(tmp_path / "a.yaml"), "name": "limited", "schedules": []}
    for limit in ({"concurrency_limit": {"limit": 1, "collision_strategy": "CANCEL_NEW"}}, {}):
        file = tmp_path / "prefect.yaml"
        file.write_text(json.dumps({"deployments": [{**limited, **limit}]}))
        prefect_server.prefect("--no-prompt", "deploy", "--all", "--prefect-file", file)
        made = {each["name"]: each for each in prefect_server.ask("deployments/filter")}["limited"]
        assert bool(made["global_concurrency_limit"]) is bool(limit)


@pytest.mark.slow
def test_what_is_due_after_the_host_has_crashed_runs(tmp_path: Path) -> None:
    for each in crashes.rounds(tmp_path, 3, seed=7):
        assert (each.next["auto_scheduled"], each.next["state_name"]) == (True, "Completed")
        assert each.right
