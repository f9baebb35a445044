"""Answers as a Prefect flow, and where a key may be seen: nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.answering.data import data
from tests.answering.test_paid import KEY, VARIABLE, about, chat, judging, right, verdict
from tests.cli import start
from tests.endpoint.server import Asked, Reply, chat_server
from tests.flows.server import Server

FAILS = "turns-Cam"


def echoing(asked: Asked) -> Reply:
    """A server that repeats the key wherever it may."""
    told = f"you came with {asked.headers['authorization']}"
    if asked.question.startswith("JUDGE"):
        return Reply(verdict("correct"))
    if about(asked) == FAILS:
        return Reply(told, status=500)
    return right(asked)


def files(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (each for each in folder.rglob("*") if each.is_file())


def test_a_run_is_a_flow_and_the_key_is_nowhere(tmp_path: Path, prefect_server: Server) -> None:
    data(tmp_path / "data")
    labels = tmp_path / "labels.yaml"
    asked = "question: How many?, gold: 12, question_id: q"
    labels.write_text(
        f"- {{label: correct, answer: It is 12., {asked}}}\n"
        f"- {{label: incorrect, answer: It is 13., {asked}}}\n"
    )
    with chat_server(echoing) as server:
        file = chat(tmp_path, server)
        done = start(
            *("answers", file, "--data", tmp_path / "data", "--setting", "shared"),
            *("--judge", judging(tmp_path, server), "--max-cost", "1"),
            *("--home", tmp_path / "home", "--out", tmp_path / "out", "--json", "--labels", labels),
            environment={**prefect_server.environment, VARIABLE: KEY},
        )
        assert any(KEY in each.headers["authorization"] for each in server.asked)
    assert done.code == 3, done.err
    run = prefect_server.ended()[0]
    assert run["state"]["name"] == "Some unmeasured"
    assert run["parameters"]["max_cost"] == 1
    shown = prefect_server.artifacts(run)
    rows = json.loads(shown["answers-data-shared-verdicts"]["data"])
    assert [(row["system"], row["correct"], row["failed"]) for row in rows] == [("chat", 15, 1)]
    assert json.loads(shown["answers-data-shared-losses"]["data"])[0]["failed"] == 1
    corrected = json.loads(shown["answers-data-shared-correct"]["data"])
    # A model that calls everything correct tells nothing apart, and corrects nothing by itself.
    assert [row["correct by"] for row in corrected] == ["rules", "rules and model"]
    told = next(each for each in done.json["systems"]["chat"]["questions"] if each["id"] == FAILS)
    assert "you came with" in told["error"]

    home = Path(prefect_server.environment["PREFECT_HOME"])
    everything = {each: each.read_bytes() for each in files(tmp_path, home)}
    assert len(everything) > 20
    assert any(FAILS.encode() in each for each in everything.values())
    said = f"{done.out}{done.err}{json.dumps(run)}{json.dumps(shown)}{prefect_server.logs(run)}"
    assert KEY not in said
    assert [each for each, held in everything.items() if KEY.encode() in held] == []


@pytest.mark.slow
def test_out_of_money_is_stopped_by_guard(tmp_path: Path, prefect_server: Server) -> None:
    data(tmp_path / "data")
    with chat_server(right) as server:
        done = start(
            *("answers", chat(tmp_path, server), "--data", tmp_path / "data"),
            *("--setting", "closed_book", "--max-cost", "0"),
            *("--home", tmp_path / "home", "--out", tmp_path / "out", "--json"),
            environment={**prefect_server.environment, VARIABLE: KEY},
        )
        assert server.asked == []
    assert done.code == 4, done.err
    assert "is spent" in done.json["error"]["message"]
    assert prefect_server.ended()[0]["state"]["name"] == "Stopped by guard"


@pytest.mark.slow
def test_a_report_that_cannot_be_written_is_no_success(
    tmp_path: Path, prefect_server: Server
) -> None:
    data(tmp_path / "data")
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    with chat_server(right) as server:
        done = start(
            *("answers", chat(tmp_path, server), "--data", tmp_path / "data"),
            *("--setting", "closed_book", "--home", tmp_path / "home"),
            *("--out", tmp_path / "out", "--json"),
            environment={**prefect_server.environment, VARIABLE: KEY},
        )
    assert done.code == 2, done.err
    assert "the report cannot be written" in done.json["error"]["message"]
    assert prefect_server.ended()[0]["state"]["name"] == "Failed"
