from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evals.metrics import interval, per_question
from evals.runs import falling, scores, write_judgements, write_run

JUDGEMENTS = {"q1": {"a#1": 1, "a#2": 1}, "q2": {"b#1": 1}, "q3": {"c#1": 1}}
RUN = {"q1": ["a#9", "a#1", "a#3"], "q2": ["b#1"], "unjudged": ["a#1"]}
NAMES = ("R@10", "nDCG@10", "RR@10", "R@1")
SCORED = {id: scores(ranked) for id, ranked in RUN.items()}
TREC: Any = ir_measures


def test_values_by_hand() -> None:
    found = per_question(JUDGEMENTS, RUN, NAMES)
    assert found["R@10"] == {"q1": 0.5, "q2": 1.0, "q3": 0.0}
    assert found["RR@10"] == {"q1": 0.5, "q2": 1.0, "q3": 0.0}
    assert found["R@1"]["q1"] == 0.0
    ideal = 1 + 1 / math.log2(3)
    assert found["nDCG@10"]["q1"] == pytest.approx(1 / math.log2(3) / ideal)


def test_files_give_other_tools_the_same_values(tmp_path: Path) -> None:
    write_run(SCORED, tmp_path / "x.run", tag="x")
    write_judgements(JUDGEMENTS, tmp_path / "qrels.txt")
    run = list(TREC.read_trec_run(str(tmp_path / "x.run")))
    qrels = list(TREC.read_trec_qrels(str(tmp_path / "qrels.txt")))
    measure = ir_measures.parse_measure("nDCG@10")
    values = {each.query_id: each.value for each in ir_measures.iter_calc([measure], qrels, run)}
    ours = per_question(JUDGEMENTS, RUN, ["nDCG@10"])["nDCG@10"]
    assert {id: values.get(id, 0.0) for id in ours} == pytest.approx(ours)


def test_ids_with_blanks_do_not_break_the_files(tmp_path: Path) -> None:
    write_run({"q 1": {"my file.pdf#0": 0.1, "b": -1}}, tmp_path / "x.run", tag="x")
    write_judgements({"q 1": {"my file.pdf#0": 1}}, tmp_path / "qrels.txt")
    assert (tmp_path / "x.run").read_text().splitlines() == [
        "q%201 Q0 my%20file.pdf#0 1 0.1 x",
        "q%201 Q0 b 2 -1.0 x",
    ]
    assert (tmp_path / "qrels.txt").read_text() == "q%201 0 my%20file.pdf#0 1\n"


def test_runs_have_the_scores_that_were_given(tmp_path: Path) -> None:
    given = {"c": 0.032786885245901644, "b": 0.03125, "a": 1e-9, "d": -17.25, "e": -3e8}
    write_run({"q": given}, tmp_path / "x.run", tag="x")
    read = {each.doc_id: each.score for each in TREC.read_trec_run(str(tmp_path / "x.run"))}
    assert list(read) == list(given)
    assert read == pytest.approx(given, rel=1e-7)


any_score = st.floats(width=32) | st.floats() | st.sampled_from([0.0, 0.5, 0.5 + 1e-12, 1e-45])


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "a1", "b~", "b c", "Z", "ä", "a#10", "a#2"]),
                       any_score), min_size=1, max_size=9, unique_by=lambda each: each[0]),
)  # fmt: skip
@example([("a", 1.0), ("b", 1.0), ("c", 1.0)])  # of one score, against both ways to break ties
@example([("a", 0.1), ("b", 0.2), ("c", math.nan), ("d", 0.15)])  # a deeper search gave more
@example([("a", math.inf), ("b", math.inf), ("c", -math.inf), ("d", -math.inf)])
def test_whoever_sorts_a_run_by_its_scores_finds_our_order(
    ranked: list[tuple[str, float]],
) -> None:
    """By trec_eval, in single precision and ties by falling ids, and by tools that do otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        run, qrels = Path(folder) / "x.run", Path(folder) / "qrels.txt"
        write_run({"q": dict(ranked)}, run, tag="x")
        names = ("RR@10", "nDCG@3", "P@2", "AP", "Success@1", "R@5")
        for wanted, _ in ranked:
            write_judgements({"q": {wanted: 1}}, qrels)
            ours = per_question({"q": {wanted: 1}}, {"q": [unit for unit, _ in ranked]}, names)
            measures = {ir_measures.parse_measure(name): name for name in names}
            rows = list(TREC.read_trec_qrels(str(qrels))), list(TREC.read_trec_run(str(run)))
            for each in ir_measures.iter_calc(list(measures), *rows):
                assert each.value == pytest.approx(ours[measures[each.measure]]["q"])


def test_a_score_that_would_stand_above_the_one_before_is_lowered_and_no_other() -> None:
    assert list(falling([3.0, 2.0, 2.5, 1.0])) == [3.0, 2.0, np.nextafter(np.float32(2), 0), 1.0]
    assert list(falling([0.5, 0.5, 0.25])) == [0.5, np.nextafter(np.float32(0.5), 0), 0.25]


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
