"""Out of memory: batches are halved, the rest goes on, and a text that never fits is named."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from components.encoders.checkpoints import checkpoint
from components.encoders.kernel import pool
from components.encoders.landmark import Landmark
from components.encoders.late import Late
from components.encoders.model import Model
from components.encoders.naive import Naive
from components.encoders.passes import Hidden
from components.encoders.reading import NoRoom, read
from components.errors import DoesNotFit
from components.rerankers.token_states import TokenStates
from components.values import Document, Integers, Span
from tests.encoders.random_models import transformer
from tests.encoders.test_kernel import Table, expected, pooled, window

pytestmark = pytest.mark.usefixtures("one_thread")
DOCUMENTS = [
    Document(id="short.txt", text="The brook runs."),
    Document(id="none.txt", text=""),
    Document(id="long.txt", text="The miller grinds the corn that the farmer brings. " * 3),
    Document(id="last.txt", text="Rain."),
]
SPANS = [[Span(0, len(each.text))] if each.text else [] for each in DOCUMENTS]


class Crowded:
    """Reads so many tokens at once, padding counted, and no more."""

    def __init__(self, room: int, batch_tokens: int = 64, error: type[Exception] | None = None):
        self.room, self.batch_tokens = room, batch_tokens
        self.error = error or torch.OutOfMemoryError
        self.lengths: Sequence[int] = ()
        self.read: list[int] = []

    def read_less(self, tokens: int) -> None:
        self.batch_tokens = tokens

    def begin(self, places: list[int]) -> Callable[[], list[int]]:
        size = len(places) * max(self.lengths[at] for at in places)
        if size > self.room:
            raise self.error
        self.read.append(size)
        return lambda: [self.lengths[at] for at in places]

    def of(self, lengths: Sequence[int]) -> dict[int, int]:
        """The length of every sequence, by its place."""
        self.lengths = lengths
        found: dict[int, int] = {}
        for places, made in read(self, lengths, self.begin):
            assert not found.keys() & set(places), "read twice"
            found |= dict(zip(places, made, strict=True))
        return found


class TestRead:
    @given(st.lists(st.integers(1, 20), max_size=40), st.integers(20, 80))
    def test_every_sequence_is_read_once(self, lengths: list[int], room: int) -> None:
        assert Crowded(room).of(lengths) == dict(enumerate(lengths))

    def test_what_was_learnt_holds_for_later_calls(self) -> None:
        reader = Crowded(30)
        reader.of([8] * 40)
        assert 15 < reader.batch_tokens <= 30
        reader.error = AssertionError
        reader.of([8] * 40)

    def test_no_more_than_half_is_given_up(self) -> None:
        reader = Crowded(33, batch_tokens=64)
        reader.of([4] * 64)
        assert max(reader.read) == 32

    @pytest.mark.parametrize(
        "error", [torch.OutOfMemoryError, MemoryError, torch.cuda.OutOfMemoryError]
    )
    def test_of_a_device_or_of_the_machine(self, error: type[Exception]) -> None:
        assert Crowded(10, error=error).of([5] * 20) == dict.fromkeys(range(20), 5)

    def test_one_that_never_fits_is_told_by_its_place(self) -> None:
        with pytest.raises(NoRoom) as got:
            Crowded(10).of([3, 9, 12, 4])
        assert got.value.place == 2

    def test_one_has_all_of_the_memory_before_it_is_given_up(self) -> None:
        """As long as the batch before it is under way, that has some of it."""
        held: list[int] = []

        def begin(places: list[int]) -> Callable[[], int]:
            if len(held) + 1 > 1:
                raise torch.OutOfMemoryError
            held.append(places[0])
            return held.pop

        reader = Crowded(0, batch_tokens=1)
        assert [made for _, made in read(reader, [1, 1, 1], begin)] == [0, 1, 2]

    def test_any_other_error_is_not_swallowed(self) -> None:
        with pytest.raises(ZeroDivisionError):
            Crowded(10, error=ZeroDivisionError).of([5] * 20)


class TightTable(Table):
    """A table on a device with room for so many tokens."""

    def __init__(self, room: int, batch_tokens: int) -> None:
        super().__init__(batch_tokens)
        self._room = room

    def read_less(self, tokens: int) -> None:
        self._batch_tokens = tokens

    def hidden(self, batch: Sequence[Integers]) -> Hidden:
        if len(batch) * max(map(len, batch)) > self._room:
            raise torch.OutOfMemoryError
        return super().hidden(batch)


class TestKernel:
    @settings(deadline=None, max_examples=30)
    @given(st.lists(st.integers(1, 12), min_size=1, max_size=60), st.integers(12, 60))
    def test_vectors_are_those_of_enough_memory(self, lengths: list[int], room: int) -> None:
        made = [window([row] * length, row) for row, length in enumerate(lengths)]
        found = pooled(TightTable(room, 200), made)
        np.testing.assert_allclose(found, expected(made), atol=1e-5)

    def test_rows_before_the_one_that_does_not_fit_are_made(self) -> None:
        model = TightTable(20, 20)
        model.unfit = lambda ids: DoesNotFit(f"{len(ids)} tokens")  # type: ignore[method-assign]
        rounds = [window([row] * 4) for row in range(400)] + [window([400] * 30)]
        rows = pool(model, rounds)
        assert next(rows)[0] == 0
        with pytest.raises(DoesNotFit, match="30 tokens") as got:
            list(rows)
        assert got.value.row == 400


def crowd(monkeypatch: pytest.MonkeyPatch, room: int) -> list[int]:
    """Models have room for so many tokens at once; gives the sizes that were read."""
    sizes: list[int] = []
    real = Model.hidden

    def hidden(self: Model, batch: Sequence[Integers]) -> Hidden:
        size = len(batch) * max(map(len, batch))
        if size > room:
            raise torch.OutOfMemoryError
        sizes.append(size)
        return real(self, batch)

    monkeypatch.setattr(Model, "hidden", hidden)
    return sizes


class TestEncoders:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> str:
        """A model whose tokens are single characters."""
        return str(transformer(tmp_path / "m", "bert", positions=256))

    def test_go_on_with_smaller_batches(
        self, folder: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        texts = [f"The miller grinds {at}." for at in range(50)]
        encoder = Naive(model=folder, precision="fp32")
        whole = encoder.encode_queries(texts)
        sizes = crowd(monkeypatch, 100)
        found = encoder.encode_queries(texts)
        np.testing.assert_allclose(found, whole, atol=1e-5)
        assert 50 < max(sizes) <= 100
        assert "memory does not suffice" in caplog.text
        caplog.clear()
        encoder.encode_queries(texts)
        assert not caplog.text, "it was learnt before"

    @pytest.mark.parametrize(
        "encoder",
        [
            lambda folder: Naive(model=folder, precision="fp32"),
            lambda folder: Naive(model=folder, precision="fp32", header="{title}"),
            lambda folder: Naive(model=folder, precision="fp32", token_states=1),
            lambda folder: Late(model=folder, precision="fp32", window=200, overlap=8),
            lambda folder: Late(model=folder, precision="fp32", window=200, overlap=8, mix=0.5),
            lambda folder: Landmark(model=folder, precision="fp32", window=200, overlap=8),
        ],
    )
    def test_a_document_that_does_not_fit_is_named(
        self, folder: str, monkeypatch: pytest.MonkeyPatch, encoder: Callable[[str], Any]
    ) -> None:
        crowd(monkeypatch, 60)
        with pytest.raises(DoesNotFit, match="The miller grin") as got:
            list(encoder(folder).encode_documents(DOCUMENTS, SPANS))
        assert got.value.where == "long.txt"
        assert "smaller window" in got.value.hint
        assert str(pickle.loads(pickle.dumps(got.value))) == str(got.value)

    def test_a_question_that_does_not_fit_is_named(
        self, folder: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        crowd(monkeypatch, 60)
        with pytest.raises(DoesNotFit, match="Who grinds") as got:
            Naive(model=folder, precision="fp32").encode_queries(["x", "Who grinds? " * 10])
        assert "120 tokens" in str(got.value)

    def test_states_of_tokens_are_read_in_smaller_batches(
        self, folder: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        texts = [f"The miller grinds {at}." for at in range(20)]
        of = Model(checkpoint(folder), "fp32")
        whole = dict(TokenStates(of, None).read(texts))
        crowd(monkeypatch, 50)
        found = dict(TokenStates(of, None).read(texts))
        assert found.keys() == whole.keys()
        for text, rows in found.items():
            np.testing.assert_allclose(rows, whole[text], atol=1e-5)
        with pytest.raises(DoesNotFit, match="Who grinds"):
            list(TokenStates(of, None).read(["Who grinds? " * 10]))

    def test_who_planned_before_memory_was_short_does_not_forget_it(self, folder: str) -> None:
        of = Model(checkpoint(folder), "fp32")
        of.read_less(25)
        of.read_less(50)
        assert of.batch_tokens == 25

    def test_weights_that_do_not_fit(self, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object, **__: object) -> None:
            raise torch.OutOfMemoryError

        monkeypatch.setattr(torch.nn.Module, "to", full)
        with pytest.raises(DoesNotFit, match="does not suffice for") as got:
            Naive(model=folder, precision="fp32").encode_queries(["x"])
        assert got.value.where == "encoder.model"
