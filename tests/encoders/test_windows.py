from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.encoders.landmark import Landmark
from components.encoders.late import Late
from components.encoders.pieces import NOBODY
from components.encoders.tokenizers import TokenArrays, WordTokenizer
from components.encoders.windows import Stretch, plan, token_ranges, windows
from components.errors import BadOption, EmptySpan
from components.values import Document, Integers, Span
from tests.encoders.random_models import sentence_transformer, transformer


@st.composite
def cases(draw: st.DrawFn) -> tuple[Integers, Integers, int, int, int]:
    """First and past-the-last tokens of spans, the text's length, window and context."""
    lengths = draw(st.lists(st.tuples(st.sampled_from([0, 0, 3]), st.integers(1, 40)), max_size=12))
    first, past, at = [], [], 0
    for gap, length in lengths:
        first.append(at + gap)
        past.append(at + gap + length)
        at += gap + length
    total = at + draw(st.integers(0, 9))
    window = draw(st.integers(1, 60))
    return (
        np.array(first, int),
        np.array(past, int),
        total,
        window,
        draw(st.integers(0, (window - 1) // 2)),
    )


Case = tuple[Integers, Integers, int, int, int]


class TestPlan:
    @settings(deadline=None)
    @given(cases())
    def test_every_token_of_a_span_is_pooled_once(self, case: Case) -> None:
        first, past, total, *_ = case
        owned = np.zeros(total, dtype=int)
        for each in plan(*case):
            owned[each.own_start : each.own_end] += 1
        assert owned.max(initial=0) <= 1
        for begin, end in zip(first, past, strict=True):
            assert (owned[begin:end] == 1).all()

    @settings(deadline=None)
    @given(cases())
    def test_no_stretch_is_longer_than_the_window(self, case: Case) -> None:
        *_, total, window, _ = case
        for each in plan(*case):
            assert 0 <= each.start <= each.own_start < each.own_end <= each.end <= total
            assert each.end - each.start <= window

    @settings(deadline=None)
    @given(cases())
    def test_context_on_both_sides_where_the_text_has_it(self, case: Case) -> None:
        *_, total, _, context = case
        for each in plan(*case):
            assert each.own_start - each.start >= min(context, each.own_start)
            assert each.end - each.own_end >= min(context, total - each.own_end)

    @settings(deadline=None)
    @given(cases())
    def test_every_span_has_its_context_where_its_first_and_last_tokens_are_pooled(
        self, case: Case
    ) -> None:
        first, past, total, _, context = case
        stretches = plan(*case)
        for begin, end in zip(first, past, strict=True):
            (head,) = (each for each in stretches if each.own_start <= begin < each.own_end)
            (tail,) = (each for each in stretches if each.own_start < end <= each.own_end)
            assert begin - head.start >= min(context, begin)
            assert tail.end - end >= min(context, total - end)

    @settings(deadline=None)
    @given(cases())
    def test_a_span_that_fits_with_its_context_is_in_one_stretch(self, case: Case) -> None:
        first, past, total, window, context = case
        stretches = plan(*case)
        for begin, end in zip(first, past, strict=True):
            if min(context, begin) + end - begin + min(context, total - end) <= window:
                assert any(each.own_start <= begin and end <= each.own_end for each in stretches)

    @settings(deadline=None)
    @given(cases())
    def test_stretches_ascend_and_begin_with_a_span_s_token(self, case: Case) -> None:
        first, past, *_ = case
        starts = [each.own_start for each in plan(*case)]
        assert starts == sorted(set(starts))
        for start in starts:
            assert ((first <= start) & (start < past)).any()

    @settings(deadline=None)
    @given(cases(), st.integers(0, 5))
    def test_a_text_that_fits_is_read_whole(self, case: Case, spare: int) -> None:
        first, past, total, _, context = case
        found = plan(first, past, total, total + spare, context)
        expected = [Stretch(0, total, int(first[0]), int(past[-1]))] if len(first) else []
        assert found == expected

    @settings(deadline=None)
    @given(cases())
    def test_plans_are_alike(self, case: Case) -> None:
        assert plan(*case) == plan(*case)

    def test_an_example(self) -> None:
        first, past = np.arange(0, 60, 10), np.arange(10, 70, 10)
        assert plan(first, past, 60, window=32, context=4) == [
            Stretch(0, 24, 0, 20),
            Stretch(16, 44, 20, 40),
            Stretch(36, 60, 40, 60),
        ]

    def test_a_span_longer_than_the_window_is_read_in_pieces(self) -> None:
        found = plan(np.array([0]), np.array([50]), 50, window=20, context=4)
        assert found == [
            Stretch(0, 20, 0, 16),
            Stretch(12, 32, 16, 28),
            Stretch(24, 44, 28, 40),
            Stretch(36, 50, 40, 50),
        ]


class TestWindows:
    @settings(deadline=None)
    @given(cases(), st.integers(0, 3), st.integers(0, 2), st.integers(0, 1000))
    def test_owners_are_the_spans_and_nobody(
        self, case: Case, before: int, after: int, row: int
    ) -> None:
        first, past, total, window, context = case
        # A token per character, its id its position.
        tokens = TokenArrays(np.arange(total), np.arange(total), np.arange(total))
        spans = [Span(int(a), int(b)) for a, b in zip(first, past, strict=True)]
        expected = np.full(total, NOBODY)
        for at, span in enumerate(spans):
            expected[span.start : span.end] = row + at
        seen: list[int] = []
        firsts = []
        for each in windows(
            tokens, spans, row, window=window, context=context,
            before=[7000] * before, after=[8000] * after,
        ):  # fmt: skip
            text = slice(before, len(each.ids) - after)
            assert each.ids[:before].tolist() == [7000] * before
            assert each.ids[text.stop :].tolist() == [8000] * after
            assert (each.owners[:before] == NOBODY).all()
            assert (each.owners[text.stop :] == NOBODY).all()
            assert (np.diff(each.ids[text]) == 1).all()
            owned = each.owners[text] != NOBODY
            assert (expected[each.ids[text][owned]] == each.owners[text][owned]).all()
            assert each.first == each.owners[text][owned].min()
            seen += each.ids[text][owned].tolist()
            firsts.append(each.first)
        assert seen == np.nonzero(expected != NOBODY)[0].tolist()
        assert firsts == sorted(firsts)


class TestTokenRanges:
    def test_a_token_belongs_to_the_span_of_its_last_character(self) -> None:
        tokens = WordTokenizer().tokens("one three five")
        first, past = token_ranges(tokens, [Span(0, 6), Span(6, 9), Span(9, 14)])
        assert list(zip(first, past, strict=True)) == [(0, 1), (1, 2), (2, 3)]

    def test_a_span_without_a_token_is_named(self) -> None:
        tokens = WordTokenizer().tokens("one   three")
        with pytest.raises(EmptySpan, match=r"3\.\.6"):
            token_ranges(tokens, [Span(0, 3), Span(3, 6), Span(6, 11)])

    def test_no_spans(self) -> None:
        first, past = token_ranges(WordTokenizer().tokens("one"), [])
        assert len(first) == len(past) == 0


@pytest.mark.parametrize("use", [Late, Landmark])
class TestRefused:
    def refused(self, encoder: Any, where: str) -> None:
        document = Document(id="d", text="Flour")
        with pytest.raises(BadOption) as got:
            encoder.facts  # noqa: B018 - a property that checks
        assert got.value.where == f"encoder.{where}"
        assert got.value.hint
        with pytest.raises(BadOption):
            list(encoder.encode_documents([document], [[Span(0, 5)]]))

    def test_a_window_that_the_model_cannot_read(self, use: Any) -> None:
        self.refused(use(window=511), "window")
        assert use(window=510).facts["pooling"] == "mean"

    def test_an_overlap_that_leaves_nothing_of_the_window(self, use: Any) -> None:
        self.refused(use(window=64, overlap=64), "overlap")
        self.refused(use(window=64, overlap=65), "overlap")
        self.refused(use(window=65, overlap=65), "overlap")
        assert use(window=64, overlap=63).facts["pooling"] == "mean"

    def test_context_that_leaves_nothing_of_the_window(self, use: Any) -> None:
        self.refused(use(window=64, min_context=32), "min_context")
        assert use(window=64, overlap=64, min_context=31).facts["min_context"] == 31

    def test_context_that_leaves_no_room_for_the_prompt(self, use: Any, tmp_path: Path) -> None:
        base = transformer(tmp_path / "b", "bert", before="<s>", after="</s>")  # 128 positions
        sentence_transformer(tmp_path / "m", base, "mean", {"document": "0123456789"})
        model = str(tmp_path / "m")
        self.refused(use(model=model, window=126, min_context=58), "min_context")
        self.refused(use(model=model, window=126, overlap=116), "overlap")
        assert use(model=model, window=126, min_context=57).facts["min_context"] == 57


class TestFacts:
    def test_context_is_part_of_them_where_it_is_not_half_of_the_overlap(self) -> None:
        plain = Late().facts
        assert Late(min_context=32).facts == plain
        assert Late(min_context=31).facts == {**plain, "min_context": 31}
        assert Landmark(overlap=20, min_context=10).facts == plain

    def test_a_header_that_gives_way_to_the_context(self) -> None:
        assert "header_cut_for_context" not in Late(overlap=250, header="{title}").facts
        wide = Late(window=510, overlap=300, header="{title}")
        assert wide.facts["header_cut_for_context"] is True
        assert "header_cut_for_context" not in Late(window=510, overlap=300).facts
