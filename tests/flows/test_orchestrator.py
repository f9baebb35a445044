"""Whether Prefect runs the phases is decided before anything is begun, by asking and by type."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import State
from prefect.states import Failed

import flows.answers
import flows.compare
import flows.refresh
from components import errors
from components.errors import BadOption, OrchestratorUnavailable
from components.machine import child
from components.phases import plainly
from evals.compare import plan as planning
from evals.compare import request
from flows import orchestrator
from flows.states import stopped
from tests.answering.data import gold, planned, recorded
from tests.cli import call, start
from tests.compare.data import beir, pipeline
from tests.corpora import HASHING, Corpus
from tests.flows.server import Server

NOWHERE = "http://127.0.0.1:9/api"
ASKED = httpx.Request("GET", f"{NOWHERE}/flows")


def refused(asked: httpx.Request, status: int) -> httpx.HTTPStatusError:
    return httpx.HTTPStatusError("no", request=asked, response=httpx.Response(status))


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """PREFECT_API_URL names a server that is not there."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.setenv("PREFECT_API_URL", NOWHERE)
    with temporary_settings({PREFECT_API_URL: NOWHERE}):  # Prefect has read its own before
        yield


def test_without_a_name_nothing_is_asked() -> None:
    assert not orchestrator.named(None)
    assert not orchestrator.chosen(None)
    assert not orchestrator.chosen(False)


@pytest.mark.usefixtures("unreachable")
def test_a_name_counts_unless_prefect_is_left_out() -> None:
    assert orchestrator.named(None)
    assert orchestrator.named(True)
    assert not orchestrator.named(False)
    assert not orchestrator.chosen(False)


@pytest.mark.parametrize("verb", ["refresh", "compare", "answers", "doctor"])
def test_every_flow_can_be_asked_for_and_left_out(verb: str) -> None:
    assert "--prefect / --engine-only" in " ".join(call(verb, "--help").out.split())


@pytest.mark.usefixtures("unreachable")
@pytest.mark.parametrize(("status", "kind"), [(401, BadOption), (500, OrchestratorUnavailable)])
def test_what_a_server_answers_is_told_by_its_status(
    monkeypatch: pytest.MonkeyPatch, status: int, kind: type[Exception]
) -> None:
    from prefect.client.orchestration import SyncPrefectClient

    def version(of: SyncPrefectClient) -> None:
        asked = httpx.Request("GET", NOWHERE)
        httpx.Response(status, request=asked).raise_for_status()

    monkeypatch.setattr(SyncPrefectClient, "api_version", version)
    with pytest.raises(kind):
        orchestrator.check()


