"""The gate on judged queries, and on queries without judgements, by the real comparison."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from components import spec
from components.corpus import releases, run
from components.corpus.report import Report
from components.corpus.request import Job, Request, new_run_id
from components.errors import BadOption, SourceMissing, SpecError
from components.indexes.ledger import Ledger
from evals import gate
from tests.compare.data import beir, served

WORSE = ("encoder.width=2", "retriever.use=dense")
"""Too narrow to tell documents apart."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    beir(tmp_path / "data", questions=24)
    return served(tmp_path, retriever={"use": "hybrid"}, gate={"data": "./data", "small": 0})


def refreshed(file: Path, overrides: Sequence[str] = ()) -> Report:
    job = Job(Request(pipeline=str(file), run_id=new_run_id(), overrides=tuple(overrides)))
    return run.run(job, judge=gate.judge(job.pipeline))


def ledger(file: Path) -> Ledger:
    job = Job(Request(pipeline=str(file), run_id="r"))
    return releases.history(job.corpus).ledger


def told(report: Report) -> dict[str, Any]:
    assert report.verdict is not None
    found: dict[str, Any] = json.loads(json.dumps(report.to_json()))["gate"]
    return found


def test_the_first_release_has_nothing_to_be_compared_with(file: Path) -> None:
    report = refreshed(file)
    assert (report.how, report.verdict) == ("first", None)


def test_a_candidate_that_is_worse_is_held_with_its_numbers(file: Path) -> None:
    refreshed(file)
    report = refreshed(file, WORSE)
    found = told(report)
    assert report.exit_code == 5
    assert found["outcome"] == "worse"
    assert found["means"]["candidate"] < found["means"]["live"]
    first = found["tests"][0]
    assert (first["against"], first["verdict"]) == ("live", "worse")
    assert first["ci_high"] < 0
    assert found["losses"][0]["candidate"] < found["losses"][0]["live"]
    assert found["losses"][0]["query"]
    assert "worse than what is live: nDCG@10 -" in found["sentence"]


def test_one_that_answers_alike_passes(file: Path) -> None:
    refreshed(file)
    report = refreshed(file, ["encoder.width=65"])
    assert (report.how, told(report)["outcome"]) in (("tested", "no_worse"), ("tested", "better"))


def test_too_few_queries_do_not_decide_and_the_number_is_said(tmp_path: Path) -> None:
    beir(tmp_path / "data", questions=12)
    own = served(tmp_path, retriever={"use": "dense"}, gate={"data": "./data", "margin": 0.001})
    refreshed(own)
    report = refreshed(own, ["encoder.width=63"])
    found = told(report)
    assert (found["outcome"], report.exit_code) == ("undecided", 5)
    assert found["queries_needed"] > 12
    assert f"about {found['queries_needed']:,} would decide" in report.held


def test_the_answer_stays_the_same_when_it_is_asked_again(file: Path) -> None:
    refreshed(file)
    first, again = refreshed(file, WORSE), refreshed(file, WORSE)
    assert not told(first)["again"]
    assert told(again) == {**told(first), "again": True}
    assert sum(each["what"] == "tested" for each in ledger(file).events) == 1


def test_other_queries_are_other_data(file: Path) -> None:
    refreshed(file)
    refreshed(file, WORSE)
    beir(file.parent / "other", questions=20)
    again = told(refreshed(file, [*WORSE, f"gate.data={file.parent / 'other'}"]))
    assert not again["again"]
    assert sum(each["what"] == "tested" for each in ledger(file).events) == 2


def test_the_same_queries_in_another_order_are_the_same_data(file: Path) -> None:
    refreshed(file)
    first = told(refreshed(file, WORSE))
    for name in ("queries.jsonl", "qrels/test.tsv"):
        head, *lines = (file.parent / "data" / name).read_text().splitlines()
        (file.parent / "data" / name).write_text("\n".join([head, *reversed(lines), ""]))
    again = told(refreshed(file, WORSE))
    assert again == {**first, "again": True}


def test_losses_are_counted_from_the_anchor(file: Path) -> None:
    refreshed(file)
    refreshed(file, ["encoder.width=65"])
    told_of = ledger(file)
    assert told_of.scores is not None
    assert told_of.anchor in (1, 2)
    assert len(told_of.scores["values"]) == 24
    # The generation of the anchor is not needed any more.
    report = refreshed(file, WORSE)
    assert {each["against"] for each in told(report)["tests"]} == {"live", "anchor"}


