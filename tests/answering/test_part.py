"""Answers to a part of the questions: it says so, and what is paid for serves all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.answers.run import run
from evals.report.answers import page
from tests.answering.data import gold, only, outcome, planned, recorded
from tests.answering.test_paid import about, chat, right
from tests.answering.test_paid import _key as _key  # a fixture
from tests.endpoint.server import chat_server


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


def _ids(found: object) -> set[str]:
    return {each.question.id for each in only(found).rows}  # type: ignore[arg-type]
