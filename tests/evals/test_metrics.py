from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import ir_measures
import pytest

from evals.metrics import interval, per_question
from evals.runs import write_judgements, write_run

JUDGEMENTS = {"q1": {"a#1": 1, "a#2": 1}, "q2": {"b#1": 1}, "q3": {"c#1": 1}}
RUN = {"q1": ["a#9", "a#1", "a#3"], "q2": ["b#1"], "unjudged": ["a#1"]}
NAMES = ("R@10", "nDCG@10", "RR@10", "R@1")


def test_values_by_hand() -> None:
    found = per_question(JUDGEMENTS, RUN, NAMES)
    assert found["R@10"] == {"q1": 0.5, "q2": 1.0, "q3": 0.0}
    assert found["RR@10"] == {"q1": 0.5, "q2": 1.0, "q3": 0.0}
    assert found["R@1"]["q1"] == 0.0
    ideal = 1 + 1 / math.log2(3)
    assert found["nDCG@10"]["q1"] == pytest.approx(1 / math.log2(3) / ideal)


def test_files_give_other_tools_the_same_values(tmp_path: Path) -> None:
    write_run(RUN, tmp_path / "x.run", tag="x")
    write_judgements(JUDGEMENTS, tmp_path / "qrels.txt")
    read: Any = ir_measures
    run = list(read.read_trec_run(str(tmp_path / "x.run")))
    qrels = list(read.read_trec_qrels(str(tmp_path / "qrels.txt")))
    measure = ir_measures.parse_measure("nDCG@10")
    values = {each.query_id: each.value for each in ir_measures.iter_calc([measure], qrels, run)}
    ours = per_question(JUDGEMENTS, RUN, ["nDCG@10"])["nDCG@10"]
    assert {id: values.get(id, 0.0) for id in ours} == pytest.approx(ours)


def test_ids_with_blanks_do_not_break_the_files(tmp_path: Path) -> None:
    write_run({"q 1": ["my file.pdf#0", "b"]}, tmp_path / "x.run", tag="x")
    write_judgements({"q 1": {"my file.pdf#0": 1}}, tmp_path / "qrels.txt")
    assert (tmp_path / "x.run").read_text().splitlines() == [
        "q%201 Q0 my%20file.pdf#0 1 2 x",
        "q%201 Q0 b 2 1 x",
    ]
    assert (tmp_path / "qrels.txt").read_text() == "q%201 0 my%20file.pdf#0 1\n"


def test_two_names_of_one_metric_have_the_same_values() -> None:
    found = per_question(JUDGEMENTS, RUN, ("RR@10", "MRR@10"))
    assert found["RR@10"] == found["MRR@10"] == {"q1": 0.5, "q2": 1.0, "q3": 0.0}


def test_grades_and_the_order_count_as_in_the_textbook() -> None:
    found = per_question({"q": {"a": 3, "b": 1, "c": 2}}, {"q": ["b", "x", "a"]}, ("nDCG@10", "AP"))
    ideal = 3 + 2 / math.log2(3) + 1 / 2
    assert found["nDCG@10"]["q"] == pytest.approx((1 + 3 / 2) / ideal)
    assert found["AP"]["q"] == pytest.approx((1 / 1 + 2 / 3) / 3)


def test_questions_without_an_answer_count_nothing() -> None:
    assert per_question(JUDGEMENTS, {}, ["R@10"]) == {"R@10": dict.fromkeys(JUDGEMENTS, 0.0)}
    found = per_question(JUDGEMENTS, {"q1": [], "q2": ["b#1"]}, ["R@10"])
    assert found["R@10"] == {"q1": 0.0, "q2": 1.0, "q3": 0.0}


def test_the_order_of_a_ranking_is_kept_where_it_is_long() -> None:
    ranked = [f"p#{number}" for number in range(200)]
    found = per_question({"q": {"p#99": 1}}, {"q": ranked}, ["RR@200"])
    assert found["RR@200"]["q"] == pytest.approx(1 / 100)


def test_intervals() -> None:
    values = [1.0] * 30 + [0.0] * 31
    found = interval(values)
    assert found == interval(values)
    assert found.mean == pytest.approx(30 / 61)
    # The normal approximation is close for a share near one half.
    half = 1.96 * math.sqrt(found.mean * (1 - found.mean) / 61)
    assert found.low == pytest.approx(found.mean - half, abs=0.02)
    assert found.high == pytest.approx(found.mean + half, abs=0.02)
    wider = interval(values, 0.99)
    assert wider.low < found.low < found.high < wider.high
    certain = interval([0.5, 0.5])
    assert (certain.low, certain.high) == (0.5, 0.5)
    with pytest.raises(ValueError, match="no values"):
        interval([])
