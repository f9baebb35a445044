from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from components.errors import BadOption
from components.registry import build, resolve
from components.rerankers.feedback import Feedback
from components.values import Hit, Matrix, Ranked
from tests.contracts.reranker import WIDTH, hit, ranked_lists, unit_rows


def rerank(feedback: Feedback, hits: list[Hit], query: Matrix, rows: Matrix) -> list[Hit]:
    queries, _, _ = ranked_lists((len(hits),))
    (found,) = feedback.rerank(queries, Ranked([hits], query[None, :]), [rows])
    return found


def to_unit_interval(values: Any) -> Any:
    return (values - values.min()) / (values.max() - values.min())


def rocchio(
    query: Matrix,
    rows: Matrix,
    first: Any,
    *,
    documents: int,
    weight: float,
    interpolate: float,
    temperature: float = 0.05,
) -> Any:
    """A score per hit."""
    query, rows = query.astype(np.float64), rows.astype(np.float64)
    powers = np.exp(rows[:documents] @ query / temperature)
    moved = query + weight * np.average(rows[:documents], axis=0, weights=powers)
    cosines = rows @ (moved / np.linalg.norm(moved))
    if not interpolate:
        return cosines
    return (1 - interpolate) * to_unit_interval(cosines) + interpolate * to_unit_interval(first)


def plain(**options: Any) -> Feedback:
    """Without a guard, and with what `rocchio` has."""
    return Feedback(**{"agreement": -1.0, "temperature": 0.05, "documents": 5, **options})


def names(hits: list[Hit]) -> list[str]:
    return [each.chunk.id for each in hits]


@pytest.fixture
def hits() -> list[Hit]:
    scores = np.sort(np.random.default_rng(5).uniform(3, 9, size=20))[::-1]
    return [hit(number, float(score)) for number, score in enumerate(scores)]


@pytest.fixture
def rows() -> Matrix:
    return unit_rows(1, 20)


@pytest.fixture
def query() -> Matrix:
    return np.asarray(unit_rows(2, 1)[0], dtype=np.float32)