def test_a_temporary_server_that_cannot_start_is_gone_without_before_anything_is_begun(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.server.api.server import SubprocessASGIServer
    from prefect.settings import PREFECT_API_URL, temporary_settings

    def start(of: SubprocessASGIServer, timeout: int | None = None) -> None:
        raise RuntimeError("any words")

    monkeypatch.setattr(SubprocessASGIServer, "start", start)
    corpus.fill(2)
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        done = call("refresh", corpus.file, "--prefect", "--json")
    assert done.code == 0
    assert done.json["added"] == 2
    assert "going on without Prefect" in done.err


UNWRITABLE = {
    "/proc/nowhere/prefect.db": "/proc/nowhere: No such file or directory",
    "{folder}/file/prefect.db": "{folder}/file: File exists",
    "{folder}/file/deep/prefect.db": "Not a directory",
    "{folder}/documents": "{folder}/documents: Is a directory",
}
"""Places of a database, and what the system says of them."""


@pytest.mark.parametrize("place", UNWRITABLE)
def test_a_database_that_cannot_be_written_is_named_and_no_server_is_waited_for(
    corpus: Corpus, place: str
) -> None:
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_API_URL
    from prefect.settings import temporary_settings as set_to

    corpus.fill(1)
    (corpus.folder / "file").touch()
    database = f"sqlite+aiosqlite:///{place.format(folder=corpus.folder)}"
    with set_to(
        {PREFECT_API_DATABASE_CONNECTION_URL: database}, restore_defaults={PREFECT_API_URL}
    ):
        done = call("refresh", corpus.file, "--prefect", "--json")
    assert done.code == 0
    assert done.json["added"] == 1
    assert UNWRITABLE[place].format(folder=corpus.folder) in done.message
    assert done.message.endswith("going on without Prefect")


@pytest.mark.parametrize(
    ("code", "told"), [(3, "it ended at each of 3 starts"), (7, "it ended with exit code 7")]
)
def test_a_server_that_ends_is_not_asked_for_long(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, told: str
) -> None:
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_API_URL
    from prefect.settings import temporary_settings as set_to

    ending = [sys.executable, "-c", f"raise SystemExit({code})"]
    monkeypatch.setattr("flows.temporary_server.child.command", lambda *given: ending)
    database = f"sqlite+aiosqlite:///{tmp_path}/prefect.db"
    corpus.fill(1)
    with set_to(
        {PREFECT_API_DATABASE_CONNECTION_URL: database}, restore_defaults={PREFECT_API_URL}
    ):
        done = call("refresh", corpus.file, "--prefect", "--json")
    assert done.code == 0
    assert f"no Prefect server can be started: {told}; going on without Prefect" in done.err


@pytest.mark.slow
def test_a_server_whose_port_is_taken_says_so(tmp_path: Path) -> None:
    home = {**os.environ, "PREFECT_HOME": str(tmp_path)}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = child.command("flows.temporary_server", str(taken.getsockname()[1]))
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=home) as server:
            assert server.wait(120) == 3


@pytest.mark.usefixtures("unreachable")
@pytest.mark.parametrize("error", [httpx.ConnectError("no", request=ASKED), refused(ASKED, 503)])
def test_a_server_that_goes_away_in_the_middle_is_not_gone_without(error: Exception) -> None:
    with pytest.raises(OrchestratorUnavailable, match="went away"), orchestrator.running():
        raise error


def test_a_server_of_its_own_that_goes_away_is_told_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from prefect.server.api.server import SubprocessASGIServer
    from prefect.settings import PREFECT_API_URL, temporary_settings

    monkeypatch.setattr(SubprocessASGIServer(), "port", 8123)
    asked = httpx.Request("GET", "http://127.0.0.1:8123/api/flows")
    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(OrchestratorUnavailable),
        orchestrator.running(),
    ):
        raise httpx.ConnectError("no", request=asked)


ELSEWHERE = httpx.Request("POST", "http://127.0.0.1:9/embed")


@pytest.mark.usefixtures("unreachable")
@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("no", request=ELSEWHERE),
        refused(ELSEWHERE, 503),
        httpx.ConnectError("of no request"),
    ],
)
def test_who_else_did_not_answer_is_not_the_prefect_server(error: Exception) -> None:
    """A component may ask others by the same client."""
    with pytest.raises(type(error)) as caught, orchestrator.running():
        raise error
    assert caught.value is error


def test_without_a_server_nobody_is_blamed() -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(httpx.ConnectError),
        orchestrator.running(),
    ):
        raise httpx.ConnectError("no", request=ELSEWHERE)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        ("Busy", ("CANCELLED", "Busy")),
        ("TakenOver", ("CANCELLED", "Taken over")),
        ("StoreUnavailable", ("FAILED", "Unavailable")),
        ("GuardStopped", ("FAILED", "Stopped by guard")),
        ("Damaged", ("FAILED", "Failed")),
    ],
)
def test_how_a_run_ends_in_the_ui(error: str, state: tuple[str, str]) -> None:
    found = stopped(getattr(errors, error)("no luck").at(where="here"))
    assert (found.type.value, found.name) == state
    assert found.message == "here: no luck"


@pytest.mark.usefixtures("unreachable")
def test_a_named_server_that_does_not_answer_ends_the_command(corpus: Corpus) -> None:
    corpus.fill(1)
    done = call("refresh", corpus.file, "--json")
    assert done.code == 1
    assert done.json["error"]["kind"] == "OrchestratorUnavailable"
    assert done.json["error"]["where"] == "PREFECT_API_URL"
    assert not (corpus.folder / "store").exists()