def test_where_the_queries_change_what_is_live_becomes_the_anchor(file: Path) -> None:
    refreshed(file)
    refreshed(file, ["encoder.width=65"])
    beir(file.parent / "other", questions=20)
    refreshed(file, ["encoder.width=66", f"gate.data={file.parent / 'other'}"])
    anchors = [each for each in ledger(file).events if each["what"] == "anchor"]
    assert "the queries have changed" in anchors[1]["why"] or anchors[1]["release"] == 2


def test_every_slice_must_hold(file: Path) -> None:
    refreshed(file)
    report = refreshed(file, [*WORSE, "gate.slices=[kind]"])
    parts = {(each.get("by"), each.get("value")) for each in told(report)["tests"]}
    assert {("kind", "a"), ("kind", "b")} < parts


def test_a_slice_that_divides_nothing_is_refused_before_anything_is_done(file: Path) -> None:
    with pytest.raises(BadOption, match="'colour' does not divide"):
        gate.judge(spec.load(file, ["gate.slices=[colour]"]))


def test_answers_that_take_too_long_hold_it(file: Path) -> None:
    refreshed(file)
    report = refreshed(file, ["encoder.width=65", "gate.p95_ms=0.0001"])
    found = told(report)
    assert found["outcome"] == "worse"
    assert "more than 0.0001 ms" in report.held
    assert found["milliseconds"]["candidate"].keys() == {"warm_p95", "cold_p95"}


def test_other_stages_that_answer_are_tested_too(file: Path) -> None:
    refreshed(file)
    report = refreshed(file, ["retriever.use=sparse"])
    assert report.verdict is not None
    assert report.tokens == 0


@pytest.fixture
def watched(tmp_path: Path) -> Path:
    beir(tmp_path / "data", questions=24)
    asked = [f"{each.split('.')[0]}" for each in ("water wheel", "grain stone", "miller weir")]
    (tmp_path / "asked.txt").write_text("# what people ask\n" + "\n".join(asked) + "\n")
    watch = {"queries": "./asked.txt", "small": 0}
    return served(tmp_path, retriever={"use": "hybrid"}, gate=watch)


def test_without_judgements_a_large_shift_holds(watched: Path) -> None:
    refreshed(watched)
    report = refreshed(watched, WORSE)
    found = told(report)
    assert (found["outcome"], report.exit_code) == ("shifted", 5)
    assert found["shift"] > found["max_shift"] == 0.4
    first = found["most_changed"][0]
    assert first["query"]
    assert first["before"] != first["after"]


def test_without_judgements_a_small_shift_passes(watched: Path) -> None:
    refreshed(watched)
    report = refreshed(watched, ["splitter.max_tokens=33", "gate.max_shift=0.9"])
    assert (report.how, told(report)["outcome"]) == ("tested", "alike")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "either judged queries or queries"),
        ({"data": "x", "queries": "y"}, "either judged queries or queries"),
        ({"data": "x", "margins": 1}, "no option 'margins'"),
        ({"data": "x", "margin": 0}, "greater than 0"),
        ({"data": "x", "max_shift": 0.1}, "says nothing here"),
        ({"queries": "x", "metric": "R@10"}, "says nothing here"),
    ],
)
def test_a_gate_that_cannot_be_is_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises((BadOption, SpecError), match=said):
        spec.load(served(tmp_path, gate=given))


def test_data_that_are_not_there_are_refused_before_anything_is_done(tmp_path: Path) -> None:
    file = served(tmp_path, gate={"data": "./nowhere"})
    with pytest.raises(SourceMissing):
        gate.judge(spec.load(file))


def test_queries_about_something_else_let_nothing_pass(file: Path) -> None:
    refreshed(file)
    other = beir(file.parent / "other", questions=20)
    judged = (other / "qrels" / "test.tsv").read_text().replace("\td", "\tnowhere")
    (other / "qrels" / "test.tsv").write_text(judged)
    rows = (other / "corpus.jsonl").read_text().replace('"_id": "d', '"_id": "nowhere')
    (other / "corpus.jsonl").write_text(rows)
    report = refreshed(file, ["encoder.width=65", f"gate.data={other}"])
    assert told(report)["outcome"] == "undecided"
    assert "are these queries about this corpus?" in report.held