@pytest.mark.parametrize("documents", [1, 5, 100])
@pytest.mark.parametrize("weight", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("temperature", [0.05, 1.0])
@pytest.mark.parametrize("interpolate", [0.0, 0.5, 0.9])
def test_equals_rocchio(
    hits: list[Hit],
    rows: Matrix,
    query: Matrix,
    documents: int,
    weight: float,
    interpolate: float,
    temperature: float,
) -> None:
    options: dict[str, Any] = {
        "documents": documents,
        "weight": weight,
        "interpolate": interpolate,
        "temperature": temperature,
    }
    first = np.array([each.score for each in hits])
    scores = rocchio(query, rows, first, **options)
    found = rerank(plain(**options), hits, query, rows)
    assert names(found) == [hits[at].chunk.id for at in np.argsort(-scores)]
    assert [each.score for each in found] == pytest.approx(np.sort(scores)[::-1], abs=1e-5)


def test_without_weight_and_interpolation_the_order_is_that_of_cosines(
    hits: list[Hit], rows: Matrix, query: Matrix
) -> None:
    found = rerank(plain(weight=0.0, interpolate=0.0), hits, query, rows)
    assert names(found) == [hits[at].chunk.id for at in np.argsort(-(rows @ query))]


def test_fully_interpolated_the_order_stays(hits: list[Hit], rows: Matrix, query: Matrix) -> None:
    found = rerank(plain(interpolate=1.0), hits, query, rows)
    assert names(found) == names(hits)
    assert found[0].score == pytest.approx(1.0)
    assert found[-1].score == pytest.approx(0.0)


def test_the_question_moves_toward_the_first_hits() -> None:
    # The last hit is like the first ones and unlike the question; the one before is the reverse.
    axes = np.eye(WIDTH, dtype=np.float32)
    rows = np.stack([axes[1], axes[1], axes[0], axes[1]])
    hits = [hit(number, 4.0 - number) for number in range(4)]
    near = plain(documents=2, weight=0.5, interpolate=0.0)
    far = replace(near, weight=2.0)
    assert names(rerank(near, hits, axes[0], rows)) == ["0002", "0000", "0001", "0003"]
    assert names(rerank(far, hits, axes[0], rows)) == ["0000", "0001", "0003", "0002"]


def test_hits_beyond_the_depth_stay_below_in_their_order(
    hits: list[Hit], rows: Matrix, query: Matrix
) -> None:
    feedback = plain(depth=8, documents=3, weight=1.0, interpolate=0.2)
    found = rerank(feedback, hits, query, rows)
    first = np.array([each.score for each in hits[:8]])
    scores = rocchio(query, rows[:8], first, documents=3, weight=1.0, interpolate=0.2)
    assert names(found[:8]) == [hits[at].chunk.id for at in np.argsort(-scores)]
    assert names(found[8:]) == names(hits[8:])
    assert all(each.score < found[7].score for each in found[8:])
    assert [each.first_score for each in found[8:]] == [each.score for each in hits[8:]]


def test_no_more_documents_are_read_than_the_depth(
    hits: list[Hit], rows: Matrix, query: Matrix
) -> None:
    shallow = plain(depth=4, documents=100, weight=1.0, interpolate=0.0)
    assert (
        names(rerank(shallow, hits, query, rows))[:4]
        == names(rerank(replace(shallow, documents=4), hits, query, rows))[:4]
    )


@pytest.mark.parametrize("count", range(2, 10))
def test_equal_scores_keep_the_order_of_the_hits(query: Matrix, count: int) -> None:
    hits = [hit(7 * number % 10, 1.0) for number in range(count)]
    found = rerank(plain(), hits, query, np.repeat(unit_rows(1, 1), count, axis=0))
    assert names(found) == names(hits)
    assert np.isfinite([each.score for each in found]).all()


def test_a_question_opposite_to_its_hits_does_no_harm() -> None:
    rows = unit_rows(1, 1).repeat(2, axis=0)
    found = rerank(plain(weight=1.0), [hit(0, 2.0), hit(1, 1.0)], -rows[0], rows)
    assert names(found) == ["0000", "0001"]
    assert np.isfinite([each.score for each in found]).all()


def test_warm_enough_all_first_hits_count_alike(
    hits: list[Hit], rows: Matrix, query: Matrix
) -> None:
    found = rerank(plain(temperature=1e6, weight=1.0, interpolate=0.0), hits, query, rows)
    moved = query + rows[:5].mean(axis=0)
    assert names(found) == [hits[at].chunk.id for at in np.argsort(-(rows @ moved))]


def test_first_hits_that_are_unlike_each_other_are_left_alone() -> None:
    axes = np.eye(WIDTH, dtype=np.float32)
    hits = [hit(number, 4.0 - number) for number in range(4)]
    query = axes[3]
    unlike = np.stack([axes[0], axes[1], axes[2], axes[3]])
    assert rerank(plain(documents=3, agreement=0.1), hits, query, unlike) == hits
    alike = np.stack([axes[0], axes[0], axes[0], axes[3]])
    moved = plain(documents=3, interpolate=0.0, agreement=0.1)
    assert names(rerank(moved, hits, query, alike))[0] == "0003"
    one = plain(documents=1, interpolate=0.0, agreement=1.0)
    assert names(rerank(one, hits, query, unlike))[0] == "0003"


def test_query_vectors_are_needed() -> None:
    queries, ranked, vectors = ranked_lists((3,))
    assert Feedback().needs_vectors
    with pytest.raises(ValueError, match="query vectors"):
        Feedback().rerank(queries, replace(ranked, query_vectors=None), vectors)


@pytest.mark.parametrize(
    "options",
    [
        {"depth": 0},
        {"documents": 0},
        {"weight": -0.1},
        {"interpolate": 1.1},
        {"alpha": 1.0},
        {"temperature": 0.0},
        {"agreement": 2.0},
    ],
)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BadOption):
        build("reranker", resolve("reranker", "feedback", options))