def refreshing(folder: Path) -> None:
    flows.refresh.call(Corpus(folder).job(), None, plainly)


def comparing(folder: Path) -> None:
    given: dict[str, Any] = {
        "pipelines": (str(pipeline(folder, "a")),),
        "data": str(beir(folder / "data")),
        "home": str(folder / "home"),
    }
    plan = planning.plan(request.read(**given))
    flows.compare.call(given, plan, folder, plainly, timed=False)


def answering(folder: Path) -> None:
    plan = planned(folder, recorded(folder, "a", gold()))
    flows.answers.call({}, plan, folder, plainly)


@pytest.mark.usefixtures("unreachable")
@pytest.mark.parametrize(
    ("verb", "begin"), [("refresh", refreshing), ("compare", comparing), ("answers", answering)]
)
def test_a_server_that_is_back_before_the_end_has_been_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, begin: Callable[[Path], None]
) -> None:
    """The flow ends in a state, which holds what the client raised meanwhile."""
    away: State[Any] = Failed(data=httpx.ReadError("no", request=ASKED))
    monkeypatch.setattr(import_module(f"flows.{verb}"), verb, lambda **given: away)
    with pytest.raises(OrchestratorUnavailable, match="went away") as caught:
        begin(tmp_path)
    assert caught.value.hint == "what was committed stays: run it again to go on"


AWAY = """
import httpx
from prefect.client.orchestration import SyncPrefectClient

from components.sources.files import Files

told = SyncPrefectClient.set_flow_run_state

def away(client, run, state, **more):
    if state.is_completed():
        asked = httpx.Request("POST", f"{client.api_url}flow_runs")
        raise httpx.ReadError("no", request=asked)
    return told(client, run, state, **more)

SyncPrefectClient.set_flow_run_state = away
"""
"""Beside a pipeline: the server is away when a run wants to end, and back a moment later."""


@pytest.mark.slow
def test_a_run_that_cannot_tell_its_end_is_one_line_and_loses_nothing(
    tmp_path: Path, prefect_server: Server
) -> None:
    (tmp_path / "away.py").write_text(AWAY)
    source = {"use": "away:Files", "path": "documents"}
    corpus = Corpus(tmp_path, {**HASHING, "source": source})
    corpus.fill(2)
    done = start("refresh", corpus.file, "--json", environment=prefect_server.environment)
    assert done.code == 1
    assert done.json["error"]["kind"] == "OrchestratorUnavailable"
    assert "went away while the run went on" in done.message
    # Not in this process, whose client the module would change for good.
    assert start("status", corpus.file, "--json").json["documents"] == 2


@pytest.mark.usefixtures("unreachable")
@pytest.mark.parametrize(
    ("error", "name", "told"),
    [
        (
            httpx.ConnectError("no", request=ASKED),
            "Unavailable",
            "PREFECT_API_URL: the Prefect server went away",
        ),
        (OSError(errno.EMFILE, "any", "/a/place"), "Unavailable", "/a/place: Too many open files"),
        (OSError(errno.ENOSPC, "any", "/a/place"), "Failed", "/a/place: No space left on device"),
        (OSError(errno.ENOTDIR, "any", "/a/place"), "Failed", "/a/place: any"),
    ],
)
@pytest.mark.parametrize(
    ("flow", "first"),
    [
        (flows.refresh.refresh, "flows.run_log.shown"),
        (flows.compare.compare, "flows.compare.request.read"),
        (flows.answers.answers, "flows.answers.planning.plan"),
    ],
)
def test_what_is_no_fault_of_ours_is_one_line_on_the_page(
    monkeypatch: pytest.MonkeyPatch, flow: Any, first: str, error: Exception, name: str, told: str
) -> None:
    def failing(*given: Any, **named: Any) -> None:
        raise error

    monkeypatch.setattr(first, failing)
    given = {"pipeline": "a.yaml"} if flow.name == "refresh" else {"data": "a", "pipelines": ("a",)}
    state = flow.fn(**given)
    assert (state.name, state.is_failed()) == (name, True)
    assert str(state.message).startswith(told)
