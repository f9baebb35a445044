"""The kernel against a model whose hidden states are a table, so that every sum is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from components.encoders.checkpoints import Checkpoint
from components.encoders.kernel import pool, unit
from components.encoders.model import Model
from components.encoders.passes import Hidden
from components.encoders.pieces import NOBODY, Window
from components.encoders.profiles import Profile
from components.encoders.rows import blocks, first_rows, paired
from components.values import Integers, Matrix, Span

WIDTH, WORDS = 6, 50
TABLE = np.random.default_rng(1).normal(size=(WORDS, WIDTH)).astype(np.float32)


class Table(Model):
    """A token's hidden state is its row in a table; padding has states of a million."""

    def __init__(self, batch_tokens: int, dtype: torch.dtype = torch.float32) -> None:
        checkpoint = Checkpoint(
            profile=Profile(name="table"), folder=Path(), pooling="mean", width=WIDTH, window=64,
            positions=64, layers=None, weights_sha256="",
        )  # fmt: skip
        super().__init__(checkpoint, "fp32")
        self.shapes: list[tuple[int, int]] = []
        self._batch_tokens = batch_tokens
        self._dtype_out = dtype

    @property
    def batch_tokens(self) -> int:
        return self._batch_tokens

    def hidden(self, batch: Sequence[Integers]) -> Hidden:
        longest = max(map(len, batch))
        self.shapes.append((len(batch), longest))
        states = torch.full((len(batch), longest, WIDTH), 1e6, dtype=self._dtype_out)
        for row, ids in enumerate(batch):
            states[row, : len(ids)] = torch.from_numpy(TABLE[ids])
        return Hidden(states.view(-1, WIDTH), range(0, len(batch) * longest, longest))


def pooled(model: Model, windows: Sequence[Window]) -> Matrix:
    """All rows. Fails unless they come in order, each once."""
    matrices: list[Matrix] = [np.zeros((0, WIDTH), np.float32)]
    for first, matrix in pool(model, windows):
        assert first == sum(map(len, matrices))
        assert len(matrix)
        matrices.append(matrix)
    return np.concatenate(matrices)


def expected(windows: Sequence[Window]) -> Matrix:
    rows = 1 + max((int(each.owners.max()) for each in windows), default=-1)
    sums = np.zeros((rows, WIDTH))
    for each in windows:
        for token, owner in zip(each.ids, each.owners, strict=True):
            if owner != NOBODY:
                sums[owner] += TABLE[token]
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), dtype=np.float32)


def window(owners: Sequence[int], seed: int = 0) -> Window:
    own = np.array(owners, dtype=np.int64)
    ids = np.random.default_rng(seed).integers(0, WORDS, len(own))
    return Window(ids, own, int(own[own != NOBODY].min()))


@st.composite
def calls(draw: st.DrawFn) -> list[Window]:
    """Windows of one call: rows in order, in one window or several, with context between."""
    owners = [
        owner
        for row in range(draw(st.integers(0, 25)))
        for owner in [row] * draw(st.integers(1, 12))
    ]
    made: list[Window] = []
    while owners:
        size = draw(st.integers(1, 14))
        context = [NOBODY] * draw(st.integers(0, 3))
        made.append(window([*context, *owners[:size], *context], seed=len(made)))
        owners = owners[size:]
    return made


class TestPool:
    @settings(deadline=None)
    @given(calls(), st.integers(1, 24))
    def test_rows_are_the_means_of_what_they_own(self, made: list[Window], budget: int) -> None:
        np.testing.assert_allclose(pooled(Table(budget), made), expected(made), atol=1e-4)

    @settings(deadline=None)
    @given(calls(), st.integers(1, 40))
    def test_no_batch_is_larger_than_the_budget(self, made: list[Window], budget: int) -> None:
        model = Table(budget)
        pooled(model, made)
        assert sum(rows for rows, _ in model.shapes) == len(made)
        for rows, longest in model.shapes:
            assert rows == 1 or rows * longest <= budget

    def test_a_width_cuts_rows_before_they_are_scaled(self) -> None:
        made = [window([row] * 3, row) for row in range(5)]
        cut = np.concatenate([matrix for _, matrix in pool(Table(8), made, width=2)])
        np.testing.assert_allclose(cut, unit(expected(made)[:, :2]), atol=1e-5)

    def test_a_budget_is_used_up(self) -> None:
        model = Table(40)
        pooled(model, [window([row] * 4) for row in range(30)])
        assert model.shapes == [(10, 4)] * 3

    def test_like_lengths_share_a_batch(self) -> None:
        model = Table(20)
        pooled(model, [window([row] * (10 if row % 2 else 2)) for row in range(8)])
        assert model.shapes == [(2, 10), (2, 10), (4, 2)]

    def test_a_row_over_several_rounds_is_one_row(self) -> None:
        made = [window([0] * 8, seed) for seed in range(100)] + [window([1, 2])]
        model = Table(8)
        found = list(pool(model, made))
        assert len(model.shapes) == len(made)
        np.testing.assert_allclose(
            np.concatenate([matrix for _, matrix in found]), expected(made), atol=1e-5
        )

    def test_rows_come_out_while_windows_go_in(self) -> None:
        taken = 0

        def stream() -> Iterator[Window]:
            nonlocal taken
            for row in range(1000):
                taken += 1
                yield window([row] * 8)

        first, matrix = next(pool(Table(8), stream()))
        assert first == 0
        assert len(matrix) >= 1
        assert taken < 100

    def test_a_window_larger_than_the_budget_is_read_alone(self) -> None:
        made = [window([0] * 50), window([1])]
        model = Table(10)
        np.testing.assert_allclose(pooled(model, made), expected(made), atol=1e-5)
        assert model.shapes == [(1, 50), (1, 1)]

    def test_nothing_to_pool(self) -> None:
        assert list(pool(Table(10), [])) == []

    def test_short_floats_are_added_up_in_long_ones(self) -> None:
        made = [window([0] * 5000)]
        found = pooled(Table(10_000, torch.bfloat16), made)
        rounded = torch.from_numpy(TABLE).bfloat16().double().numpy()[made[0].ids].mean(axis=0)
        np.testing.assert_allclose(found[0], rounded / np.linalg.norm(rounded), atol=1e-3)


