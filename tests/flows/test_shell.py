"""What a flow gets from the shell that it is put into, by one that does nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prefect import State, flow
from prefect.logging.handlers import APILogHandler
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_RESULTS_PERSIST_BY_DEFAULT,
    temporary_settings,
)
from prefect.states import Completed

from components.errors import Busy, GuardStopped
from components.phases import Done, Phase, Runner, within
from flows import ahead, shell, states
from flows.shell import Ended, carry_out, tasks
from tests.flows.server import Server

NAMED = "of {any} name"


@flow(name="polish")
def polish(times: int, failing: str = "", guarded: bool = False) -> State[Any]:
    return carry_out("polish", lambda: (times, failing, guarded), _polished)


def _polished(asked: tuple[int, str, bool], by: Runner) -> Ended:
    times, failing, guarded = asked
    by = tasks(by, lambda phase: f"polish-{phase.of}-progress")

    def work(tell: Any) -> int:
        for done in range(times):
            tell(Done(units=done + 1))
        return times

    def fail(_: Any) -> None:
        raise Busy(failing)

    made = [by(Phase(name="rub", of=NAMED, work=work, counts="stones", total=times))]
    made.append(by(Phase(name="look", work=lambda _: 7)))
    if failing:
        by(Phase(name="fail", work=fail))
    state: State[Any] = Completed(message="shines")
    return Ended(made, states.stopped(GuardStopped("enough")) if guarded else state)


@pytest.fixture
def server(prefect_server: Server) -> Iterator[Server]:
    environment = prefect_server.environment
    with temporary_settings(
        {
            PREFECT_API_URL: environment["PREFECT_API_URL"],
            PREFECT_API_AUTH_STRING: environment["PREFECT_API_AUTH_STRING"],
            PREFECT_RESULTS_PERSIST_BY_DEFAULT: True,
        }
    ):
        yield prefect_server
        APILogHandler().flush()


def tasks_of(server: Server, run: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The types and names of their states, by the tasks' names."""
    found = server.ask("task_runs/filter", flow_runs={"id": {"any_": [run["id"]]}})
    return {each["name"]: (each["state_type"], each["state"]["name"]) for each in found}


def test_phases_are_tasks_that_give_their_values(server: Server) -> None:
    """Also where Prefect keeps what tasks give, and gives it again to those that look alike."""
    told: list[int] = []
    made = shell.call(
        polish, {"times": 3}, (3, "", False), within(lambda done: told.append(done.units))
    )
    assert (made, told) == ([3, 7], [1, 2, 3])
    run = server.ended()[0]
    done = ("COMPLETED", "Completed")
    assert tasks_of(server, run) == {f"rub {NAMED}": done, "look": done}
    assert (run["state_name"], run["state"]["message"]) == ("Completed", "shines")
    shown = server.artifacts(run)
    assert shown["polish-of-any-name-progress"]["data"] == 100.0
    assert shown["polish-of-any-name-progress"]["description"] == f"Stones of {NAMED}"
    assert shown["polish-to-do"]["data"] == "Nothing to do\\.\n"


def test_an_error_of_ours_ends_task_and_run_in_one_line(server: Server) -> None:
    with pytest.raises(Busy, match="not now"):
        shell.call(polish, {"times": 1}, (1, "not now", False), within(lambda _: None))
    run = server.ended()[0]
    assert tasks_of(server, run)["fail"] == ("CANCELLED", "Busy")
    assert (run["state_type"], run["state_name"]) == ("CANCELLED", "Busy")
    assert run["state"]["message"] == "not now"
    APILogHandler().flush()
    logs = server.logs(run)
    assert "not now" in logs
    assert "Traceback" not in logs


def test_a_guard_may_leave_an_outcome(server: Server) -> None:
    made = shell.call(polish, {"times": 2}, (2, "", True), within(lambda _: None))
    assert made == [2, 7]
    assert server.ended()[0]["state_name"] == "Stopped by guard"


def test_without_a_command_the_form_is_planned(server: Server) -> None:
    assert polish(times=2, return_state=True).is_completed()
    assert server.ended()[0]["parameters"]["times"] == 2


def test_what_is_left_is_logged_where_nobody_watches(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_LONG", 0.0)
    assert polish(times=9, return_state=True).is_completed()
    APILogHandler().flush()
    assert f"{NAMED}: 3 stones to go, about 0 seconds" in server.logs(server.ended()[0])
