from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.errors import UserError
from evals.similarity import aligned, jaccard_curve, linear_cka, rank_similarity_curve

RANKING = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)
RUNS = st.integers(1, 4).flatmap(
    lambda count: st.tuples(*[st.lists(RANKING, min_size=count, max_size=count)] * 2)
)
CURVES = pytest.mark.parametrize("curve", [jaccard_curve, rank_similarity_curve])


def run(rankings: list[list[str]]) -> dict[str, list[str]]:
    return {f"q{number}": each for number, each in enumerate(rankings)}


def jaccard(a: list[str], b: list[str]) -> float:
    return len(set(a) & set(b)) / len(set(a) | set(b)) if a or b else 0.0


def rank_similarity(a: list[str], b: list[str]) -> float:
    shared = set(a) & set(b)
    total = 0.0
    for unit in shared:
        r, s = a.index(unit) + 1, b.index(unit) + 1
        total += 2 / ((1 + abs(r - s)) * (r + s))
    return total / sum(1 / rank for rank in range(1, len(shared) + 1)) if shared else 0.0


def test_curves_by_hand() -> None:
    a, b = {"q": ["x", "y", "z"]}, {"q": ["y", "w", "z"]}
    assert jaccard_curve(a, b, 3) == pytest.approx([0, 1 / 3, 2 / 4])
    # y at 2 and 1: 2 / (2 * 3); z at 3 and 3: 2 / (1 * 6).
    expected = [0, 1 / 3, (1 / 3 + 1 / 3) / (1 + 1 / 2)]
    assert rank_similarity_curve(a, b, 3) == pytest.approx(expected)


@CURVES
@settings(deadline=None)
@given(rankings=RUNS, depth=st.integers(1, 10))
def test_curves_against_the_formulas(curve: Any, rankings: Any, depth: int) -> None:
    formula = {jaccard_curve: jaccard, rank_similarity_curve: rank_similarity}[curve]
    first, second = rankings
    expected = [
        np.mean([formula(a[:k], b[:k]) for a, b in zip(first, second, strict=True)])
        for k in range(1, depth + 1)
    ]
    found = curve(run(first), run(second), depth)
    assert found == pytest.approx(expected)
    assert curve(run(second), run(first), depth) == pytest.approx(found)
    assert ((found >= 0) & (found <= 1 + 1e-12)).all()


@CURVES
@given(ranking=RANKING.filter(bool))
def test_equal_rankings_are_alike_at_every_depth(curve: Any, ranking: list[str]) -> None:
    assert curve({"q": ranking}, {"q": ranking}, 10) == pytest.approx(np.ones(10))


@CURVES
def test_nothing_found_and_nothing_shared_count_nothing(curve: Any) -> None:
    assert list(curve({"q": []}, {"q": []}, 2)) == [0, 0]
    assert list(curve({"q": ["a"]}, {"q": []}, 2)) == [0, 0]
    assert list(curve({"q": ["a"]}, {"q": ["b"]}, 2)) == [0, 0]


@CURVES
def test_runs_that_cannot_be_compared(curve: Any) -> None:
    with pytest.raises(UserError, match="1 questions on one side only: q2"):
        curve({"q1": ["a"]}, {"q1": ["a"], "q2": ["a"]}, 3)
    with pytest.raises(UserError, match="no questions"):
        curve({}, {}, 3)
    with pytest.raises(UserError, match="depth is 0"):
        curve({"q": []}, {"q": []}, 0)


def vectors(rows: int, width: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    mixed: np.ndarray = random.normal(2, 1, (rows, width)) @ random.normal(0, 1, (width, width))
    return mixed


def dense(a: np.ndarray, b: np.ndarray) -> float:
    """By the kernels of all rows: HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))."""
    centre = np.eye(len(a)) - 1 / len(a)
    k, m = (centre @ each @ each.T @ centre for each in (a, b))
    return float((k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum()))


@settings(deadline=None, max_examples=30)
@given(
    rows=st.integers(4, 40), widths=st.tuples(*[st.integers(1, 8)] * 2),
    batch=st.integers(1, 40), seed=st.integers(0, 100),
)  # fmt: skip
def test_cka_against_the_kernels_in_any_batches(
    rows: int, widths: tuple[int, int], batch: int, seed: int
) -> None:
    a, b = vectors(rows, widths[0], seed), vectors(rows, widths[1], seed + 1)
    b[:, 0] += a[:, 0]
    batches = [(a[at : at + batch], b[at : at + batch]) for at in range(0, rows, batch)]
    found = linear_cka(batches).value
    assert found == pytest.approx(dense(a, b))
    assert 0 <= found <= 1 + 1e-9
    assert linear_cka([(y, x) for x, y in batches]).value == pytest.approx(found)


@settings(deadline=None, max_examples=30)
@given(scale=st.floats(0.01, 100), shift=st.floats(-10, 10), seed=st.integers(0, 100))
def test_cka_does_not_see_rotation_scale_and_place(scale: float, shift: float, seed: int) -> None:
    a, b = vectors(30, 5, seed), vectors(30, 4, seed + 1)
    rotation = np.linalg.qr(vectors(5, 5, seed + 2))[0]
    moved = scale * a @ rotation + shift
    assert linear_cka([(a, moved)]).value == pytest.approx(1)
    assert linear_cka([(moved, b)]).value == pytest.approx(linear_cka([(a, b)]).value)


def test_cka_by_chance_is_the_mean_over_all_orders() -> None:
    a, b = vectors(5, 3, 1), vectors(5, 2, 2)
    orders = [linear_cka([(a, b[list(order)])]).value for order in permutations(range(5))]
    assert linear_cka([(a, b)]).chance == pytest.approx(np.mean(orders))


def test_cka_of_floats_of_a_model() -> None:
    a, b = vectors(200, 6, 3).astype(np.float32), vectors(200, 6, 4).astype(np.float32)
    assert linear_cka([(a, b)]).value == pytest.approx(dense(a, b), rel=1e-4)


def test_rows_in_another_order_are_put_right() -> None:
    a = vectors(4, 3, 5)
    ids, others = ["w", "x", "y", "z"], ["y", "w", "z", "x"]
    b = a[[ids.index(id) for id in others]]
    assert linear_cka([(a, b)]).value < 0.99
    assert linear_cka([(a, b[aligned(ids, others)])]).value == pytest.approx(1)
    with pytest.raises(UserError, match="2 rows on one side only: q, z"):
        aligned(ids, ["w", "x", "y", "q"])
    with pytest.raises(UserError, match="two rows"):
        aligned(["w", "w"], ["w"])


def test_vectors_that_cannot_be_compared() -> None:
    a = vectors(4, 3, 6)
    with pytest.raises(UserError, match="4 vectors of one model, 3 of the other"):
        linear_cka([(a, a[:3])])
    with pytest.raises(UserError, match="vectors of 1 texts"):
        linear_cka([(a[:1], a[:1])])
    with pytest.raises(UserError, match="all vectors of a model are the same"):
        linear_cka([(a, np.full((4, 2), 0.1))])
    with pytest.raises(UserError, match="4 rows at the first reading, 0 at the second"):
        linear_cka((each, each) for each in [a])
