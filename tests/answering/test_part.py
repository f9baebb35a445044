"""Answers to a part of the questions: it says so, and what is paid for serves all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import pytest

from components.phases import Done, Phase, Runner, Tell
from evals.answers.run import run
from evals.report.answers import page
from tests.answering.data import answering, gold, only, outcome, planned, recorded
from tests.answering.test_paid import PRICES, VARIABLE, about, chat, right
from tests.answering.test_paid import _key as _key  # a fixture
from tests.endpoint.server import Asked, Reply, chat_server

T = TypeVar("T")


def test_a_part_is_told_everywhere(tmp_path: Path) -> None:
    files = (recorded(tmp_path, "a", gold()), recorded(tmp_path, "b", gold(("turns",))))
    found = outcome(tmp_path, *files, setting="closed_book", sample=6)
    asked = "6 of 16 questions, drawn at random"
    assert found.verdict.startswith(f"over {asked}: a 6 of 6 correct; b 3 of 6 correct, 3 failed")
    assert asked in page(found)
    assert found.notes[0].startswith(asked)
    json = found.to_json()
    assert json["data"]["part"] == {"questions": 6, "of": 16, "drawn": True}
    assert json["data"]["questions"] == 6
    assert found.systems[0].parts["load"].questions == 3, "each type in its share"
    assert [each.questions for each in found.of("correct")] == [6]


def test_the_whole_is_no_part(tmp_path: Path) -> None:
    found = outcome(tmp_path, recorded(tmp_path, "a", gold()), setting="closed_book", limit=16)
    assert found.verdict == "a 16 of 16 correct."
    assert found.notes == []
    assert found.to_json()["data"]["part"] is None


@pytest.mark.parametrize("part", [{"limit": 3}, {"sample": 3}])
def test_what_a_part_has_paid_for_serves_all(tmp_path: Path, part: dict[str, int]) -> None:
    with chat_server(right) as server:
        file = chat(tmp_path, server)
        small = planned(tmp_path, file, setting="closed_book", **part)
        first = run(small)
        assert len(server.asked) == 3
        paid = {about(each) for each in server.asked}
        assert paid == {each.question.id for each in only(first).rows}
        larger = run(planned(tmp_path, file, setting="closed_book", sample=8))
        before = len(server.asked)
        whole_plan = planned(tmp_path, file, setting="closed_book")
        whole = run(whole_plan)
        assert len(server.asked) == 16, "each once"
        assert len({about(each) for each in server.asked}) == 16
        again = run(small)
        assert len(server.asked) == 16
    assert before == (8 if "sample" in part else len(paid | _ids(larger)))
    assert only(again).whole == only(first).whole
    assert only(whole).whole.counts["correct"] == 16
    assert whole.ledger.known.calls == 16, "one ledger: a limit counts what the part has cost"
    assert small.ledger == whole_plan.ledger


def test_what_a_part_tells_of_the_whole(tmp_path: Path) -> None:
    with chat_server(right) as server:
        file = chat(tmp_path, server, max_tokens=10)
        poor = run(planned(tmp_path, file, setting="closed_book", sample=4))
        assert poor.rest is None, "four are too few to tell"
        found = run(planned(tmp_path, file, setting="closed_book", sample=6, max_cost=0.01))
        assert found.rest
        assert found.rest.units == 10
        assert found.rest.cost == pytest.approx(10 * 120 / 1e6)
        assert found.rest.budget == pytest.approx(0.01 - 6 * 120 / 1e6)
        assert found.rest.seconds < 60
        assert found.to_json()["rest"]["cost"] == found.rest.cost
        assert str(found.rest) in page(found)
        seen: list[Phase[object]] = []
        dearer = chat(tmp_path, server, max_tokens=10, input_price=10.0, output_price=20.0)
        plan = planned(tmp_path, dearer, setting="closed_book")
        run(plan, _watching(seen))
        (asking,) = [each for each in seen if each.name == "ask"]
        assert asking.outlook
        assert (asking.outlook.units, asking.outlook.budget) == (10, None)
        assert asking.outlook.cost == pytest.approx(10 * 1200 / 1e6), "at the prices of today"
        whole = run(plan)
    assert whole.rest is None
    assert whole.to_json()["rest"] is None


def test_a_judge_is_part_of_the_cost(tmp_path: Path) -> None:
    with chat_server(right) as server, chat_server(_judges) as second:
        judge = {"endpoint": second.address, "model": "j", "key": VARIABLE, **PRICES}
        (tmp_path / "judge.yaml").write_text(json.dumps(judge))
        given = {"setting": "closed_book", "judge": tmp_path / "judge.yaml"}
        found = run(planned(tmp_path, chat(tmp_path, server), sample=6, **given))
    assert found.rest
    assert found.rest.cost == pytest.approx(10 * (120 + 70) / 1e6)


def test_what_is_spent_is_told_as_it_goes(tmp_path: Path) -> None:
    told: list[Done] = []
    with chat_server(right) as server:
        file = chat(tmp_path, server, max_tokens=10)
        run(planned(tmp_path, file, setting="closed_book", limit=2))
        given = {"setting": "closed_book", "limit": 4, "max_cost": 0.01}
        run(planned(tmp_path, file, **given), _watching([], told.append))
    assert [each.units for each in told] == [2, 3, 4]
    assert [each.cost for each in told] == pytest.approx([0, 120e-6, 240e-6])
    assert [each.budget for each in told] == pytest.approx(
        [0.01 - count * 120e-6 for count in (2, 3, 4)]
    )


def test_the_time_of_searching_is_kept(tmp_path: Path) -> None:
    found = outcome(tmp_path, answering(tmp_path, "own", {"use": "extractive"}), limit=6)
    assert all(each.answered.searching > 0 for each in only(found).rows)
    assert found.rest
    assert found.rest.seconds > 0
    assert found.rest.cost == 0


def _judges(_: Asked) -> Reply:
    return Reply('{"verdict": "correct", "why": "it is"}', usage=(50, 10))


def _watching(seen: list[Phase[object]], tell: Tell = lambda done: None) -> Runner:
    def by(phase: Phase[T], /) -> T:
        seen.append(phase)
        return phase.work(tell)

    return by


def _ids(found: object) -> set[str]:
    return {each.question.id for each in only(found).rows}  # type: ignore[arg-type]
