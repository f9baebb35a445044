"""A person decides about a candidate that is held, on the page of its run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from components import spec
from components.corpus import releases
from components.corpus.release import corpus_of
from components.indexes import ledger as ledgers
from components.indexes.ledger import Ledger, Listed
from flows import approval
from flows.refresh import refresh
from tests.cli import call
from tests.compare.data import beir, publish, served
from tests.faults.stopped import FOREVER
from tests.flows.deployed import Deployed
from tests.flows.server import Server
from tests.qdrant_http import wait_until

ADA = {"decision": "promote", "who": "Ada", "reason": ""}
WHY = "the narrow one is cheap"
WORSE = "worse than what is live: nDCG@10 -0"


@dataclass(frozen=True)
class Mill:
    """A corpus whose next candidate is worse than what is live."""

    file: Path
    server: Server

    @property
    def history(self) -> Ledger:
        return ledgers.ledger(corpus_of(spec.load(self.file)))

    @property
    def candidate(self) -> Listed:
        return self.history.releases[2]

    def refresh(self, hours: float) -> dict[str, Any]:
        """A run that waits so long, once it has ended."""
        refresh(pipeline=str(self.file), wait_for_person=hours, return_state=True)
        (run,) = (each for each in self.server.ended() if self.is_own(each))
        return run

    def paused(self) -> dict[str, Any]:
        """The run, once it waits."""
        wait_until(lambda: [*filter(self.is_own, self.server.runs("PAUSED"))], FOREVER)
        (run,) = filter(self.is_own, self.server.runs("PAUSED"))
        return run

    def answer(self, **form: str) -> dict[str, Any]:
        """Resume it as its page does: what the server says."""
        run = self.paused()
        said: dict[str, Any] = self.server.ask(f"flow_runs/{run['id']}/resume", run_input=form)
        return said

    def asked(self, run: Mapping[str, Any]) -> list[str]:
        """What stood above the forms, in their order."""
        found = self.server.ask(f"flow_runs/{run['id']}/input/filter", prefix="paused", limit=50)
        told = [each for each in found if each["key"].endswith("-description")]
        return [each["value"] for each in sorted(told, key=lambda each: str(each["created"]))]

    def is_own(self, run: Mapping[str, Any]) -> bool:
        return bool(run["parameters"].get("pipeline") == str(self.file))


@pytest.fixture
def mill(tmp_path: Path, prefect_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mill]:
    beir(tmp_path / "data")
    publish(served(tmp_path, retriever={"use": "dense"}))
    narrow = {"use": "hashing", "width": 4}
    gate = {"data": "data"}
    file = served(tmp_path, retriever={"use": "dense"}, encoder=narrow, gate=gate)
    monkeypatch.setattr(approval, "_LOOK", 0.2)
    environment = prefect_server.environment
    known = {each: environment[each.name] for each in (PREFECT_API_URL, PREFECT_API_AUTH_STRING)}
    with temporary_settings(known):
        yield Mill(file, prefect_server)


@contextmanager
def meanwhile(*steps: Callable[[], object]) -> Iterator[None]:
    """Somebody else does one thing after the other; what goes wrong there is raised."""
    wrong: list[BaseException] = []

    def do() -> None:
        try:
            for each in steps:
                each()
        except BaseException as error:
            wrong.append(error)

    other = threading.Thread(target=do)
    other.start()
    yield
    other.join(FOREVER)
    if wrong:
        raise wrong[0]


def state(run: Mapping[str, Any]) -> tuple[str, str]:
    return run["state_type"], run["state_name"]


def test_one_that_is_worse_is_promoted_with_a_reason_and_asked_about_again_without(
    mill: Mill,
) -> None:
    with meanwhile(lambda: mill.answer(**ADA), lambda: mill.answer(**{**ADA, "reason": WHY})):
        run = mill.refresh(hours=1)
    assert state(run) == ("COMPLETED", "Promoted")
    told = f"release 2 was forced by Ada in the Prefect UI: {WHY}"
    assert run["state"]["message"] == told
    assert mill.history.live == 2
    first, again = mill.asked(run)
    assert WORSE in first.replace("\\", "")
    assert "Not done" not in first
    assert "it takes a reason" in again
    shown = mill.server.artifacts(run)
    assert shown["mill-to-do"]["data"] == "Nothing to do\\.\n"
    verdict = shown["mill-verdict"]
    assert verdict["description"] == "Release 2 is live, forced by Ada in the Prefect UI"
    assert "millrace promote" not in verdict["data"]
    assert WORSE in verdict["data"].replace("\\", "")


def test_a_candidate_that_is_rejected_is_given_up(mill: Mill) -> None:
    def page() -> None:
        run = mill.paused()
        assert "waits for a person" in run["state"]["message"]
        assert "Resume" in mill.server.artifacts(run)["mill-verdict"]["data"]
        assert mill.answer(decision="perhaps", who="Ada")["status"] == "REJECT"
        assert mill.answer(decision="reject", who="")["status"] == "REJECT"

    with meanwhile(page, lambda: mill.answer(decision="reject", who="Ada", reason="no")):
        run = mill.refresh(hours=1)
    assert state(run) == ("COMPLETED", "Rejected")
    assert run["state"]["message"] == "release 2 was rejected: no"
    assert (mill.history.live, mill.candidate.state) == (1, "rejected")
    assert mill.history.events[-1]["by"] == "Ada in the Prefect UI"
    assert "was rejected" in mill.server.artifacts(run)["mill-verdict"]["data"]


def test_a_run_that_nobody_answers_ends_as_without_waiting(mill: Mill) -> None:
    run = mill.refresh(hours=1 / 3600)
    assert state(run) == ("FAILED", "Held")
    assert WORSE in run["state"]["message"]
    assert mill.candidate.state == "held"
    shown = mill.server.artifacts(run)
    assert "Decide" in shown["mill-to-do"]["data"]
    assert "Resume" not in shown["mill-verdict"]["data"]


def test_a_command_decides_as_well_and_the_run_ends(mill: Mill) -> None:
    def decide() -> None:
        mill.paused()
        done = call("promote", mill.file, "--force", "--reason", WHY)
        assert done.code == 0, done.err

    with meanwhile(decide):
        run = mill.refresh(hours=1)
    assert state(run) == ("COMPLETED", "Promoted")
    assert run["state"]["message"].startswith(f"release 2 was forced by {releases.person()}")


def test_while_another_refresh_is_at_it_nothing_is_decided(mill: Mill) -> None:
    store = mill.file.parent / "store" / "mill" / "writer.lock"
    form = {**ADA, "reason": WHY}

    def busy() -> None:
        mill.paused()
        with FileLock(store):
            mill.answer(**form)
            mill.paused()

    with meanwhile(busy, lambda: mill.answer(**form)):
        run = mill.refresh(hours=1)
    assert state(run) == ("COMPLETED", "Promoted")
    assert "another refresh of this corpus is running" in mill.asked(run)[1]


def test_a_newer_candidate_ends_the_run_that_waits_for_the_older(mill: Mill) -> None:
    def newer() -> None:
        mill.paused()
        again = call("refresh", mill.file, "--engine-only", "--set", "encoder.width=3")
        assert again.code == 5, again.err

    with meanwhile(newer):
        run = mill.refresh(hours=1)
    assert state(run) == ("CANCELLED", "Taken over")
    assert mill.candidate.state == "replaced"
    assert "was replaced" in mill.server.artifacts(run)["mill-verdict"]["data"]


@pytest.mark.slow
def test_a_run_that_is_cancelled_while_it_waits_leaves_the_candidate_held(
    mill: Mill, deployed: Deployed
) -> None:
    made = deployed.begin("sample", pipeline=str(mill.file), wait_for_person=1)
    run = mill.paused()
    told = {"type": "CANCELLING", "name": "Cancelling"}
    deployed.server.ask(f"flow_runs/{run['id']}/set_state", state=told)
    ended = deployed.end(made)
    assert state(ended) == ("CANCELLED", "Cancelled")
    assert mill.candidate.state == "held"
    assert call("reject", mill.file).code == 0
