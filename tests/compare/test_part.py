"""A comparison over a part of the questions: it says so, and nothing is asked twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals.compare import plan as planning
from evals.compare import request
from evals.compare.outcome import Outcome
from evals.compare.run import run
from evals.report import compare as report
from evals.report import history
from tests.compare.data import beir
from tests.compare.test_compare import Counted, told, two


def compared(folder: Path, watch: Counted | None = None, **more: Any) -> Outcome:
    if not (folder / "data").exists():
        beir(folder / "data")
    given = {"data": str(folder / "data"), "home": folder / "home", **more}
    plan = planning.plan(request.read(pipelines=two(folder), **given))
    return run(plan, (watch or Counted()).watch, timed=False)


def test_a_part_is_told_everywhere(tmp_path: Path) -> None:
    found = compared(tmp_path, sample=5)
    asked = "5 of 12 questions, drawn at random"
    assert found.verdict.startswith(f"nDCG@10 over {asked}: both is ")
    assert asked in report.page(found, {})
    assert any(each.startswith(asked) for each in found.notes)
    json = found.to_json()
    assert json["data"]["part"] == {"questions": 5, "of": 12, "drawn": True}
    assert json["data"]["queries"] == 5
    assert json["data"]["statistics"]["questions"] == 5
    (first, *_) = found.first
    assert (first.questions, len(first.per_query)) == (5, 5)
    assert "what 5 questions could show is not known" in str(first)


def test_the_first_are_no_sample(tmp_path: Path) -> None:
    (note, *_) = compared(tmp_path, limit=2).notes
    assert note.startswith("2 of 12 questions, the first: ")
    assert "need not be like the rest" in note


def test_one_system_and_one_question(tmp_path: Path) -> None:
    found = compared(tmp_path, limit=1, overrides=["both:splitter.max_tokens=4"])
    assert "over 1 of 12 questions, the first" in found.verdict


def test_what_a_part_has_answered_serves_all(tmp_path: Path) -> None:
    compared(tmp_path, sample=3)
    watch = Counted()
    larger = compared(tmp_path, watch, sample=5)
    assert watch.built == []
    assert watch.asked == {"words": [3, 5], "both": [3, 5]}
    watch = Counted()
    whole = compared(tmp_path, watch)
    assert watch.asked == {"words": [5, 12], "both": [5, 12]}
    assert (whole.data.part, whole.to_json()["data"]["part"]) == (None, None)
    apart = tmp_path / "apart"
    apart.mkdir()
    fresh = told(compared(apart, data=str(tmp_path / "data")))
    assert {**told(whole), "systems": 0} == {**fresh, "systems": 0}
    metrics = [
        {name: each["metrics"] for name, each in of["systems"].items()}
        for of in (told(whole), fresh)
    ]
    assert metrics[0] == metrics[1]
    watch = Counted()
    again = compared(tmp_path, watch, sample=5)
    assert watch.asked == {}
    assert told(again) == told(larger)


def test_a_part_is_no_point_of_the_history_of_all(tmp_path: Path) -> None:
    home = tmp_path / "home"
    parts: list[dict[str, int]] = [{}, {"sample": 5}, {"limit": 5}, {"sample": 5}]
    for number, more in enumerate(parts):
        found = compared(tmp_path, None, **more)
        report.write(found, tmp_path / str(number), home)
        assert len(history.history(found, home)) == (2 if number == 3 else 1)


@pytest.mark.parametrize("option", ["limit", "sample"])
def test_more_than_there_are_is_all(tmp_path: Path, option: str) -> None:
    assert compared(tmp_path, None, **{option: 13}).verdict.startswith(
        "nDCG@10 over 12 questions: "
    )
