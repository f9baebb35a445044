"""What the page of a refresh shows of its gate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from components.corpus import releases, run
from components.corpus.report import Report
from components.corpus.request import Job, Request, new_run_id
from components.indexes import ledger as ledgers
from components.indexes.ledger import Ledger
from flows import gates, verdict_page
from tests.cli import start
from tests.compare.data import beir, publish, served
from tests.flows.server import Server

READER = MarkdownIt("gfm-like", {"html": True, "linkify": False})
DENSE: dict[str, Any] = {"retriever": {"use": "dense"}}
NARROW = "encoder.width=4"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A pipeline with a gate; release 1 is live."""
    beir(tmp_path / "data")
    publish(served(tmp_path, **DENSE))
    return gated(tmp_path)


def gated(folder: Path, **gate: Any) -> Path:
    return served(folder, gate={"data": "data", **gate}, **DENSE)


def refreshed(file: Path, *overrides: str) -> tuple[Report, Ledger, Request]:
    request = Request(pipeline=str(file), overrides=overrides, run_id=new_run_id())
    job = Job(request)
    report = run.run(job, judge=gates.judge(job.pipeline))
    return report, ledgers.ledger(job.corpus), request


def page(file: Path, *overrides: str) -> list[Token]:
    return READER.parse(verdict_page.text(*refreshed(file, *overrides)))


def read(tokens: Sequence[Token]) -> list[str]:
    """What people see: a text for each paragraph, cell and block of code."""
    found = []
    for each in tokens:
        if each.type == "inline":
            found.append("".join(part.content for part in each.children or ()))
        elif each.type == "code_block":
            found.append(each.content)
    return found


def row_of(shown: Sequence[str], first: str, width: int) -> list[str]:
    """Of a table, from the first cell that says so on."""
    at = shown.index(first)
    return list(shown[at : at + width])


def test_a_candidate_that_is_held_is_told_with_all_that_decides(file: Path) -> None:
    report, history, request = refreshed(file, NARROW)
    verdict = report.verdict
    assert verdict is not None
    shown = read(READER.parse(verdict_page.text(report, history, request)))
    assert shown[0] == f"Release 2 is held: {verdict.sentence}."
    (commands,) = (each for each in shown if each.startswith("millrace"))
    asked = f"{file} --set {NARROW}"
    assert commands.splitlines() == [
        f"millrace releases {asked}",
        f"millrace diff {asked} 1 2",
        f"millrace promote {asked} --force --reason TEXT",
        f"millrace reject {asked} --reason TEXT",
    ]
    for against, told in zip(("live", "anchor"), verdict.told["tests"], strict=True):
        row = row_of(shown, f"{against}, release 1", 6)
        assert row[1:3] == ["12", f"{told['difference']:+.3f}"]
        assert row[4:] == [f"{told['wins']}/{told['losses']}/{told['ties']}", "worse"]
    for lost in verdict.told["losses"]:
        row = row_of(shown, lost["query"], 3)
        assert row[1:] == [f"{lost['live']:.3f}", f"{lost['candidate']:.3f}"]
    assert "anchor, release 1: measured at the first test after it went live." in shown[-1]

    again = read(page(file, NARROW))
    assert again[0] == shown[0]
    assert "That was found before: the same is not tested again." in again


def test_what_was_rejected_or_promoted_says_so_and_by_whom(file: Path) -> None:
    report, _, request = refreshed(file, NARROW)
    job = Job(request)
    releases.reject(job.pipeline, by="Ada", reason="too narrow")
    decided = replace(report, held="")
    shown = read(READER.parse(verdict_page.text(decided, ledgers.ledger(job.corpus), request)))
    assert shown[0] == "Release 2 was rejected: too narrow."
    assert f"Its test said: {report.verdict.sentence}." in shown  # type: ignore[union-attr]
    assert not [each for each in shown if each.startswith("millrace")]
    assert read(page(file, NARROW))[0] == (
        "Release 3 is held: it is the same as release 2, which was rejected."
    )


def test_a_candidate_that_passes_is_told_with_its_times_and_slices(tmp_path: Path) -> None:
    beir(tmp_path / "data")
    publish(served(tmp_path, **DENSE))
    file = gated(tmp_path, slices=["kind"], p95_ms=10_000, margin=0.9)
    report, history, request = refreshed(file, "encoder.width=128")
    assert report.promoted
    shown = read(READER.parse(verdict_page.text(report, history, request)))
    assert shown[0].startswith("Release 2 is live, tested: no worse than what is live: nDCG@10")
    assert "live, release 1, kind a" in shown
    assert row_of(shown, "candidate", 3)[1].endswith(" ms")
    assert not [each for each in shown if each.startswith("millrace")]


def test_a_small_change_and_none_are_told(tmp_path: Path) -> None:
    beir(tmp_path / "data")
    publish(served(tmp_path, **DENSE))
    file = gated(tmp_path, small=0.2)
    assert read(page(file)) == ["Release 1 is live as before: there was nothing to test."]
    documents = tmp_path / "data" / "corpus.jsonl"
    lines = documents.read_text().splitlines()
    documents.write_text("\n".join(lines[:-1]))
    (told,) = read(page(file))
    assert told.startswith("Release 2 is live, a small change, which was not tested: ")
    assert told.endswith(" chunks have changed since the last test.")


def test_the_first_release_and_none_at_all_are_told(tmp_path: Path) -> None:
    beir(tmp_path / "data")
    file = gated(tmp_path)
    (tmp_path / "data" / "corpus.jsonl").write_text(json.dumps({"_id": "a", "text": ""}) + "\n")
    assert read(page(file)) == ["Nothing was published: no document could be used."]
    (tmp_path / "data" / "corpus.jsonl").write_text(json.dumps({"_id": "a", "text": "b"}) + "\n")
    assert read(page(file)) == ["Release 1 is live, the first."]


def test_a_gate_without_judgements_shows_what_is_found_instead(tmp_path: Path) -> None:
    beir(tmp_path / "data")
    publish(served(tmp_path, **DENSE))
    (tmp_path / "asked.txt").write_text("the river | the *mill*\nwheel of stone\n")
    file = served(tmp_path, gate={"queries": "asked.txt", "max_shift": 0.1}, **DENSE)
    report, history, request = refreshed(file, NARROW)
    verdict = report.verdict
    assert verdict is not None
    shown = read(READER.parse(verdict_page.text(report, history, request)))
    assert shown[0] == f"Release 2 is held: {verdict.sentence}."
    assert "--force" not in shown[2]
    for each in verdict.told["most_changed"]:
        row = row_of(shown, each["query"], 4)
        before, after = ({hit["document"] for hit in each[name]} for name in ("before", "after"))
        assert row[1] == f"{each['jaccard']:.2f}"
        for cell, only in zip(row[2:], (before - after, after - before), strict=True):
            assert set(cell.removesuffix(", …").split(", ")) <= only
    assert "the river | the *mill*" in shown


def test_a_refresh_that_is_held_shows_it_in_prefect(file: Path, prefect_server: Server) -> None:
    environment = prefect_server.environment
    done = start("refresh", file, "--json", "--set", NARROW, environment=environment)
    assert done.code == 5
    (run, *_) = prefect_server.ended()
    assert (run["state_type"], run["state_name"]) == ("FAILED", "Held")
    shown = prefect_server.artifacts(run)
    assert shown["mill-verdict"]["description"] == "Release 2 is held"
    assert done.json["gate"]["sentence"] in shown["mill-verdict"]["data"].replace("\\", "")
    assert shown["mill-to-do"]["description"].startswith("Decide\\: mill-verdict says")
    assert len(shown) == 7