class TestUnit:
    def test_rows_have_length_one_and_keep_their_direction(self) -> None:
        rows = unit(np.array([[3, 4], [0, -0.5]], dtype=np.float32))
        np.testing.assert_allclose(rows, [[0.6, 0.8], [0.0, -1.0]], atol=1e-7)
        assert rows.dtype == np.float32

    def test_a_zero_row_stays_zero(self) -> None:
        assert unit(np.zeros((1, 3), np.float32)).tolist() == [[0, 0, 0]]


counts = st.lists(st.integers(0, 7), max_size=10)


def spans(of: Sequence[int]) -> list[list[Span]]:
    return [[Span(at, at + 1) for at in range(count)] for count in of]


def pieces(rows: Matrix, cuts: set[int]) -> Iterator[tuple[int, Matrix]]:
    edges = sorted({0, len(rows)} | {cut for cut in cuts if cut < len(rows)})
    for start, end in pairwise(edges):
        yield start, rows[start:end]


def numbered(count: int) -> Matrix:
    return np.arange(count, dtype=np.float32).reshape(-1, 1)


class TestRows:
    def test_first_rows(self) -> None:
        assert first_rows(spans([2, 0, 3])) == [0, 2, 2]
        assert first_rows([]) == []

    @settings(deadline=None)
    @given(counts, st.sets(st.integers(1, 70)))
    def test_blocks_are_rows_cut_at_documents(self, of: list[int], cuts: set[int]) -> None:
        found = list(blocks(pieces(numbered(sum(of)), cuts), spans(of)))
        for block in found:
            start = first_rows(spans(of))[block.document] + block.first
            assert block.vectors.ravel().tolist() == list(range(start, start + len(block.vectors)))
            assert 0 < len(block.vectors) <= of[block.document] - block.first
        assert [row for block in found for row in block.vectors.ravel()] == list(range(sum(of)))

    @settings(deadline=None)
    @given(st.integers(0, 40), st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)))
    def test_paired_streams_are_cut_alike(self, size: int, one: set[int], other: set[int]) -> None:
        rows = numbered(size)
        at = 0
        for first, left, right in paired(pieces(rows, one), pieces(-rows, other)):
            assert first == at
            assert len(left) > 0
            np.testing.assert_array_equal(left, rows[at : at + len(left)])
            np.testing.assert_array_equal(right, -left)
            at += len(left)
        assert at == size

    def test_pairs_are_cut_where_either_stream_is(self) -> None:
        rows = numbered(6)
        found = paired(pieces(rows, {2}), pieces(rows, {3}))
        assert [(first, len(left)) for first, left, _ in found] == [(0, 2), (2, 1), (3, 3)]


def test_padding_does_not_reach_the_real_model_s_states() -> None:
    from components.encoders.model import model

    of = model("minilm", "fp32")
    short, long = np.array([101, 7592, 102]), np.array([101, *([2088] * 40), 102])
    together = of.hidden([short, long])
    assert (together.rows.shape, [*together.starts]) == ((84, 384), [0, 42])
    alone = of.hidden([short])
    np.testing.assert_allclose(together.rows[:3].numpy(), alone.rows.numpy(), atol=1e-5)


@pytest.mark.parametrize("batch_tokens", [1, 3])
def test_a_tiny_budget_still_reads_everything(batch_tokens: int) -> None:
    made = [window([row] * 5, row) for row in range(4)]
    np.testing.assert_allclose(pooled(Table(batch_tokens), made), expected(made), atol=1e-5)
