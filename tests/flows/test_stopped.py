"""A flow that is stopped, on a temporary server, on one that is named, and under a worker."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import connect
from typing import Any
from uuid import uuid4

import psutil
import pytest
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger
from ruamel.yaml import YAML

from flows.orchestrator import _QUIET
from tests.cli import ROOT
from tests.cli.test_stopped import CODES, HINT, SAID, last
from tests.corpora import Corpus
from tests.faults.held import STEPS
from tests.faults.stopped import FOREVER, begun, goes_on, held, running
from tests.flows.deployed import Deployed
from tests.flows.server import Server
from tests.qdrant_http import wait_until

GOES_ON = "nothing to do, what was committed stays, the next run goes on from there"
CHEAP = (("write", signal.SIGTERM),)


def cases(steps: Sequence[str] = STEPS) -> list[object]:
    """Every signal at every step; a few of them are not slow."""
    found = itertools.product(steps, CODES)
    return [pytest.param(*each, marks=() if each in CHEAP else pytest.mark.slow) for each in found]


def alone(server: Server, home: Path) -> Mapping[str, str]:
    """The environment without that server, and with a copy of its database: one is slow to make."""
    home.mkdir()
    known = dict(server.environment)
    del known["PREFECT_API_URL"]
    there = Path(known["PREFECT_HOME"]) / "prefect.db"
    with closing(connect(there)) as filled, closing(connect(home / "prefect.db")) as copy:
        filled.backup(copy)
    return {**known, "PREFECT_HOME": str(home)}


def said(home: Path) -> list[tuple[str, str, str]]:
    """Type, name and message of the states that all runs of the corpora here are in."""
    asked = """
        select state.type, state.name, state.message
        from flow_run join flow_run_state as state on flow_run.state_id = state.id
        where flow_run.name like 'test-%'
    """
    with closing(connect(home / "prefect.db")) as database:
        return database.execute(asked).fetchall()


@pytest.mark.slow
@pytest.mark.parametrize(("at", "told"), cases(STEPS[1:]))
def test_a_temporary_server_ends_with_the_refresh(
    tmp_path: Path, prefect_server: Server, at: str, told: signal.Signals
) -> None:
    """Which is begun when the survey has found something to do."""
    corpus, temporary = held(tmp_path, at), tmp_path / "temporary"
    with running(
        "refresh",
        corpus.file,
        "--prefect",
        temporary=temporary,
        environment=alone(prefect_server, tmp_path / "home"),
        group=True,
    ) as refresh:
        refresh.await_file(tmp_path / "held")
        assert [each for each in refresh.others if "flows.temporary_server" in each.cmdline()]
        refresh.tell_group(told)  # as a terminal does
        done = refresh.end()
        assert (done.code, done.out, last(done)) == (CODES[told], "", SAID[told] + HINT)
        assert refresh.left() == []
    message = f"{SAID[told].removeprefix('millrace: ')}: {GOES_ON}"
    assert ("CRASHED", "Stopped", message) in said(tmp_path / "home")
    assert goes_on(corpus, temporary) == []


@pytest.mark.slow
def test_a_temporary_server_ends_with_a_refresh_that_is_killed(
    tmp_path: Path, prefect_server: Server
) -> None:
    corpus = held(tmp_path, "write")
    with running(
        "refresh",
        corpus.file,
        "--prefect",
        temporary=tmp_path / "temporary",
        environment=alone(prefect_server, tmp_path / "home"),
    ) as refresh:
        refresh.await_file(tmp_path / "held")
        assert [each for each in refresh.others if "flows.temporary_server" in each.cmdline()]
        refresh.process.kill()
        refresh.end()
        wait_until(lambda: not refresh.others, FOREVER)


@pytest.mark.parametrize(("at", "told"), cases())
def test_a_run_of_a_worker_says_what_it_was_stopped_by(
    tmp_path: Path, deployed: Deployed, at: str, told: signal.Signals
) -> None:
    corpus = held(tmp_path, at)
    made = deployed.begin("sample", pipeline=str(corpus.file))
    process = of_run(deployed, tmp_path / "held")
    process.send_signal(told)
    run = deployed.end(made)
    assert (run["state_type"], run["state_name"]) == ("CRASHED", "Stopped")
    assert run["state"]["message"] == f"{SAID[told].removeprefix('millrace: ')}: {GOES_ON}"
    assert "Traceback" not in deployed.logs(run)
    check_ended(deployed, process, corpus)


@pytest.mark.parametrize(
    "at",
    ["write", *(pytest.param(each, marks=pytest.mark.slow) for each in STEPS if each != "write")],
)
def test_a_run_that_is_cancelled_ends_in_order(tmp_path: Path, deployed: Deployed, at: str) -> None:
    corpus = held(tmp_path, at)
    made = deployed.begin("sample", pipeline=str(corpus.file))
    process = of_run(deployed, tmp_path / "held")
    deployed.server.ask(
        f"flow_runs/{made['id']}/set_state", state={"type": "CANCELLING", "name": "Cancelling"}
    )
    run = deployed.end(made)
    assert (run["state_type"], run["state_name"]) == ("CANCELLED", "Cancelled")
    assert run["state"]["message"] == f"cancelled: {GOES_ON}"
    assert "Traceback" not in deployed.logs(run)
    check_ended(deployed, process, corpus)


@pytest.mark.slow
def test_a_run_that_is_killed_shows_that_it_crashed(tmp_path: Path, deployed: Deployed) -> None:
    corpus = held(tmp_path, "write")
    made = deployed.begin("sample", pipeline=str(corpus.file))
    process = of_run(deployed, tmp_path / "held")
    process.kill()
    run = deployed.end(made)
    assert (run["state_type"], run["state_name"]) == ("CRASHED", "Crashed")
    wait_until(lambda: not processes(deployed), FOREVER)


BEAT = int(_QUIET["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])
"""Seconds between signs of life."""
CRASHED = ROOT / "infra" / "crashed.yaml"


def test_what_makes_killed_runs_crash_can_be_made() -> None:
    """Within two minutes, and with a sign of life and more to spare."""
    wanted = AutomationCore.model_validate(YAML(typ="safe").load(CRASHED))
    trigger, (action,) = wanted.trigger, wanted.actions
    assert isinstance(trigger, EventTrigger)
    assert isinstance(action, ChangeFlowRunState)
    assert 2 * BEAT < trigger.within.total_seconds() < 120
    assert action.state == StateType.CRASHED


@pytest.mark.parametrize(
    ("flow", "ours"),
    [
        ("refresh", True),
        ("compare", True),
        ("answers", True),
        ("doctor", True),
        ("theirs", False),
    ],
)
@pytest.mark.parametrize("kind", ["heartbeat", "Completed"])
def test_only_runs_of_ours_are_taken_for_crashed(kind: str, flow: str, ours: bool) -> None:
    """Others on the server may give their signs of life as seldom as they like."""
    from prefect.server.events.schemas import automations, events

    trigger = YAML(typ="safe").load(CRASHED)["trigger"]
    event = events.ReceivedEvent.model_validate(
        {
            "occurred": datetime.now(UTC),
            "event": f"prefect.flow-run.{kind}",
            "resource": {"prefect.resource.id": f"prefect.flow-run.{uuid4()}"},
            "related": [
                {
                    "prefect.resource.id": f"prefect.flow.{uuid4()}",
                    "prefect.resource.role": "flow",
                    "prefect.resource.name": flow,
                }
            ],
            "id": uuid4(),
        }
    )
    assert automations.EventTrigger.model_validate(trigger).covers(event) is ours


@pytest.mark.slow
def test_a_killed_run_that_nobody_reports_crashed(tmp_path: Path, prefect_server: Server) -> None:
    prefect_server.prefect("automation", "create", "--from-file", CRASHED)
    corpus = held(tmp_path, "write")
    with running(
        "refresh",
        corpus.file,
        temporary=tmp_path / "temporary",
        environment=prefect_server.environment,
    ) as refresh:
        refresh.await_file(tmp_path / "held")
        wait_until(lambda: beats(prefect_server), FOREVER)
        refresh.process.kill()
        refresh.end()

    def ended() -> list[dict[str, Any]]:
        runs = prefect_server.ended()
        return [each for each in runs if each["parameters"].get("pipeline") == str(corpus.file)]

    wait_until(ended, 2 * FOREVER)
    (run,) = ended()
    assert (run["state_type"], run["state_name"]) == ("CRASHED", "Crashed")
    assert "no sign of life" in run["state"]["message"]


def beats(server: Server) -> int:
    """Signs of life that the server has noted."""
    names = {"event": {"name": ["prefect.flow-run.heartbeat"]}}
    return int(server.ask("events/filter", filter=names)["total"])


def processes(of: Deployed) -> list[psutil.Process]:
    """What the worker has begun."""
    return [each for each in begun(of.temporary) if "worker" not in each.cmdline()]


def of_run(deployed: Deployed, held: Path) -> psutil.Process:
    """The process of a run that stands still."""
    wait_until(held.exists, FOREVER)
    (found,) = [each for each in processes(deployed) if "prefect.engine" in each.cmdline()]
    return found


def check_ended(deployed: Deployed, process: psutil.Process, corpus: Corpus) -> None:
    """Nothing is left, and the next refresh is right."""
    process.wait(FOREVER)
    wait_until(lambda: not processes(deployed), FOREVER)
    assert list(deployed.temporary.glob("millrace-*")) == []
    assert goes_on(corpus, deployed.temporary) == []
