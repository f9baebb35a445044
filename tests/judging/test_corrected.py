"""Rates that people would find: the laws of both corrections, and how far intervals hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.datasets.judged import BadData
from evals.judging import mixture, strata
from evals.judging.corrected import Label, Verdicts, corrected
from evals.judging.judgement import CLASSES, Judgement, Verdict
from evals.judging.labelled import Labelled
from evals.judging.left_out import errors, left_out
from evals.judging.strata import FEWEST, Stratum, allocated


def labels(*cells: tuple[Verdict, Verdict, int], questions: int = 20) -> list[Label]:
    """So many of a person's and a judge's verdict, dealt out to questions."""
    found = [(human, judge) for human, judge, count in cells for _ in range(count)]
    return [
        Label(question_id=f"q{at % questions}", human=human, verdicts=(judge,))
        for at, (human, judge) in enumerate(found)
    ]


def verdicts(**counts: int) -> list[Verdicts]:
    return [(verdict,) for verdict in CLASSES for _ in range(counts.get(verdict, 0))]


def test_two_verdicts_and_two_truths_are_rogan_and_gladen() -> None:
    known = labels(
        ("correct", "correct", 80),
        ("correct", "incorrect", 20),
        ("incorrect", "correct", 10),
        ("incorrect", "incorrect", 90),
    )
    found = corrected(known, verdicts(correct=50, incorrect=50))
    assert found.mean == pytest.approx((0.5 + 0.9 - 1) / (0.8 + 0.9 - 1))
    assert found.low < found.mean < found.high


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40))
def test_a_judge_without_errors_needs_no_correction(right: int, wrong: int, shy: int) -> None:
    known = labels(*((each, each, 30) for each in CLASSES))
    found = corrected(known, verdicts(correct=right, incorrect=wrong, refused=shy), draws=50)
    assert found.mean == pytest.approx(right / (right + wrong + shy))


def test_a_judge_that_knows_nothing_says_nothing() -> None:
    known = labels(*((human, judge, 30) for human in CLASSES for judge in CLASSES))
    found = corrected(known, verdicts(correct=20, incorrect=20, refused=20))
    assert found.low < 0.05
    assert found.high > 0.95


@pytest.mark.parametrize(("known", "open_"), [(0, 40), (30, 10)])
def test_of_a_verdict_that_no_label_has_nothing_is_known(known: int, open_: int) -> None:
    both = labels(("correct", "correct", 200), ("incorrect", "incorrect", 200))
    said: list[Verdicts] = [("unmeasured",)] * open_
    found = corrected(both, [*verdicts(correct=known), *said])
    assert found.low <= known / (known + open_)
    assert found.high > 0.95


def test_who_refuses_more_than_the_labelled_is_not_taken_for_wrong() -> None:
    """Refusals and wrong answers are told apart: the labelled systems may have had few."""
    known = labels(
        ("correct", "correct", 90),
        ("correct", "incorrect", 10),
        ("incorrect", "correct", 20),
        ("incorrect", "incorrect", 80),
        ("refused", "refused", 20),
    )
    shy = corrected(known, verdicts(correct=42, incorrect=28, refused=130))
    assert shy.mean == pytest.approx(40 / 200, abs=1e-9)


def test_what_the_rules_leave_open_counts_in_the_corrected_rate() -> None:
    known = [
        *labels(("correct", "correct", 50), ("incorrect", "incorrect", 50)),
        *labels(("correct", "unmeasured", 50), ("incorrect", "unmeasured", 10)),
    ]
    open_: list[Verdicts] = [("unmeasured",)] * 30
    found = corrected(known, [*verdicts(correct=25, incorrect=25), *open_])
    assert 0.5 < found.mean < 0.7


def test_answers_to_a_question_are_alike() -> None:
    """The same labels of fewer questions are less sure."""
    cells: tuple[tuple[Verdict, Verdict, int], ...] = (
        ("correct", "correct", 160),
        ("correct", "incorrect", 40),
        ("incorrect", "correct", 20),
        ("incorrect", "incorrect", 180),
    )
    asked = verdicts(correct=150, incorrect=150)
    alike = labels(*cells)
    by_question = [
        Label(question_id=f"q{at // 20}", human=each.human, verdicts=each.verdicts)
        for at, each in enumerate(alike)
    ]
    many = corrected(labels(*cells, questions=400), asked)
    few = corrected(by_question, asked)
    assert few.mean == many.mean
    assert few.high - few.low > 1.5 * (many.high - many.low)


def test_labels_count_as_what_they_stand_for() -> None:
    once = labels(
        ("correct", "correct", 30), ("correct", "incorrect", 10), ("incorrect", "incorrect", 20)
    )
    thrice = [
        Label(question_id=each.question_id, human=each.human, verdicts=each.verdicts, weight=3.0)
        for each in once
    ]
    asked = verdicts(correct=20, incorrect=20)
    assert corrected(thrice, asked) == corrected(once, asked)


def test_what_has_failed_is_not_right() -> None:
    known = labels(*((each, each, 30) for each in CLASSES))
    asked = verdicts(correct=20)
    assert corrected(known, asked, failed=20).mean == pytest.approx(0.5)
    assert corrected(known, asked, failed=20).high < 0.75


def test_all_of_a_few_is_not_all() -> None:
    known = labels(*((each, each, 100) for each in CLASSES))
    assert corrected(known, verdicts(correct=20)).low < 0.95
    assert strata.share([Stratum(answers=20, labels=20, correct=20)]).low < 0.95


@pytest.mark.parametrize("only", ["correct", "incorrect"])
def test_labels_of_one_kind_correct_nothing(only: Verdict) -> None:
    with pytest.raises(BadData, match="some that are not"):
        corrected(labels((only, "correct", 9)), verdicts(correct=3))


def test_a_judge_that_says_one_thing_corrects_nothing() -> None:
    with pytest.raises(BadData, match="tell nothing apart"):
        corrected(
            labels(("correct", "correct", 9), ("incorrect", "correct", 9)), verdicts(correct=3)
        )


def test_a_judge_that_takes_refusals_for_wrong_answers() -> None:
    """It has two verdicts, and cannot tell three kinds apart."""
    known = labels(
        ("correct", "correct", 50), ("incorrect", "incorrect", 25), ("refused", "incorrect", 25)
    )
    found = corrected(known, verdicts(correct=40, incorrect=60))
    assert found.mean == pytest.approx(0.4)
    assert found.low < 0.35 < 0.45 < found.high


def test_no_answer_has_no_rate() -> None:
    with pytest.raises(BadData, match="no answer"):
        corrected(labels(("correct", "correct", 9), ("incorrect", "incorrect", 9)), [])


def test_a_stratum_counts_by_its_size() -> None:
    found = strata.share(
        [
            Stratum(answers=80, labels=10, correct=9),
            Stratum(answers=20, labels=10, correct=1),
        ]
    )
    assert found.mean == pytest.approx(0.8 * 0.9 + 0.2 * 0.1)


def test_of_a_stratum_without_labels_nothing_is_known() -> None:
    known = Stratum(answers=50, labels=50, correct=40)
    found = strata.share([known, Stratum(answers=50, labels=0, correct=0)])
    assert found.mean == pytest.approx(0.8)
    assert found.low < 0.45
    assert found.high > 0.85


sizes = st.lists(st.integers(1, 60), min_size=1, max_size=8)


@given(sizes, st.integers(1, 300), st.data())
def test_labels_are_allotted_within_the_strata(
    sizes: list[int], count: int, data: st.DataObject
) -> None:
    likely = [data.draw(st.floats(0.05, 0.95)) for _ in sizes]
    found = allocated(sizes, likely, count)
    floors = [min(FEWEST, each) for each in sizes]
    assert all(low <= each <= size for low, each, size in zip(floors, found, sizes, strict=True))
    assert sum(found) == min(sum(sizes), max(count, sum(floors)))


def test_labels_go_where_judges_are_least_sure() -> None:
    sure, open_ = allocated([100, 100], [0.95, 0.5], 60)
    assert sure + open_ == 60
    assert open_ > 2 * sure


def drawn(
    random: np.random.Generator, shares: tuple[float, ...], questions: int, answers: int
) -> mixture.Array:
    """Answers (questions, kinds, verdicts) of a judge that errs with a fifth of them, and most with
    some questions.
    """
    own, other = random.choice(3, (questions, answers), p=shares), random.integers(1, 3, questions)
    wrong = random.random((questions, answers)) < random.beta(0.6, 2.4, questions)[:, None]
    found = np.zeros((questions, 3, 3))
    said = np.where(wrong, (own + other[:, None]) % 3, own)
    np.add.at(found, (np.arange(questions)[:, None], own, said), 1)
    return found


@pytest.mark.parametrize("right", [0.3, 0.9])
def test_the_interval_holds_the_truth(right: float) -> None:
    random = np.random.default_rng(5)
    held = 0
    for seed in range(200):
        known = drawn(random, (0.5, 0.25, 0.25), 61, 8)
        run = drawn(random, (right, 0.6 * (1 - right), 0.4 * (1 - right)), 150, 1).sum(axis=(0, 1))
        found = mixture.share(known, run, draws=300, seed=seed)
        held += found.low <= right <= found.high
    assert held / 200 >= 0.9


def labelled(run: str, id: int, human: Verdict) -> Labelled:
    return Labelled(run, f"q{id}", "even", "How many?", 12, "12", human)


def test_each_run_is_corrected_by_the_others() -> None:
    """A judge that takes a fifth of the right answers for wrong ones, of whatever run."""
    judged = [
        (labelled(run, id, human), Judgement(said, "number", "."))
        for run, right in (("a", 10), ("b", 25), ("c", 40))
        for id in range(50)
        for human in (("correct" if id < right else "incorrect"),)
        for said in (human if id % 5 else "incorrect",)
    ]
    found = left_out(judged)
    assert [each.run for each in found] == ["a", "b", "c"]
    assert [each.people for each in found] == [0.2, 0.5, 0.8]
    assert [each.raw for each in found] == pytest.approx([0.16, 0.4, 0.64])
    assert [each.corrected.mean for each in found] == pytest.approx([0.2, 0.5, 0.8])
    assert all(each.covers for each in found)
    assert errors(found)["raw_difference"] == pytest.approx(-0.1)
    assert errors(found)["corrected_distance"] == pytest.approx(0.0, abs=1e-9)
    assert left_out(judged[:50]) == []
