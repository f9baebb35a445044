"""What the gate's rules promise, whatever the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.indexes.ledger import Ledger
from components.spec.gate import Gate
from evals import gate
from evals.datasets.judged import Judged, Question
from evals.gate import PASSED, Judge, Part, outcome, refuted, weighed
from evals.significance import Rules
from evals.significance.verdict import Verdict

QUICK = Rules(resamples=256)
"""Up to eight queries are compared exactly."""
TENTHS = st.integers(0, 10).map(lambda each: each / 10)


def scores(values: Sequence[float]) -> dict[str, float]:
    return {f"q{at:03}": value for at, value in enumerate(values)}


def part(value: str, queries: Sequence[int]) -> Part:
    return Part(by="kind", value=value, queries=frozenset(f"q{each:03}" for each in queries))


def said(
    own: Sequence[float],
    live: Sequence[float],
    anchor: Sequence[float],
    slices: Sequence[Part] = (),
    rules: Rules = QUICK,
) -> Verdict:
    (tested,) = weighed([scores(own)], scores(live), scores(anchor), rules, slices)
    return outcome(tested)


@st.composite
def systems(draw: st.DrawFn, count: int, fewest: int = 6) -> list[list[float]]:
    """Of the same queries, each some tenths away from the first."""
    size = draw(st.integers(fewest, 24))
    first = draw(st.lists(TENTHS, min_size=size, max_size=size))
    moves = st.lists(st.sampled_from([0, 0, 0, 0.1, -0.1, 1, -1]), min_size=size, max_size=size)
    others = [draw(moves) for _ in range(count - 1)]
    moved = [
        [min(1.0, max(0.0, a + b)) for a, b in zip(first, each, strict=True)] for each in others
    ]
    return [first, *moved]


LAW = settings(max_examples=60, deadline=None)


@LAW
@given(systems(3), st.booleans())
def test_all_comparisons_must_hold(found: list[list[float]], sliced: bool) -> None:
    live, anchor, own = found
    half = len(live) // 2
    slices = [part("one", range(half)), part("other", range(half, len(live)))] if sliced else []
    (tested,) = weighed([scores(own)], scores(live), scores(anchor), QUICK, slices)
    assert len(tested) == 2 * (1 + len(slices))
    words = [each.found.verdict for each in tested]
    told = outcome(tested)
    assert (told in PASSED) == all(each in PASSED for each in words)
    assert (told == "worse") == ("worse" in words)
    whole = [each.found.verdict for each in tested if each.part is None]
    assert (told == "better") == (
        whole == ["better", "better"] and all(each in PASSED for each in words)
    )


@LAW
@given(systems(3))
def test_slices_and_an_anchor_only_ever_hold_more(found: list[list[float]]) -> None:
    live, anchor, own = found
    if said(own, live, anchor, [part("all but one", range(1, len(live)))]) in PASSED:
        assert said(own, live, anchor) in PASSED
    if said(own, live, anchor) in PASSED:
        assert said(own, live, live) in PASSED


@LAW
@given(systems(5), st.permutations(range(3)))
def test_the_order_of_candidates_does_not_matter(
    found: list[list[float]], order: list[int]
) -> None:
    live, anchor, *own = (scores(each) for each in found)
    one = [outcome(each) for each in weighed(own, live, anchor, QUICK)]
    other = [outcome(each) for each in weighed([own[at] for at in order], live, anchor, QUICK)]
    assert other == [one[at] for at in order]


@LAW
@given(systems(5))
def test_what_passes_among_others_passes_alone(found: list[list[float]]) -> None:
    live, anchor, *own = found
    among = weighed([scores(each) for each in own], scores(live), scores(anchor), QUICK)
    for each, tested in zip(own, among, strict=True):
        if outcome(tested) in PASSED:
            assert said(each, live, anchor) in PASSED


@LAW
@given(systems(1))
def test_equal_systems_pass(found: list[list[float]]) -> None:
    (own,) = found
    assert said(own, own, own) == "no_worse"


@LAW
@given(st.integers(1, 5), TENTHS, TENTHS)
def test_fewer_than_six_queries_are_undecided(count: int, own: float, live: float) -> None:
    assert said([own] * count, [live] * count, [live] * count) == "undecided"


def test_a_slice_of_fewer_than_six_is_undecided_and_holds() -> None:
    equal = [0.5] * 40
    assert said(equal, equal, equal, [part("few", range(5))]) == "undecided"
    assert said(equal, equal, equal, [part("enough", range(6))]) == "no_worse"


def test_a_worse_slice_holds_what_is_better_on_the_whole() -> None:
    live = [0.5] * 60
    own = [0.7, 0.9] * 20 + [0.2, 0.4] * 10
    rare = part("rare", range(40, 60))
    assert said(own, live, live) == "better"
    assert said(own, live, live, [part("frequent", range(40))]) == "better"
    assert said(own, live, live, [rare]) == "worse"


def test_a_slice_need_not_be_better() -> None:
    live = [0.5] * 60
    own = [0.7, 0.9] * 20 + [0.5] * 20
    assert said(own, live, live, [part("rare", range(40, 60))]) == "better"


def test_better_than_one_of_the_two_only_is_no_better() -> None:
    low, high = [0.4, 0.6] * 20, [0.6, 0.8] * 20
    assert said(high, low, low) == "better"
    assert said(high, low, high) == "no_worse"
    assert said(high, high, low) == "no_worse"
    assert said(low, high, low) == "worse"
    assert said(low, low, high) == "worse"


def test_alpha_is_two_sided() -> None:
    """Six of six one way: 1/64 by one side, 1/32 by both."""
    live, gain, small = [0.5] * 6, [0.6] * 6, [0.49] * 6
    for own, word in ((gain, "better"), (small, "no_worse")):
        assert said(own, live, live, rules=Rules(alpha=0.032)) == word
    for own in (gain, small):
        assert said(own, live, live, rules=Rules(alpha=0.031)) == "undecided"


@pytest.mark.parametrize("changed", [[1.0], [0.4, 0.6], [0.4], [0.0]])
@pytest.mark.parametrize(("queries", "word"), [(60, "undecided"), (300, "no_worse")])
def test_where_one_or_two_queries_change_their_number_decides(
    changed: list[float], queries: int, word: str
) -> None:
    """More than one resample in twenty has none of them, and so no spread. But no query loses more
    than 1: where so few of many lose, a mean loss of the margin is excluded.
    """
    live = [0.5] * queries
    own = [*changed, *live[len(changed) :]]
    assert said(own, live, live) == word


@pytest.mark.parametrize(
    ("losing", "queries", "family", "excluded"),
    [
        (0, 122, 1, True),
        (0, 121, 1, False),
        (3, 300, 1, True),
        (4, 300, 1, False),
        (3, 300, 2, False),
    ],
)
def test_how_many_may_lose(losing: int, queries: int, family: int, excluded: bool) -> None:
    assert refuted(losing, queries, Rules(), family) == excluded


def test_a_metric_that_may_be_above_1_takes_no_such_bound() -> None:
    live = [5.0] * 300
    assert said([4.0, *live[1:]], live, live) == "undecided"


def judged(kinds: Mapping[str, int]) -> Judged:
    questions = tuple(
        Question(id=f"{kind}{at}", text=f"{kind} {at}", metadata={"kind": kind})
        for kind, count in kinds.items()
        for at in range(count)
    )
    judgements = {each.id: {"d": 1} for each in questions}
    return Judged(
        name="made up",
        split="test",
        questions=questions,
        judgements=judgements,
        source={},
        checksum="abc",
    )


def test_slices_too_small_for_a_verdict_are_none() -> None:
    judge = Judge(Gate(data="made up", slices=("kind",)), judged({"a": 6, "b": 5}), "nDCG@10")
    assert [each.value for each in judge.slices] == ["a"]


def test_what_equals_the_anchor_is_equal_whatever_digits_a_ledger_keeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = judged({"a": 30})
    values = {each.id: 1 / (3 + at) for at, each in enumerate(data.questions)}
    measured = SimpleNamespace(values={"nDCG@10": values})
    monkeypatch.setattr(gate, "evaluate", lambda *_, **__: measured)
    monkeypatch.setattr(gate, "_systems", lambda *_: ["live", "candidate"])
    judge = Judge(Gate(data="made up"), data, "nDCG@10")
    nothing: Any = SimpleNamespace(identity="b", live_identity="a", number=1)
    first = judge(nothing, nothing, nothing, Ledger())
    second = judge(nothing, nothing, nothing, Ledger(anchor=1, scores=first.anchors[0].scores))
    assert second.outcome == "no_worse"
    assert [(each["against"], each["ties"]) for each in second.told["tests"]] == [
        ("live", 30),
        ("anchor", 30),
    ]


def test_a_comparison_is_told_with_its_slice() -> None:
    live = scores([0.5] * 12)
    (tested,) = weighed([live], live, live, QUICK, [part("few", range(6))])
    assert [_where(each) for each in tested] == [
        ("live", None, 12),
        ("anchor", None, 12),
        ("live", "few", 6),
        ("anchor", "few", 6),
    ]


def _where(tested: gate.Tested) -> tuple[str, str | None, int]:
    told = tested.to_json()
    return told["against"], told.get("value"), told["questions"]


def test_scores_of_another_scope_are_no_anchor(monkeypatch: pytest.MonkeyPatch) -> None:
    data = judged({"a": 30})
    measured = SimpleNamespace(values={"nDCG@10": {each.id: 0.5 for each in data.questions}})
    monkeypatch.setattr(gate, "evaluate", lambda *_, **__: measured)
    monkeypatch.setattr(gate, "_systems", lambda *_: ["live", "candidate"])
    nothing: Any = SimpleNamespace(identity="b", live_identity="a", number=2)
    better = {each.id: 0.9 for each in data.questions}
    own = Judge(Gate(data="made up"), data, "nDCG@10").checksum
    kept = {"data": own, "metric": "nDCG@10", "values": better}
    ledger = Ledger(anchor=1, scores=kept)
    plain = Judge(Gate(data="made up"), data, "nDCG@10")(nothing, nothing, nothing, ledger)
    assert (plain.outcome, list(plain.anchors)) == ("worse", [])
    scoped = Gate(data="made up", scope=True)
    told = Judge(scoped, data, "nDCG@10")(nothing, nothing, nothing, ledger)
    assert told.outcome == "no_worse"
    assert "the metric or the scope has changed" in told.anchors[0].why
