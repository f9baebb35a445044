"""How far rankings have moved."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import UserError
from evals.shift import shift

RANKING = st.lists(st.integers(0, 30).map(str), unique=True, max_size=15)
RUNS = st.lists(st.tuples(RANKING, RANKING), min_size=1, max_size=5).map(
    lambda pairs: tuple({f"q{at}": pair[side] for at, pair in enumerate(pairs)} for side in (0, 1))
)


def test_by_hand() -> None:
    before = {"same": ["a", "b"], "half": ["a", "b", "c"], "gone": ["a"], "new": []}
    after = {"new": ["a"], "same": ["a", "b"], "half": ["b", "d", "c"], "gone": ["x"]}
    found = shift(before, after)
    assert [each.query for each in found.queries] == ["gone", "new", "half", "same"]
    assert [each.jaccard for each in found.queries] == pytest.approx([0, 0, 2 / 4, 1])
    # b at 2 and 1: 2 / (2 * 3); c at 3 and 3: 2 / (1 * 6); over 1 + 1 / 2.
    assert [each.rank_similarity for each in found.queries] == pytest.approx([0, 0, 4 / 9, 1])
    assert found.jaccard == pytest.approx(1.5 / 4)
    assert found.value == pytest.approx(1 - 1.5 / 4)
    assert found.rank_similarity == pytest.approx((4 / 9 + 1) / 4)


def test_the_order_alone_moves_no_unit_but_is_told() -> None:
    before, after = {"p": ["a", "b"], "q": ["a", "b"]}, {"p": ["a", "b"], "q": ["b", "a"]}
    found = shift(before, after)
    assert found.value == 0
    assert found.rank_similarity < 1
    assert [each.query for each in found.queries] == ["q", "p"]


def test_nothing_found_on_both_sides_is_no_loss() -> None:
    assert shift({"q": []}, {"q": []}).value == 0
    assert shift({"q": []}, {"q": []}).rank_similarity == 1
    assert shift({"q": []}, {"q": ["a"]}).value == 1


def test_ten_units_count() -> None:
    ten = [str(each) for each in range(10)]
    assert shift({"q": [*ten, "x"]}, {"q": [*ten, "y", "z"]}).value == 0


@given(RUNS)
def test_a_shift_is_the_same_both_ways(runs: tuple[dict[str, list[str]], ...]) -> None:
    there, back = shift(runs[0], runs[1]), shift(runs[1], runs[0])
    assert there == back
    assert 0 <= there.value <= 1
    assert 0 <= there.rank_similarity <= 1


@given(RUNS)
def test_nothing_moves_from_itself(runs: tuple[dict[str, list[str]], ...]) -> None:
    found = shift(runs[0], runs[0])
    assert (found.value, found.rank_similarity) == (0, 1)


def test_as_json() -> None:
    found = shift({"p": ["a"], "q": ["a"]}, {"p": ["a"], "q": ["b"]})
    told = json.loads(json.dumps(found.to_json()))
    assert told == {
        "value": 0.5,
        "depth": 10,
        "jaccard": 0.5,
        "rank_similarity": 0.5,
        "queries": [
            {"query": "q", "jaccard": 0.0, "rank_similarity": 0.0},
            {"query": "p", "jaccard": 1.0, "rank_similarity": 1.0},
        ],
    }


def test_runs_of_other_queries() -> None:
    with pytest.raises(UserError, match="1 questions on one side only: q"):
        shift({"p": []}, {"p": [], "q": []})
    with pytest.raises(UserError, match="no questions"):
        shift({}, {})
