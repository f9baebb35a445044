"""What a refresh shows in the Prefect UI."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.cli import Outcome, call, start
from tests.corpora import HASHING, Corpus, prose
from tests.corpus.test_meanwhile import GROWING
from tests.flows.server import Server
from tests.qdrant_http import wait_until
from tests.qdrant_http.proxy import Proxy, before

NAME = "handbook"
PARTS = ("changes", "counts", "failures", "progress", "time", "to-do")


@dataclass(frozen=True)
class Shown:
    """A refresh, and what the server knows of it."""

    done: Outcome
    run: Mapping[str, Any]
    artifacts: Mapping[str, Mapping[str, Any]]

    def data(self, part: str) -> Any:
        return self.artifacts[f"{NAME}-{part}"]["data"]

    @property
    def counts(self) -> dict[str, Any]:
        return {row["what"]: row["value"] for row in json.loads(self.data("counts"))}

    @property
    def todo(self) -> str:
        """As it is shown."""
        (told,) = (each["data"] for key, each in self.artifacts.items() if key.endswith("-to-do"))
        return re.sub(r"\\(.)", r"\1", told).strip()

    @property
    def state(self) -> tuple[str, str, str]:
        state = self.run["state"]
        return state["type"], state["name"], state["message"]


def refresh(corpus: Corpus, server: Server, *arguments: str) -> Shown:
    done = start("refresh", corpus.file, "--json", *arguments, environment=server.environment)
    run = server.ended()[0]
    return Shown(done, run, server.artifacts(run))


def row(markdown: str, name: str) -> list[str]:
    (line,) = (each for each in markdown.splitlines() if each.startswith(f"| {name} |"))
    return [each.strip() for each in line.strip("|").split("|")][1:]


def test_the_page_of_a_run_tells_what_it_did_and_what_changed(
    tmp_path: Path, prefect_server: Server
) -> None:
    corpus = Corpus(tmp_path, {**HASHING, "name": NAME})
    corpus.fill(3)
    corpus.add("a|b`<i>.md", "")
    first = refresh(corpus, prefect_server)
    assert first.done.code == 3
    report = first.done.json
    assert first.run["name"] == f"{NAME}-{report['run_id']}"
    assert first.state == ("COMPLETED", "Many failed", "3 added, 1 failed, 0 unchanged")
    assert first.todo == "Look at handbook-failures: 1 document newly failed."
    assert sorted(first.artifacts) == [f"{NAME}-{part}" for part in PARTS]
    assert first.data("progress") == 100
    assert first.counts["documents added"] == 3
    assert first.counts["documents failed"] == 1
    assert first.counts["chunks in the corpus"] == report["chunks"]
    assert first.counts["tokens encoded"] == report["tokens"]
    assert first.counts["generation"] == report["generation"]
    assert r"| a\|b\`\<i\>\.md | empty |" in first.data("failures")
    assert "](data:image/svg+xml;base64," in first.data("time")
    assert "first refresh" in first.data("changes")
    assert "empty" in prefect_server.logs(first.run)

    corpus.add("a|b`<i>.md", prose(9))
    corpus.add("torn.pdf", "no PDF at all")
    (corpus.documents / "000.txt").unlink()
    second = refresh(corpus, prefect_server)
    assert second.state[1:] == ("Many failed", "1 added, 1 deleted, 1 failed, 2 unchanged")
    before, now, change = row(second.data("changes"), "documents")
    assert (before, now, change) == ("3", "3", "=")
    before, now, _ = row(second.data("changes"), "chunks")
    assert (int(before), int(now)) == (report["chunks"], second.done.json["chunks"])
    newly, _, healed = second.data("changes").partition("**Failing no more")
    assert r"- torn\.pdf" in newly
    assert r"- a\|b\`\<i\>\.md" in healed
    assert r"torn\.pdf" in second.data("failures")
    assert second.data("progress") == 100

    (corpus.documents / "torn.pdf").unlink()
    (corpus.documents / "001.txt").unlink()
    third = call("refresh", corpus.file, "--engine-only")
    assert third.code == 0

    idle = refresh(corpus, prefect_server)
    assert idle.state == ("COMPLETED", "Completed", "nothing changed, 2 unchanged")
    assert sorted(idle.artifacts) == sorted(first.artifacts)
    assert idle.data("failures") == "Every document could be used.\n"
    assert idle.data("progress") == 100, "also where nothing had to be encoded"
    assert idle.todo == "Nothing to do."
    history = prefect_server.ask(
        "artifacts/filter", artifacts={"key": {"any_": [f"{NAME}-changes"]}}
    )
    assert len(history) == 3, "a history of the corpus"


def test_a_second_pass_is_seen_as_further_tasks(tmp_path: Path, prefect_server: Server) -> None:
    corpus = Corpus(tmp_path, {**HASHING, "name": NAME})
    (tmp_path / "growing.py").write_text(GROWING)
    corpus.fill(2)
    shown = refresh(corpus, prefect_server, "--set", "source.use=growing:Growing")
    assert shown.done.json["passes"] == 2
    assert shown.state[2] == "3 added, 0 unchanged, in two passes"
    assert shown.data("progress") == shown.data("meanwhile") == 100
    found = prefect_server.ask("task_runs/filter", flow_runs={"id": {"any_": [shown.run["id"]]}})
    named = [each["name"] for each in sorted(found, key=lambda each: str(each["start_time"]))]
    assert named == [
        "survey",
        "guard",
        "encode-and-write",
        "survey what changed meanwhile",
        "guard what changed meanwhile",
        "encode-and-write what changed meanwhile",
        "check-and-optimise",
        "promote",
        "report",
    ]


@pytest.mark.slow
def test_what_stops_a_run_is_one_line_on_its_page(corpus: Corpus, prefect_server: Server) -> None:
    corpus.fill(3)
    plain = start("refresh", corpus.file, "--engine-only", environment=prefect_server.environment)
    assert plain.code == 0
    with FileLock(corpus.folder / "store" / "test" / "writer.lock"):
        busy = refresh(corpus, prefect_server)
    assert busy.done.code == 6
    assert busy.state[:2] == ("CANCELLED", "Busy")
    assert "another refresh of this corpus is running" in busy.state[2]
    assert list(busy.artifacts) == ["test-to-do"]
    assert busy.todo == "Nothing to do: another run is at work on the same."

    for number in range(2):
        (corpus.documents / f"{number:03}.txt").unlink()
    stopped = refresh(corpus, prefect_server)
    assert stopped.done.code == 4
    assert stopped.done.json["error"]["kind"] == "GuardStopped"
    assert stopped.state[:2] == ("FAILED", "Stopped by guard")
    assert stopped.state[2].startswith(f"{corpus.documents}: 2 of 3 documents would be deleted")
    assert "\n" not in stopped.state[2]
    assert list(stopped.artifacts) == ["test-to-do"]
    assert stopped.todo.startswith("Decide: is the source complete?")
    assert "Traceback" not in prefect_server.logs(stopped.run) + stopped.done.err


def test_without_the_servers_password_nothing_is_begun(
    corpus: Corpus, prefect_server: Server
) -> None:
    corpus.fill(1)
    environment = {**prefect_server.environment, "PREFECT_API_AUTH_STRING": "somebody:else"}
    done = start("refresh", corpus.file, environment=environment)
    assert done.code == 2
    assert done.message.startswith("PREFECT_API_AUTH_STRING: ")
    assert not (corpus.folder / "store").exists()


@pytest.mark.slow
def test_a_store_that_is_waited_for_is_named_on_the_page(
    corpus: Corpus, prefect_server: Server, server: str
) -> None:
    corpus.fill(1)
    with before(server) as proxy:
        proxy.cut()
        gone = threading.Thread(target=_back_after_a_while, args=(proxy,))
        gone.start()
        own = {"MILLRACE_QDRANT_URL": proxy.address, "MILLRACE_PATIENCE": "60"}
        waiting = replace(prefect_server, environment={**prefect_server.environment, **own})
        shown = refresh(corpus, waiting, "--set", "index.use=qdrant")
        gone.join()
    assert shown.done.code == 0
    assert shown.state[:2] == ("COMPLETED", "Completed")
    assert "waiting for 127.0.0.1" in shown.done.err
    logs = prefect_server.logs(shown.run)
    assert "waiting for 127.0.0.1" in logs
    assert "answers again" in logs


def _back_after_a_while(proxy: Proxy) -> None:
    """After long enough to be worth a word."""
    wait_until(lambda: proxy.asked, 60)
    time.sleep(4)
    proxy.restore()
