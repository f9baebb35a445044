"""What a comparison shows in the Prefect UI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.compare import compare
from tests.cli import call, start
from tests.compare.data import beir, held, pipeline, publish, served, without_corpus
from tests.flows.server import Server


def test_a_comparison_is_a_flow(tmp_path: Path, prefect_server: Server) -> None:
    beir(tmp_path / "data")
    base = pipeline(tmp_path, "base", retriever={"use": ["dense", "sparse"]})
    arguments = (
        base,
        "--sample",
        "8",
        "--data",
        tmp_path / "data",
        "--home",
        tmp_path / "home",
        "--json",
    )
    before = call("compare", *arguments, "--engine-only")
    assert before.code == 0, before.err
    # A server that is named needs no folder of Prefect's here.
    environment = {**prefect_server.environment, "PREFECT_HOME": "/proc/nowhere"}
    done = start("compare", *arguments, environment=environment)
    assert done.code == 0, done.err
    assert "nowhere" not in done.err
    run = prefect_server.ended()[0]
    assert run["state"]["name"] == "Completed"
    assert run["state"]["message"] == done.json["verdict"]
    assert "over 8 of 12 questions, drawn at random" in done.json["verdict"]
    assert run["parameters"]["sample"] == 8
    shown = prefect_server.artifacts(run)
    rows = json.loads(shown["compare-data-metrics"]["data"])
    assert [row["system"] for row in rows] == list(done.json["systems"])
    text = shown["compare-data-verdict"]["data"]
    # The differences, and what became of the metric since the run before.
    assert text.count("data:image/svg+xml;base64,") == 2


@pytest.mark.slow
def test_what_is_live_is_measured_and_not_built(tmp_path: Path, prefect_server: Server) -> None:
    alone = without_corpus(beir(tmp_path / "data"))
    file = served(tmp_path)
    publish(file)
    candidate = held(file, ["encoder.width=32"])
    arguments = ("--live", file, "--candidate", candidate, "--data", alone)
    done = start(
        "compare",
        *arguments,
        *("--home", tmp_path / "home", "--json"),
        environment=prefect_server.environment,
    )
    assert done.code == 0, done.err
    run = prefect_server.ended()[0]
    assert run["parameters"]["live"] == str(file)
    assert run["parameters"]["candidates"] == [candidate]
    rows = json.loads(prefect_server.artifacts(run)["compare-data-alone-metrics"]["data"])
    assert [row["system"] for row in rows] == list(done.json["systems"])
    assert "building" not in done.err


def test_the_parameters_are_checked_as_the_commands_are() -> None:
    assert compare.parameters.required == ["data"]
    state = compare.fn(data="sample", pipelines=("a.yaml",), live="b.yaml")
    assert state.is_failed()
    assert "--live takes no other pipelines" in str(state.message)
