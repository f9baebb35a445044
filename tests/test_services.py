"""The services of `docker-compose.yml`, up: each by its own command, well by its own check."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests import hosts
from tests.compare.data import beir
from tests.composed import GIVEN, Composed, composed, missing
from tests.corpora import HASHING, prose
from tests.flows import many
from tests.qdrant_http import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(hosts.forbidden()), reason=hosts.forbidden()),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]
WORKER = "prefect-worker"
ON_RAY = {**GIVEN, "MILLRACE_RAY_ADDRESS": "ray-head:6379"}
DOCUMENTS = 240
PLACED = """
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from components.splitters.sentences import Sentences

SHARED = Path("/srv/cache")


@dataclass(frozen=True, kw_only=True)
class Placed(Sentences):
    # Writes down where it is, takes its time, and waits while it is told to.

    def split(self, document, tokenizer):
        host = socket.gethostname()
        if host != "prefect-worker":  # which measures how long documents are
            with (SHARED / f"at-{host}").open("a") as places:
                places.write(f"{document.id}\\n")
            time.sleep(0.2)
            while (SHARED / "wait").exists():
                time.sleep(0.05)
        return super().split(document, tokenizer)
"""
"""A splitter beside the pipeline file, which every node must have."""
REFRESH = ("millrace", "refresh", "pipelines/sample.yaml", "--engine-only", "--json")
FOUR = ("--set=splitter.use=placed:Placed", "--set=engine.cpus=1", "--set=engine.actors=4")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    folder = tmp_path_factory.mktemp("composed")
    pipelines, documents = folder / "pipelines", folder / "documents"
    pipelines.mkdir()
    documents.mkdir()
    for number in range(DOCUMENTS):
        (documents / f"{number:03}.txt").write_text(prose(number))
    (pipelines / "placed.py").write_text(PLACED)
    source = {"use": "files", "path": "/srv/documents"}
    told = {**HASHING, "name": "sample", "source": source, "index": {"use": "qdrant"}}
    (pipelines / "sample.yaml").write_text(json.dumps(told))
    with composed(folder, ON_RAY) as services:
        services.up("postgres", "prefect-server", "qdrant", "ray-head", "ray-worker", WORKER)
        # The worker's node comes up by itself, after what its check asks for.
        wait_until(lambda: len(nodes(services)) == 3, 120)
        yield services


def nodes(up: Composed) -> list[dict[str, Any]]:
    """The nodes of the cluster that are alive, as one of its machines sees them."""
    code = (
        "import json, ray; ray.init('auto', logging_level='ERROR'); print(json.dumps(ray.nodes()))"
    )
    said = up.run("ray-head", "python", "-c", code).splitlines()[-1]
    return [each for each in json.loads(said) if each["Alive"]]


def placed(up: Composed) -> dict[str, int]:
    """How many documents were begun on each host."""
    files = (up.folder / "cache").glob("at-*")
    return {each.name.removeprefix("at-"): len(each.read_text().splitlines()) for each in files}


def report(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What a refresh ended in; all that it said is shown."""
    out = process.communicate()[0].decode()
    print(out)
    assert process.returncode == 0, out
    (line,) = [each for each in out.splitlines() if each.startswith("{")]
    found: dict[str, Any] = json.loads(line)
    return found


def test_all_of_them_are_well(up: Composed) -> None:
    assert [each for each in up.services if not up.is_well(each)] == []


def test_the_workers_node_computes_nothing(up: Composed) -> None:
    of = {each["NodeManagerHostname"]: each["Resources"].get("CPU", 0.0) for each in nodes(up)}
    assert of.pop(WORKER) == 0.0
    assert sorted(of) == ["ray-head", "ray-worker"]
    assert min(of.values()) > 0.0


def test_a_node_dies_and_another_joins(up: Composed) -> None:
    quiet = report(
        up.begin(WORKER, *REFRESH, "--set=engine.use=local", "--set=index.namespace=quiet")
    )
    wait = up.folder / "cache" / "wait"
    refresh = up.begin(WORKER, *REFRESH, *FOUR)
    wait_until(lambda: placed(up).get("ray-worker", 0) > 10, 120)
    wait.touch()
    up.kill("ray-worker")
    before = placed(up)["ray-worker"]
    up.start("ray-worker")
    wait_until(lambda: placed(up)["ray-worker"] > before, 180)
    wait.unlink()
    found = report(refresh)
    assert (found["added"], found["failed"]) == (DOCUMENTS, 0)
    assert (found["documents"], found["chunks"]) == (quiet["documents"], quiet["chunks"])
    print(f"begun on each host: {placed(up)}, of these on ray-worker before it died: {before}")
    again = report(up.begin(WORKER, *REFRESH, *FOUR))
    assert (again["unchanged"], again["added"]) == (DOCUMENTS, 0)


def test_an_embedded_index_is_written_by_the_worker(up: Composed) -> None:
    embedded = ("--set=index.use=qdrant_edge", "--set=index.path=.millrace")
    found = report(up.begin(WORKER, *REFRESH, *FOUR[1:], *embedded))
    assert found["added"] == DOCUMENTS
    assert (up.folder / "store" / "sample").is_dir()


def test_a_head_that_is_gone_is_told_and_comes_back(up: Composed) -> None:
    asked = (*REFRESH, *FOUR, "--set=index.namespace=headless")
    begun = sum(placed(up).values())
    refresh = up.begin(WORKER, *asked)
    wait_until(lambda: sum(placed(up).values()) > begun + 80, 120)
    up.kill("ray-head")
    said = refresh.communicate()[0].decode()
    print(said)
    assert refresh.returncode == 1
    assert "its head at ray-head:6379 does not answer" in said
    up.start("ray-head")
    up.wait("ray-head")
    up.kill("ray-worker")  # its command has ended, and an engine begins it again
    up.start("ray-worker")
    wait_until(lambda: len(nodes(up)) == 3, 180)
    found = report(up.begin(WORKER, *asked))
    assert found["added"] + found["unchanged"] == DOCUMENTS
    assert found["resumed"]


def test_a_schedule_and_a_comparison(up: Composed) -> None:
    up.run(WORKER, "prefect", "--no-prompt", "deploy", "--all")
    schedule = ("prefect", "deployment", "schedule", "create", "refresh/sample")
    up.run(WORKER, *schedule, "--cron", "* * * * *")
    wait_until(lambda: bool(completed(up)), 240)
    beir(up.folder / "documents" / "judged")
    compared = ("prefect", "deployment", "run", "compare/sample-windows", "--watch")
    asked = ("--param", "data=/srv/documents/judged")
    other = ("--param", 'overrides=["retriever.use=[dense, sparse]"]')
    print(up.run(WORKER, *compared, *asked, *other))
    assert list((up.folder / "store" / "compare" / "reports").glob("*/report.html"))
    assert [each for each in up.services if not up.is_well(each)] == []


def test_many_corpora_at_once(up: Composed) -> None:
    figures = many.refresh(up, 3)
    print(figures)
    assert (figures.completed, figures.locks, figures.errors) == (3, 0, 0)
    assert figures.at_once > 1


def completed(up: Composed) -> list[dict[str, Any]]:
    """Runs, as Prefect lists them."""
    listed = ("prefect", "flow-run", "ls", "--state-type", "COMPLETED", "--output", "json")
    found: list[dict[str, Any]] = json.loads(up.run(WORKER, *listed))
    return found
