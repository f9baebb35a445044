"""Items made ahead by a thread, and the windows of a GPU's next round."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from components.encoders.ahead import ahead
from components.encoders.checkpoints import checkpoint
from components.encoders.kernel import pool
from components.encoders.late import Late
from components.encoders.model import Model
from components.encoders.passes import Hidden
from components.encoders.pieces import Window
from components.errors import EmptySpan
from components.values import Document, Integers, Span
from tests.encoders.test_kernel import Table, calls, window

PATIENCE = 30
"""Seconds for what other threads do at once."""


class Feeding(Table):
    """Reads as on a GPU: in small rounds, the next of which a thread makes meanwhile."""

    def __init__(self, batch_tokens: int) -> None:
        super().__init__(batch_tokens)
        self.begun: list[int] = []
        self.taken = 0

    @property
    def reads_ahead(self) -> bool:
        return True

    @property
    def round_tokens(self) -> int:
        return 4 * self.batch_tokens

    def hidden(self, batch: Sequence[Integers]) -> Hidden:
        self.begun.append(self.taken)
        return super().hidden(batch)

    def counted(self, windows: Iterator[Window]) -> Iterator[Window]:
        for each in windows:
            self.taken += len(each.ids)
            yield each


class Waiting(Feeding):
    """The same rounds, without a thread."""

    @property
    def reads_ahead(self) -> bool:
        return False


def feeders() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("millrace-ahead")]


class TestAhead:
    def test_all_items_in_their_order(self) -> None:
        assert list(ahead(iter(range(100)))) == list(range(100))
        assert list(ahead(iter([]))) == []
        assert list(ahead(iter([None, False, 0]))) == [None, False, 0]

    def test_the_next_is_made_while_one_is_used(self) -> None:
        made = [threading.Event() for _ in range(3)]

        def items() -> Iterator[int]:
            for number, each in enumerate(made):
                each.set()
                yield number

        for number in ahead(items()):
            if number + 1 < len(made):
                assert made[number + 1].wait(PATIENCE)

    def test_no_more_than_one_is_made_ahead(self) -> None:
        made: list[int] = []

        def items() -> Iterator[int]:
            for number in range(50):
                made.append(number)
                yield number

        stream = ahead(items())
        assert next(stream) == 0
        assert len(made) <= 2
        stream.close()  # type: ignore[attr-defined]
        assert len(made) <= 2

    def test_an_error_comes_in_the_place_of_its_item(self) -> None:
        def items() -> Iterator[int]:
            yield 0
            yield 1
            raise ZeroDivisionError

        stream = ahead(items())
        assert [next(stream), next(stream)] == [0, 1]
        with pytest.raises(ZeroDivisionError):
            next(stream)

    def test_whoever_stops_early_leaves_no_thread(self) -> None:
        stream = ahead(iter(range(10)))
        next(stream)
        assert feeders()
        stream.close()  # type: ignore[attr-defined]
        assert not feeders()


class TestRounds:
    @settings(deadline=None, max_examples=30)
    @given(calls())
    def test_vectors_are_exactly_those_without_a_thread(self, made: list[Window]) -> None:
        found = list(pool(Feeding(8), iter(made)))
        expected = list(pool(Waiting(8), iter(made)))
        assert [first for first, _ in found] == [first for first, _ in expected]
        for (_, one), (_, other) in zip(found, expected, strict=True):
            assert np.array_equal(one, other)

    def test_the_device_reads_before_all_is_tokenized(self) -> None:
        model = Feeding(100)
        windows = (window([row] * 10) for row in range(10_000))
        for _ in pool(model, model.counted(windows)):
            pass
        assert model.taken == 100_000
        assert model.begun[0] <= 2 * model.round_tokens + 10
        assert max(np.diff(model.begun)) <= 2 * model.round_tokens

    def test_what_a_round_lacks_is_told_when_it_is_reached(self) -> None:
        def windows() -> Iterator[Window]:
            for row in range(100):
                yield window([row] * 10)
            raise EmptySpan("no token")

        rows = pool(Feeding(10), windows())
        assert sum(len(next(rows)[1]) for _ in range(20)) == 80
        with pytest.raises(EmptySpan):
            list(rows)
        assert not feeders()

    def test_a_gpu_waits_for_less_than_a_cpu_sorts(self) -> None:
        on_gpu, on_cpu = (Model(checkpoint("minilm"), "fp32") for _ in range(2))
        vars(on_gpu)["_device"] = torch.device("cuda", 0)
        vars(on_cpu)["_device"] = torch.device("cpu")
        assert (on_cpu.batch_tokens, on_cpu.round_tokens, on_cpu.reads_ahead) == (
            2048,
            65_536,
            False,
        )
        assert (on_gpu.batch_tokens, on_gpu.reads_ahead) == (32_768, True)
        assert on_gpu.round_tokens <= 200_000

    def test_an_encoder_reads_the_same_with_a_thread(self, monkeypatch: pytest.MonkeyPatch) -> None:
        documents = [Document(id=str(at), text=f"The miller grinds {at}. " * at) for at in range(9)]
        spans = [
            [Span(start, start + 18) for start in range(0, len(each.text) - 18, 18)]
            for each in documents
        ]

        def vectors() -> list[Any]:
            encoder = Late(precision="fp32", window=32, overlap=8)
            return [each.vectors for each in encoder.encode_documents(documents, spans)]

        monkeypatch.setattr(Model, "round_tokens", property(lambda _: 200))
        expected = vectors()
        monkeypatch.setattr(Model, "reads_ahead", property(lambda _: True))
        found = vectors()
        assert len(found) == len(expected) > 5
        assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))
