"""Accuracy, kappa and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from evals.judging.agreement import Pair, accuracy, agreement, kappa
from evals.judging.judgement import CLASSES, Verdict

TOY = np.array([[20.0, 5, 0], [10, 15, 2], [1, 0, 30]])


def pairs() -> list[Pair]:
    """The toy table, dealt out to five questions."""
    found: list[Pair] = []
    for row, human in enumerate(CLASSES):
        for column, judge in enumerate(CLASSES):
            count = int(TOY[row, column])
            found += [Pair(str(each % 5), human, judge) for each in range(count)]
    return found


def test_by_hand() -> None:
    table = np.array([[4.0, 1, 0], [1, 2, 0], [0, 0, 2]])
    assert accuracy(table) == pytest.approx(0.8)
    by_chance = (5 * 5 + 3 * 3 + 2 * 2) / 100
    assert kappa(table) == pytest.approx((0.8 - by_chance) / (1 - by_chance))


def test_against_statsmodels() -> None:
    random = np.random.default_rng(7)
    tables = np.concatenate([TOY[None], random.integers(1, 40, size=(20, 3, 3))])
    expected = [cohens_kappa(each).kappa for each in tables]
    assert kappa(tables) == pytest.approx(np.array(expected))


def test_one_class_has_no_kappa() -> None:
    found = agreement([Pair("a", "correct", "correct"), Pair("b", "correct", "correct")])
    assert found.accuracy.mean == 1
    assert np.isnan(found.kappa.mean)
    assert found.to_json()["kappa"] == {"value": None, "low": None, "high": None}


def test_agreement() -> None:
    found = agreement(pairs())
    assert np.array_equal(found.confusion, TOY)
    assert found.answers == 83
    assert found.questions == 5
    assert found.kappa.mean == pytest.approx(cohens_kappa(TOY).kappa)
    assert found.accuracy.low < found.accuracy.mean < found.accuracy.high
    assert found.kappa.low < found.kappa.mean < found.kappa.high


def test_seeded_and_without_order() -> None:
    assert agreement(pairs()) == agreement(pairs()[::-1])
    assert agreement(pairs(), resamples=9) != agreement(pairs(), resamples=9, seed=1)


def test_questions_are_drawn_and_not_answers() -> None:
    """All answers to a question agree or differ together, so many answers are no surer."""
    labels: list[tuple[Verdict, Verdict]] = [("correct", "correct"), ("incorrect", "correct")]
    few = [Pair(str(id), *labels[id % 2]) for id in range(10)]
    assert agreement(few * 50).accuracy == agreement(few).accuracy


def test_unmeasured_answers_do_not_count() -> None:
    found = agreement([*pairs(), Pair("9", "correct", "unmeasured")])
    assert (found.unmeasured, found.questions) == (1, 5)
    assert found.kappa == agreement(pairs()).kappa
    with pytest.raises(ValueError, match="no answer"):
        agreement([Pair("9", "correct", "unmeasured")])
