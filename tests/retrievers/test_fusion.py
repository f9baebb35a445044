from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.retrievers.dense import Dense
from components.retrievers.hybrid import Hybrid, fuse
from components.retrievers.sparse import Sparse
from components.values import Chunk, Hit, Query, Span
from tests.retrievers.conftest import ENCODER, SPARSE, Library


def hits(*names: str) -> list[Hit]:
    """A ranked list."""
    return [
        Hit(
            chunk=Chunk(
                id=name, document_id="d", version="1", ordinal=0, span=Span(0, 1), text=name
            ),
            score=100.0 - rank,
            chunk_ids=(name,),
        )
        for rank, name in enumerate(names)
    ]


def fused(
    *lists: str, weights: tuple[float, ...] = (1.0, 1.0), k: float = 60.0
) -> dict[str, float]:
    """Scores by name in the order of the fusion; a list is a word, a hit one of its letters."""
    return {hit.chunk.id: hit.score for hit in fuse([hits(*each) for each in lists], weights, k)}


rankings = st.permutations("abcdefgh").flatmap(
    lambda letters: st.integers(0, 8).map(lambda size: "".join(letters[:size]))
)


class TestFuse:
    def test_by_hand(self) -> None:
        found = fused("abc", "cad")
        assert found == {
            "a": pytest.approx(1 / 61 + 1 / 62),
            "c": pytest.approx(1 / 63 + 1 / 61),
            "b": pytest.approx(1 / 62),
            "d": pytest.approx(1 / 63),
        }
        assert list(found) == ["a", "c", "b", "d"]

    def test_weights_and_k_by_hand(self) -> None:
        found = fused("ab", "b", weights=(1.0, 0.5), k=0.0)
        assert found == {"a": pytest.approx(1.0), "b": pytest.approx(1.0)}
        found = fused("ab", "cb", weights=(2.0, 1.0), k=1.0)
        assert found == {
            "b": pytest.approx(2 / 3 + 1 / 3),
            "a": pytest.approx(2 / 2),
            "c": pytest.approx(1 / 2),
        }

    def test_ties_are_in_order_of_id(self) -> None:
        assert list(fused("ba", "ab")) == ["a", "b"]
        assert list(fused("z", "b")) == ["b", "z"]

    def test_a_weight_of_zero_drops_the_list(self) -> None:
        assert list(fused("abc", "cxy", weights=(1.0, 0.0))) == ["a", "b", "c"]
        assert list(fused("abc", "cxy", weights=(0.0, 1.0))) == ["c", "x", "y"]
        assert fused("abc", "cxy", weights=(0.0, 0.0)) == {}

    def test_empty_lists(self) -> None:
        assert fused("", "") == {}
        assert list(fused("", "ba")) == ["b", "a"]

    def test_the_chunk_stays_as_it_is(self) -> None:
        (found,) = fuse([hits("a")], (1.0,), 60.0)
        assert found.chunk == hits("a")[0].chunk
        assert found.chunk_ids == ("a",)

    @settings(deadline=None)
    @given(rankings, rankings, st.floats(0, 5), st.floats(0, 5), st.floats(0, 100))
    def test_ahead_in_both_lists_is_ahead(
        self, one: str, other: str, left: float, right: float, k: float
    ) -> None:
        found = list(fused(one, other, weights=(left, right), k=k).items())
        place = {name: at for at, (name, _) in enumerate(found)}
        score = dict(found)

        def leads(ranked: str, a: str, b: str) -> bool:
            return a in ranked and (b not in ranked or ranked.index(a) < ranked.index(b))

        for a in set(one) & set(other) & set(place):
            for b in set(place) - {a}:
                if leads(one, a, b) and leads(other, a, b):
                    assert score[a] >= score[b]
                    assert score[a] == score[b] or place[a] < place[b]

    @settings(deadline=None)
    @given(rankings.filter(lambda ranked: len(ranked) > 1), rankings, st.data())
    def test_a_hit_that_climbs_scores_more(self, one: str, other: str, data: st.DataObject) -> None:
        at = data.draw(st.integers(1, len(one) - 1))
        climbed = one[: at - 1] + one[at] + one[at - 1] + one[at + 1 :]
        before, after = fused(one, other), fused(climbed, other)
        assert after[one[at]] > before[one[at]]
        assert after[one[at - 1]] < before[one[at - 1]]
        assert list(after).index(one[at]) <= list(before).index(one[at])

    @settings(deadline=None)
    @given(rankings, rankings)
    def test_every_hit_is_there_once_and_the_lists_may_change_places(
        self, one: str, other: str
    ) -> None:
        found = fused(one, other)
        assert set(found) == set(one) | set(other)
        assert list(found.values()) == sorted(found.values(), reverse=True)
        assert fused(other, one) == found


class TestHybrid:
    def hybrid(self, library: Library, **options: float) -> Hybrid:
        return Hybrid(encoder=ENCODER, sparse=SPARSE, reader=library.reader, **options)  # type: ignore[arg-type]

    def test_scores_are_those_of_the_two_lists(
        self, library: Library, queries: list[Query]
    ) -> None:
        dense = Dense(encoder=ENCODER, reader=library.reader).retrieve(queries, 4).hits
        sparse = Sparse(sparse=SPARSE, reader=library.reader).retrieve(queries, 4).hits
        options = {"depth": 4, "dense_weight": 0.5, "sparse_weight": 2.0, "k": 10.0}
        found = self.hybrid(library, **options).retrieve(queries, 3).hits
        for by_vector, by_word, both in zip(dense, sparse, found, strict=True):
            scores: dict[str, float] = {}
            for weight, ranked in ((0.5, by_vector), (2.0, by_word)):
                for rank, hit in enumerate(ranked, start=1):
                    scores[hit.chunk.id] = scores.get(hit.chunk.id, 0) + weight / (10 + rank)
            expected = sorted(scores, key=lambda name: (-scores[name], name))[:3]
            assert [hit.chunk.id for hit in both] == expected
            assert [hit.score for hit in both] == pytest.approx([scores[id_] for id_ in expected])

    def test_one_list_alone_keeps_its_order(self, library: Library, queries: list[Query]) -> None:
        dense = Dense(encoder=ENCODER, reader=library.reader).retrieve(queries, 6)
        found = self.hybrid(library, sparse_weight=0.0).retrieve(queries, 6)
        assert [[hit.chunk.id for hit in hits] for hits in found.hits] == [
            [hit.chunk.id for hit in hits] for hits in dense.hits
        ]
        assert found.query_vectors is not None
        assert dense.query_vectors is not None
        assert (found.query_vectors == dense.query_vectors).all()

    def test_more_hits_than_its_depth_can_be_asked_for(
        self, library: Library, queries: list[Query]
    ) -> None:
        assert all(
            len(hits) == 5 for hits in self.hybrid(library, depth=1).retrieve(queries[:2], 5).hits
        )
