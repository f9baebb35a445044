from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.values import Chunk, Hit, Query, Span
from evals.datasets.judged import Evidence, Judged, Question, Unit
from evals.units import Ask, Units, coverage, gather, scored, units_of

Q = Query(id="q", text="?")
TEXT = "x" * 1000


def judged(unit: Unit, *evidence: Evidence) -> Judged:
    return Judged(
        name="made", split="test", questions=(Question("q", "?"),), judgements={"q": {"u": 1}},
        evidence={"q": evidence}, unit=unit, source={}, checksum="",
    )  # fmt: skip


def hit(
    document: str = "a",
    start: int = 0,
    end: int = 10,
    *,
    page: int | None = None,
    last: int | None = None,
    score: float = 1.0,
    id: str = "",
) -> Hit:
    chunk = Chunk(
        id=id or f"{document}{start}", document_id=document, version="", ordinal=0,
        span=Span(start, end), text=TEXT[start:end], page=page,
        last_page=page if last is None else last,
    )  # fmt: skip
    return Hit(chunk=chunk, score=score, chunk_ids=(chunk.id,))


def falling(*hits: tuple[str, int | None, int | None]) -> list[Hit]:
    return [
        hit(document, page=page, last=last, score=-place)
        for place, (document, page, last) in enumerate(hits)
    ]


def units(unit: Unit, hits: Sequence[Hit], *evidence: Evidence) -> list[str]:
    return list(scored(Q, hits, units_of(judged(unit, *evidence))))


def rank(ask: Ask, queries: Sequence[Query], k: int, of: Units) -> dict[str, dict[str, float]]:
    """Units with their scores by query id, best first, at most k."""
    found = gather(ask, queries, k, lambda query, hits: len(scored(query, hits, of)) >= k)
    return {id: dict([*scored(Q, hits, of).items()][:k]) for id, hits in found.items()}


def test_the_best_hit_of_a_document_counts() -> None:
    hits = [hit("b", score=3), hit("a", score=2), hit("b", 50, 60, score=1), hit("c", score=0)]
    assert units("document", hits) == ["b", "a", "c"]


def test_the_best_hit_of_a_page_counts() -> None:
    hits = falling(*((d, p, None) for d, p in (("a", 3), ("b", 0), ("a", 3), ("a", 1), ("b", 0))))
    assert units("page", hits) == ["a#3", "b#0", "a#1"]


def test_a_passage_counts_for_every_page_it_is_on() -> None:
    assert units("page", falling(("a", 2, 4), ("a", 1, 2))) == ["a#2", "a#3", "a#4", "a#1"]


def test_hits_without_pages_are_left_out() -> None:
    assert units("page", falling(("a", None, None), ("b", 0, None))) == ["b#0"]


def test_a_unit_has_the_score_of_the_hit_that_it_has_its_rank_from() -> None:
    hits = [hit("b", score=3), hit("a", score=2), hit("b", 50, 60, score=1), hit("c", score=1)]
    found = scored(Q, hits, units_of(judged("document")))
    assert [*found.items()] == [("b", 3), ("a", 2), ("c", 1)]
    pages = [hit("a", page=2, last=3, score=0.5), hit("a", page=1, last=2, score=0.25)]
    found = scored(Q, pages, units_of(judged("page")))
    assert [*found.items()] == [("a#2", 0.5), ("a#3", 0.5), ("a#1", 0.25)]


def test_ties_are_ordered_by_id_and_nothing_else_is() -> None:
    hits = [
        hit("z", score=1), hit("y", score=1), hit("x", score=0.5),
        hit("b", score=9), hit("a", score=9),
    ]  # fmt: skip
    assert units("document", hits) == ["z", "y", "x", "b", "a"]


def test_ties_are_broken_as_trec_eval_breaks_them() -> None:
    import pytrec_eval

    scores = {"d1": 2.0, "d10": 2.0, "d2": 2.0, "e": 1.0, "c": 1.0, "f": 3.0}
    hits = [hit(id, score=score) for id, score in sorted(scores.items(), key=lambda e: -e[1])]
    ranked = units("document", hits)
    for cut in range(1, 7):
        for wanted in scores:
            judge = pytrec_eval.RelevanceEvaluator({"q": {wanted: 1}}, {f"success.{cut}"})
            (found,) = judge.evaluate({"q": scores})["q"].values()
            assert found == (wanted in ranked[:cut])


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        (100, 200, True),  # all of it
        (0, 1000, True),  # and much more
        (150, 400, True),  # half of the evidence
        (151, 400, False),
        (190, 210, True),  # half of the hit
        (191, 211, False),
        (120, 130, True),  # a short hit inside
        (200, 300, False),
    ],
)
def test_a_hit_shows_evidence_by_half_of_the_shorter(start: int, end: int, shown: bool) -> None:
    ranked = units("span", [hit("a", start, end)], Evidence("a", 100, 200))
    assert ranked == (["a#100-200"] if shown else [f"a#{start}-{end}"])


