"""Whether a person has to do something, in one line."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from prefect.logging import disable_run_logger
from prefect.settings import PREFECT_API_URL, temporary_settings

import flows.answers
import flows.compare
import flows.doctor
import flows.refresh
from components import errors
from components.corpus.report import Report
from components.corpus.survey import Failed, Survey
from components.errors import MillraceError
from components.indexes.manifest import Totals
from flows import states, todo
from infra.stopping import Stopped


def report(*failed: str, totals: Totals | None = None) -> Report:
    return Report(
        pipeline="a",
        run_id="r",
        fingerprint="f",
        generation="0001-f",
        failures=tuple(Failed(id=each, reason="empty") for each in failed),
        totals=totals or Totals(documents=9),
    )


@pytest.mark.parametrize(
    ("failed", "before", "gaps", "told"),
    [
        ((), (), (), "Nothing to do."),
        ((), ("a.md",), (), "Nothing to do."),
        (("a.md",), (), (), "Look at a-failures: 1 document newly failed."),
        (("a.md", "b.md"), ("b.md",), (), "Look at a-failures: 1 document newly failed."),
        (
            ("a.md", "b.md"),
            ("b.md", "a.md"),
            (),
            "Nothing new to do: 2 documents failed as before, see a-failures.",
        ),
        (
            ("a.md", "old/"),
            ("a.md",),
            ("old/",),
            "Look at a-failures: 1 part of the source could not be listed.",
        ),
        (
            ("a.md", "b.md", "old/", "new/"),
            (),
            ("old/", "new/"),
            "Look at a-failures: 2 parts of the source could not be listed, 2 documents newly "
            "failed.",
        ),
    ],
)
def test_only_what_is_new_asks_for_somebody(
    failed: tuple[str, ...], before: tuple[str, ...], gaps: tuple[str, ...], told: str
) -> None:
    found = Survey(plan_file="", failed_before=before)
    unlisted = tuple(Failed(id=each, reason="unreadable") for each in gaps)
    assert todo.of_report(found, replace(report(*failed), gaps=unlisted)) == told


def every(kind: type[MillraceError]) -> Iterator[type[MillraceError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from every(each)


@pytest.mark.parametrize("kind", [*every(MillraceError)])
def test_every_error_says_who_has_to_do_something(kind: type[MillraceError]) -> None:
    told = todo.of_error(kind("no luck").at(where="here", hint="turn it off and on"))
    state = states.stopped(kind("no luck"))
    assert state.name in todo.BY_STATE
    nobody = issubclass(kind, errors.Busy | errors.TakenOver | errors.Unavailable)
    assert told.startswith("Nothing to do") is nobody
    assert ("turn it off and on" in told) is not nobody
    assert "\n" not in told


def test_what_a_refusal_asks_for_is_said() -> None:
    error = errors.ForeignCorpus("another source").at(hint="take it over with --adopt")
    assert todo.of_error(error) == "Change the request: take it over with --adopt"
    assert todo.of_error(errors.GuardStopped("2 of 3 gone")) == "Decide: 2 of 3 gone"


@pytest.mark.parametrize(
    ("failed", "held", "stale", "many", "name"),
    [
        (0, 9, 0, 0.0, "Completed"),
        (1, 9, 0, 0.1, "Some failed"),
        (1, 9, 0, 0.09, "Many failed"),
        (1, 10, 1, 0.1, "Some failed"),
        (1, 0, 0, 0.99, "Many failed"),
        (1, 0, 0, 1.0, "Some failed"),
    ],
)
def test_a_share_of_failed_documents_is_a_state(
    failed: int, held: int, stale: int, many: float, name: str
) -> None:
    made = report(*map(str, range(failed)), totals=Totals(documents=held, stale=stale))
    state = states.ended(made, many)
    assert (state.name, state.is_completed()) == (name, True)
    assert name in todo.BY_STATE


FLOWS = pytest.mark.parametrize(
    ("flow", "first", "given", "key"),
    [
        (flows.refresh.refresh, "flows.run_log.shown", {"pipeline": "b/a.yaml"}, "a"),
        (flows.compare.compare, "flows.compare.request.read", {"data": "b/a"}, "compare-a"),
        (
            flows.answers.answers,
            "flows.answers.planning.plan",
            {"data": "b/a", "pipelines": ("a",)},
            "answers-a",
        ),
        (flows.doctor.doctor, "flows.run_log.shown", {"pipeline": "b/a.yaml"}, "doctor-a"),
    ],
)


@FLOWS
def test_a_fault_is_told_and_stays_one(
    monkeypatch: pytest.MonkeyPatch, flow: Any, first: str, given: dict[str, Any], key: str
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    shown: list[tuple[str, str]] = []
    monkeypatch.setattr(first, failing)
    monkeypatch.setattr(todo, "show", lambda *told: shown.append(told))
    with pytest.raises(ZeroDivisionError):
        flow.fn(**given)
    assert shown == [(key, todo.FAULT)]


@pytest.mark.parametrize(
    ("cancelling", "name", "told"),
    [
        (True, "Cancelled", [todo.BY_STATE["Cancelled"]]),
        (False, "Stopped", [todo.BY_STATE["Stopped"]]),
        (None, "Stopped", []),
    ],
    ids=["cancelled", "stopped", "no answer"],
)
@FLOWS
def test_a_run_that_is_stopped_says_that_there_is_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch,
    flow: Any,
    first: str,
    given: dict[str, Any],
    key: str,
    cancelling: bool | None,
    name: str,
    told: list[str],
) -> None:
    """But to a server that does not answer, which is asked once."""

    def stop(*_: object, **__: object) -> None:
        raise Stopped(signal.SIGTERM)

    shown: list[tuple[str, str]] = []
    monkeypatch.setattr(first, stop)
    monkeypatch.setattr(states, "_is_cancelling", lambda: cancelling)
    monkeypatch.setattr(todo, "show", lambda *told: shown.append(told))
    monkeypatch.setenv("PREFECT__RUNTIME__FLOW_RUN__NAME", "a-r1")
    monkeypatch.setattr(flows.refresh, "_run_id", lambda: "r1")
    monkeypatch.setattr(flows.doctor, "_run_id", lambda: "r1")
    with disable_run_logger():
        state = flow.fn(**given)
    assert state.name == name
    assert shown == [(key, each) for each in told]


def test_a_server_that_does_not_answer_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "_ANSWER", 0.1)
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", str(UUID(int=1)))
    with disable_run_logger(), socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        with temporary_settings({PREFECT_API_URL: address}):
            state = states.interrupted("stopped by SIGTERM", "a")
        silent.accept()[0].close()
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert (state.name, state.is_crashed()) == ("Stopped", True)
