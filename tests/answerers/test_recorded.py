"""Answers that were given before."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from components.answerers.recorded import Recorded
from components.errors import NoAnswer, SourceMissing, SpecError
from components.values import Query
from evals.judging.labelled import labelled
from tests.contracts.answerer import AnswererContract

_DATA = Path(os.environ.get("MILLRACE_DATA", Path(__file__).parents[3] / "shared" / "data"))
FINANCEBENCH = _DATA / "financebench"
LABELS = {"correct": 450, "incorrect": 243, "refused": 283}
"""Of people, over the 16 runs, counted in the files."""


def lines(file: Path, *rows: object) -> Path:
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


def said(recorded: Recorded, id: str) -> str:
    return recorded.answer(Query(id=id, text="?"), []).text


class TestContract(AnswererContract):
    @pytest.fixture
    def answerer(self, tmp_path: Path) -> Recorded:
        return Recorded(path=lines(tmp_path / "a.jsonl", {"id": "7", "answer": "It was."}))


def test_usual_fields_are_found(tmp_path: Path) -> None:
    rows = ({"financebench_id": "a", "model_answer": "1", "answer": "gold"}, {"_id": 7, "text": ""})
    recorded = Recorded(path=lines(tmp_path / "a.jsonl", *rows))
    assert (said(recorded, "a"), said(recorded, "7")) == ("1", "")


def test_named_fields_are_taken(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", {"id": "x", "key": "y", "answer": "1", "reply": "2"})
    recorded = Recorded(path=file, id="key", text="reply")
    assert said(recorded, "y") == "2"
    with pytest.raises(NoAnswer):
        said(recorded, "x")


def test_other_answers_are_another_fact(tmp_path: Path) -> None:
    one = Recorded(path=lines(tmp_path / "a.jsonl", {"id": "x", "answer": "1"}))
    other = Recorded(path=lines(tmp_path / "b.jsonl", {"id": "x", "answer": "2"}))
    assert one.facts != other.facts


def test_a_row_without_an_answer_leaves_its_question_without_one(tmp_path: Path) -> None:
    rows = ({"id": "a", "answer": "1"}, {"id": "b", "answer": None}, {"id": "c"})
    recorded = Recorded(path=lines(tmp_path / "a.jsonl", *rows))
    assert said(recorded, "a") == "1"
    for id in "bc":
        with pytest.raises(NoAnswer):
            said(recorded, id)


def test_a_field_that_no_row_has_is_refused(tmp_path: Path) -> None:
    recorded = Recorded(path=lines(tmp_path / "a.jsonl", {"id": "a", "answer": "1"}), text="aswer")
    with pytest.raises(SpecError, match="no row has the field aswer"):
        said(recorded, "a")


def test_a_row_without_an_id_is_refused(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", {"id": "a", "answer": "1"}, {"id": None, "answer": "1"})
    with pytest.raises(SpecError) as caught:
        said(Recorded(path=file), "a")
    assert caught.value.where.endswith("a.jsonl line 2")


def test_half_characters_reach_no_file(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.jsonl", {"id": "a", "answer": "x \ud800 \ud83d\ude00"})
    assert said(Recorded(path=file), "a") == "x \ufffd \U0001f600"


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing) as absent:
        said(Recorded(path=tmp_path / "none.jsonl"), "x")
    assert absent.value.where.endswith("none.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"id": "x", "answer": "1"}\n[]\n')
    with pytest.raises(SpecError) as bad:
        said(Recorded(path=tmp_path / "bad.jsonl"), "x")
    assert bad.value.where.endswith("bad.jsonl line 2")


@pytest.mark.skipif(not FINANCEBENCH.is_dir(), reason=f"{FINANCEBENCH} is absent")
def test_all_labelled_answers_are_replayed() -> None:
    found = labelled(FINANCEBENCH)
    runs = sorted({each.run for each in found})
    assert len(runs) == 16
    assert Counter(each.human for each in found) == LABELS
    for run in runs:
        replay = Recorded(path=FINANCEBENCH / "human_labels" / f"{run}.jsonl")
        own = [each for each in found if each.run == run]
        assert [said(replay, each.question_id) for each in own] == [each.answer for each in own]
