"""What Prefect's server is asked to watch, and the messages that arrive."""

from __future__ import annotations

import re
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from prefect.events.schemas.automations import Automation, AutomationCore

from flows import todo
from flows.automations import Watched as Named
from flows.automations import automations
from flows.commands.automations import _made
from tests.cli import call
from tests.flows.server import Server, free_port, server
from tests.flows.watched import Message, Watched, watched

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"


@pytest.fixture
def handbook(
    prefect_server: Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Watched]:
    """A deployment of the test's own."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_server.environment["PREFECT_API_URL"])
    number = zlib.crc32(request.node.name.encode())
    with watched(prefect_server, f"handbook-{number}") as found:
        yield found


def test_a_run_that_failed_is_told_and_one_that_did_not_is_not(handbook: Watched) -> None:
    assert handbook.automations().code == 0
    handbook.end("COMPLETED", "Some failed", "1 failed")
    handbook.end("CANCELLED", "Busy", "another refresh of this corpus is running")
    run = handbook.end("FAILED", "Stopped by guard", "docs: 9 of 12 documents would be deleted")
    told = handbook.message()
    name = handbook.name
    assert told.subject == f"refresh/{name}: Stopped by guard"
    what, does, page = told.body.split("\n")
    assert re.fullmatch(
        f"{name}-0123456789ab, a run of refresh/{name} \\(pipelines/{name}.yaml\\), ended as "
        f"Stopped by guard at {TIME}: docs: 9 of 12 documents would be deleted",
        what,
    )
    assert does == todo.BY_STATE["Stopped by guard"]
    assert page == f"{handbook.server.url}/runs/flow-run/{run['id']}"

    handbook.end("CRASHED", "Crashed", "killed")
    assert todo.BY_STATE["Crashed"] in handbook.message().body
    handbook.end("COMPLETED", "Many failed", "3 added, 9 failed, 0 unchanged")
    many = handbook.message()
    assert many.subject == f"refresh/{name}: Many failed"
    assert "3 added, 9 failed, 0 unchanged\nLook at the documents that failed" in many.body

    handbook.end("PAUSED", "Paused", "release 2 waits for a person: worse")
    waits = handbook.message()
    assert waits.subject == f"refresh/{name}: waits for a person"
    assert re.search(f" waits since {TIME}: release 2 waits for a person: worse\n", waits.body)
    assert todo.BY_STATE["Paused"] in waits.body
    assert handbook.arrived.empty()


def test_what_was_made_is_changed_where_it_differs_and_else_goes_on_counting(
    handbook: Watched,
) -> None:
    made = handbook.automations("26h", "--json").json["automations"]
    names = (
        *("no run ends well", "a run failed", "many documents failed"),
        "a run waits for a person",
    )
    assert [each["name"] for each in made] == [f"refresh/{handbook.name}: {name}" for name in names]
    assert {each["did"] for each in made} == {"made"}
    again = handbook.automations("26h", "--json").json["automations"]
    assert again == [{**each, "did": "unchanged"} for each in made]
    later = handbook.automations("2d")
    assert [line.split()[0] for line in later.out.splitlines()] == [
        "changed",
        *["unchanged"] * 3,
    ]
    (there,) = handbook.server.ask(
        "automations/filter", automations={"name": {"any_": [made[0]["name"]]}}
    )
    assert [each["within"] for each in there["trigger"]["triggers"]] == [172800.0, 172800.0]
    assert "No run of" in there["actions"][0]["body"]


@pytest.mark.parametrize(
    ("deployment", "notify", "where", "told"),
    [
        ("refresh/nobody", "", "FLOW/NAME", "no deployment 'refresh/nobody'"),
        ("nobody", "", "FLOW/NAME", "no deployment 'nobody'"),
        ("", "custom-webhook/nobody", "--notify", "no block 'custom-webhook/nobody'"),
        ("", "nobody", "--notify", "no block 'nobody'"),
    ],
)
def test_what_the_server_does_not_have_is_refused(
    handbook: Watched, deployment: str, notify: str, where: str, told: str
) -> None:
    done = call(
        *("automations", deployment or f"refresh/{handbook.name}", "--max-age", "26h", "--json"),
        *("--notify", notify or f"custom-webhook/{handbook.name}"),
    )
    assert done.code == 2
    assert done.json["error"]["where"] == where
    assert told in done.message


def test_without_a_server_nothing_can_be_watched() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        done = call("automations", "refresh/a", "--notify", "custom-webhook/a", "--max-age", "26h")
    assert done.code == 2
    assert done.message.startswith("PREFECT_API_URL: no Prefect server is named")


def test_what_looks_like_a_template_is_a_name() -> None:
    from prefect.server.utilities.user_templates import (
        render_user_template_sync,
        validate_user_template,
    )

    flow, name, file = "refresh", "{{ 6 * 7 }}", "{% if %}/{# a #}.yaml"
    made = automations(Named(flow=flow, name=name, files=(file,)), timedelta(hours=26), "a block")
    known = {"event": {"occurred": datetime.now(UTC), "resource": {}}}
    for each in made:
        (action,) = each["actions"]
        for part, held in (("subject", name), ("body", name), ("body", file)):
            validate_user_template(action[part])
            assert held in render_user_template_sync(action[part], known)


def test_what_somebody_has_paused_stays_so_when_it_is_changed() -> None:
    spans = (timedelta(hours=26), timedelta(hours=30))
    block = str(uuid4())
    old, new = (automations(Named(flow="refresh", name="a"), each, block)[0] for each in spans)
    there = Automation.model_validate({**old, "id": uuid4(), "enabled": False})
    updated: list[AutomationCore] = []
    client = SimpleNamespace(
        read_automations_by_name=lambda name: [there],
        update_automation=lambda id, automation: updated.append(automation),
    )
    assert _made(cast(Any, client), new)["did"] == "changed"
    assert [each.enabled for each in updated] == [False]


def until(arrived: Callable[[], Message], words: str) -> Message:
    """The first message that says so: one that is due again may come before."""
    while words not in (told := arrived()).body:
        pass
    return told


@pytest.mark.slow
def test_no_run_that_ends_well_is_told_before_the_first_and_after_the_last(
    handbook: Watched,
) -> None:
    name = handbook.name
    handbook.automations("0.2m")
    first = handbook.message()
    assert first.subject == f"refresh/{name}: no run has ended well for 12.0 s"
    what, since, where, status = first.body.split("\n")
    assert what == (
        f"No run of refresh/{name} (pipelines/{name}.yaml) has ended well for 12.0 s: what is "
        "served may be out of date."
    )
    assert re.fullmatch(f"None has, since {TIME} at least.", since)
    assert where == (
        "Look whether the worker runs, the schedule is active, and how the last runs ended: "
        f"{handbook.server.url}/deployments/deployment/{handbook.id}"
    )
    assert status == (
        f"`millrace status pipelines/{name}.yaml` says what is served, and since when."
    )
    handbook.end("COMPLETED", "Some failed", "3 added, 1 failed")
    told = until(handbook.message, "The last one")
    last = told.body.split("\n")[1]
    assert re.fullmatch(f"The last one that did: {name}-0123456789ab, at {TIME}.", last)


@pytest.mark.slow
def test_a_server_that_was_away_when_it_was_due_tells_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"PREFECT_SERVER_EVENTS_EXPIRED_BUCKET_BUFFER": "P30D"}
    port = free_port()
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{port}/api")
    with ExitStack() as held:
        with server(tmp_path, port, settings=kept) as running:
            handbook = held.enter_context(watched(running, "handbook"))
            handbook.automations("1h")
            handbook.end("COMPLETED", "Completed", "3 added")
            while buckets(tmp_path, "SELECT count(*) FROM automation_bucket") < 2:
                time.sleep(0.2)
        for name in ("start", "end"):  # as if it had been away for two hours
            earlier = f"""UPDATE automation_bucket SET "{name}" = datetime("{name}", '-2 hours')"""
            buckets(tmp_path, earlier)
        held.enter_context(server(tmp_path, port, settings=kept))
        assert "The last one that did: handbook-" in handbook.message().body


def buckets(home: Path, query: str) -> int:
    with closing(sqlite3.connect(home / "prefect.db", timeout=30)) as database, database:
        return int((database.execute(query).fetchone() or (0,))[0])
