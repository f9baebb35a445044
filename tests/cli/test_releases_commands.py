"""`millrace releases`, `diff`, `promote`, `reject` and `rollback`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from components.corpus.request import Job, Request
from components.indexes.ledger import made
from tests.cli import Outcome, call
from tests.compare.data import beir, served

WORSE = ("--set", "encoder.width=2", "--set", "retriever.use=dense")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    beir(tmp_path / "data", questions=24)
    own = served(tmp_path, retriever={"use": "hybrid"}, gate={"data": "./data", "small": 0})
    assert refresh(own).code == 0
    return own


def refresh(file: Path, *arguments: str) -> Outcome:
    return call("refresh", file, "--engine-only", *arguments)


def test_what_is_held_is_told_with_what_to_do(file: Path) -> None:
    done = refresh(file, *WORSE)
    assert done.code == 5
    assert "release 2 is held: worse than what is live: nDCG@10" in done.err
    assert "millrace promote or reject" in done.err
    assert refresh(file, *WORSE, "--json").json["error"]["kind"] == "Held"


def test_releases_are_listed_for_people_and_for_scripts(file: Path) -> None:
    refresh(file, *WORSE)
    shown = call("releases", file)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.index("held") < shown.out.index("live ")
    assert "release 2 is held: worse" in shown.out
    assert all(len(line) <= 80 for line in shown.out.split("\n")[:4])
    found = call("releases", file, "--json", "--all").json
    assert (found["live"], found["held"], found["anchor"]) == (1, 2, 1)
    assert [each["state"] for each in found["releases"]] == ["live", "held"]
    assert [each["what"] for each in found["history"]] == [
        "made",
        "live",
        "made",
        "tested",
        "anchor",
        "held",
    ]
    assert "tested" in call("releases", file, "--all").out


def test_a_corpus_without_releases(tmp_path: Path) -> None:
    own = served(tmp_path)
    assert "no release yet" in call("releases", own).out
    assert call("rollback", own).code == 2


def test_a_person_promotes_what_is_worse_with_a_reason(file: Path) -> None:
    refresh(file, *WORSE)
    assert call("promote", file).code == 5
    assert call("promote", file, "--force").code == 2
    assert call("promote", file, "--release", "7", "--force", "--reason", "x").code == 2
    done = call("promote", file, "--force", "--reason", "the old one lies", "--json")
    assert done.code == 0
    assert done.json["release"]["number"] == 2
    assert done.json["release"]["why"] == "the old one lies"
    assert call("status", file, "--json").json["release"] == 2


def test_a_person_rejects_what_is_held(file: Path) -> None:
    refresh(file, *WORSE)
    done = call("reject", file, "--reason", "odd")
    assert (done.code, done.out) == (0, "release 2 is rejected; what is live stays\n")
    assert call("reject", file).code == 2
    assert call("status", file, "--json").json["release"] == 1


def test_going_back_and_forth(file: Path) -> None:
    refresh(file, *WORSE)
    call("promote", file, "--force", "--reason", "try it")
    done = call("rollback", file, "--reason", "it was worse")
    assert done.code == 0
    assert "release 1" in done.out
    assert "held until millrace promote" in done.out
    again = refresh(file)
    assert again.code == 0, "what is live is what the file asks for"
    assert refresh(file, *WORSE).code == 5
    assert call("rollback", file, "2").code == 0
    assert call("rollback", file, "2").code == 2, "it is live"
    assert "there is no release '9'" in call("rollback", file, "9").err


def test_two_releases_side_by_side(file: Path) -> None:
    rows = [json.loads(each) for each in (file.parent / "data" / "corpus.jsonl").open()]
    rows[0]["text"] = "Something else altogether."
    rows[1]["_id"] = "new"
    lines = "".join(json.dumps(each) + "\n" for each in rows)
    (file.parent / "data" / "corpus.jsonl").write_text(lines)
    assert refresh(file, "--set", "gate.small=1.0").code == 0
    found = call("diff", file, "1", "2", "--json").json
    assert found["documents"] == {"added": ["new"], "changed": ["d0"], "gone": ["d1"]}
    assert found["queries"]["asked"] == 24
    first = found["queries"]["most_changed"][0]
    assert [each["document"] for each in first["before"]] != [
        each["document"] for each in first["after"]
    ]
    shown = call("diff", file, "1", "2", "-n", "1")
    assert shown.code == 0
    assert first["query"] in shown.out
    assert "1 document gone" in shown.out
    assert call("diff", file, "1", "7").code == 2


def test_what_is_live_is_listed_however_many_are_newer(file: Path) -> None:
    corpus = Job(Request(pipeline=str(file), run_id="r")).corpus
    first = corpus.live()
    assert first is not None
    for number in range(2, 20):
        one = replace(first, number=number)
        corpus.record([made(one, identity=str(number), by="ann", why="")])
    found = call("releases", file, "--json").json
    assert [each["number"] for each in found["releases"] if each["state"] == "live"] == [1]
    assert len(found["releases"]) == 11