def test_evidence_is_ranked_where_it_is_first_shown_and_other_hits_take_a_rank() -> None:
    evidence = Evidence("a", 0, 10), Evidence("a", 20, 30), Evidence("b", 0, 10)
    hits = [
        hit("a", 50, 60, score=9), hit("a", 0, 30, score=8), hit("a", 20, 30, score=7),
        hit("c", 0, 10, score=6), hit("b", 0, 10, score=5),
    ]  # fmt: skip
    assert units("span", hits, *evidence) == ["a#50-60", "a#0-10", "a#20-30", "c#0-10", "b#0-10"]


def test_more_hits_are_fetched_only_for_those_that_lack_units_and_have_more() -> None:
    asked: list[tuple[list[str], int]] = []
    hits = {
        "wide": [hit("a", n, page=n, score=-n) for n in range(100)],
        "narrow": [hit("b", n, page=n // 7, score=-n) for n in range(100)],
        "one": [hit("c", n, page=0) for n in range(200)],
        "few": [hit("d", n, page=0) for n in range(3)],
    }

    def ask(queries: Sequence[Query], k: int) -> list[list[Hit]]:
        asked.append(([query.id for query in queries], k))
        return [hits[query.id][:k] for query in queries]

    queries = [Query(id=id, text=id) for id in ("one", "wide", "few", "narrow")]
    ranked = rank(ask, queries, 4, units_of(judged("page")))
    assert {id: list(own) for id, own in ranked.items()} == {
        "one": ["c#0"],
        "wide": ["a#0", "a#1", "a#2", "a#3"],
        "few": ["d#0"],
        "narrow": ["b#0", "b#1", "b#2", "b#3"],
    }
    assert asked == [
        (["one", "wide", "few", "narrow"], 4),
        (["one", "narrow"], 8),
        (["one", "narrow"], 20),
        (["one", "narrow"], 40),
        (["one"], 120),
        (["one"], 400),
    ]


def test_a_deeper_search_adds_behind_what_was_found_first() -> None:
    shallow = [hit("a", score=3), hit("a", 50, 60, score=2)]
    deep = [hit("b", score=9), hit("a", score=8), hit("c", score=7), hit("a", 50, 60, score=1)]

    def ask(queries: Sequence[Query], k: int) -> list[list[Hit]]:
        return [shallow if k == 2 else deep for _ in queries]

    ranked = rank(ask, [Q], 2, units_of(judged("document")))
    assert [*ranked["q"].items()] == [("a", 3), ("b", 9)]
    found = gather(ask, [Q], 2, lambda _, hits: len(hits) > 2)
    assert [each.chunk.id for each in found["q"]] == ["a0", "a50", "b0", "c0"]


def test_coverage_stops_at_the_budget() -> None:
    evidence = [Evidence("a", 0, 20), Evidence("b", 100, 120)]
    found = ("a", 0, 10), ("c", 0, 30), ("a", 10, 20), ("b", 90, 110)
    hits = [hit(*each, score=-place) for place, each in enumerate(found)]
    shares = [coverage(hits, evidence, budget, len) for budget in (9, 10, 39, 40, 50, 69, 70)]
    assert shares == [0, 0.25, 0.25, 0.25, 0.5, 0.5, 0.75]


def test_coverage_needs_evidence() -> None:
    with pytest.raises(ValueError, match="no evidence"):
        coverage([], [], 10, len)


spans = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=6
)


@given(spans, spans, st.integers(0, 120))
def test_coverage_is_that_of_sets_of_characters(
    shown: list[tuple[str, int, int]], wanted: list[tuple[str, int, int]], budget: int
) -> None:
    hits = [hit(d, s, s + n, score=-i) for i, (d, s, n) in enumerate(shown)]
    evidence = [Evidence(d, s, s + n) for d, s, n in wanted]
    needed = {(d, c) for d, s, n in wanted for c in range(s, s + n)}
    held: set[tuple[str, int]] = set()
    spent = 0
    for d, s, n in shown:
        spent += n
        if spent > budget:
            break
        held |= {(d, c) for c in range(s, s + n)}
    assert coverage(hits, evidence, budget, len) == pytest.approx(len(needed & held) / len(needed))
