"""Packed sequences are read as padded ones are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AutoModel, DynamicCache

from components.encoders.checkpoints import checkpoint
from components.encoders.model import Model
from components.encoders.passes import can_pack, fetch, packed, padded
from tests.encoders.random_models import Kind, transformer

CPU = torch.device("cpu")
BATCH = [np.array(ids) for ids in ([5, 6, 7, 8, 9, 10, 11], [12], [5, 6, 13, 14], [6, 5])]


def sequence_by_sequence(
    module: Any, query: Any, key: Any, value: Any, mask: Any, **told: Any
) -> tuple[torch.Tensor, None]:
    """What flash attention computes of packed sequences, from the same arguments."""
    assert mask is None
    assert told["max_length_q"] == max(map(len, BATCH))
    groups = query.shape[1] // key.shape[1]
    key, value = (each.repeat_interleave(groups, dim=1) for each in (key, value))
    parts = [
        scaled_dot_product_attention(
            query[:, :, start:end],
            key[:, :, start:end],
            value[:, :, start:end],
            scale=told["scaling"],
            is_causal=getattr(module, "is_causal", False),
        )
        for start, end in pairwise(told["cu_seq_lens_q"].tolist())
    ]
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


@pytest.fixture
def by_sequence() -> Iterator[str]:
    AttentionInterface.register("by_sequence", sequence_by_sequence)
    yield "by_sequence"
    AttentionInterface._global_mapping.pop("by_sequence")


@pytest.mark.parametrize("kind", ["bert", "qwen3", "mistral"])
def test_packed_sequences_are_read_as_padded_ones(
    tmp_path: Path, kind: Kind, by_sequence: str
) -> None:
    model = AutoModel.from_pretrained(transformer(tmp_path / "model", kind)).eval()
    with torch.inference_mode():
        wanted = padded(model, BATCH, CPU)
        model.set_attn_implementation(by_sequence)
        found = packed(model, BATCH, CPU)
    assert [*found.starts] == [0, 7, 8, 12]
    assert len(found.rows) == sum(map(len, BATCH))
    for ids, here, there in zip(BATCH, found.starts, wanted.starts, strict=True):
        torch.testing.assert_close(
            found.rows[here : here + len(ids)], wanted.rows[there : there + len(ids)]
        )


def test_nothing_is_packed_on_a_cpu() -> None:
    assert not can_pack(CPU, torch.bfloat16, "bert")


class Line:
    """The work that a GPU was given in one stream; it is done when somebody waits for it."""

    def __init__(self) -> None:
        self.work: list[Any] = []

    def finish(self) -> None:
        while self.work:
            self.work.pop(0)()


class Machine:
    """Two GPUs, the first of which is the current one, as `fetch` asks torch for them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        lines = self.lines = {torch.device("cuda", at): Line() for at in range(2)}

        class Event:
            def record(self, stream: Line | None = None) -> None:
                self.line = stream or lines[torch.device("cuda", 0)]

            def synchronize(self) -> None:
                self.line.finish()

        patch.setattr(torch.cuda, "Event", Event)
        patch.setattr(torch.cuda, "current_stream", lambda on=None: lines[on])
        patch.setattr(torch, "empty", lambda *_, **__: Here(lines))

    def holds(self, values: list[float], at: int) -> Any:
        """A tensor on one of the GPUs."""
        return SimpleNamespace(
            device=torch.device("cuda", at),
            shape=(len(values),),
            dtype=torch.float32,
            values=values,
        )


class Here:
    """Memory of the processor that a GPU copies into in its own time."""

    def __init__(self, lines: dict[torch.device, Line]) -> None:
        self.lines = lines
        self.values = [0.0, 0.0]

    def copy_(self, tensor: Any, *, non_blocking: bool) -> None:
        assert non_blocking
        self.lines[tensor.device].work.append(lambda: setattr(self, "values", tensor.values))

    def numpy(self) -> Any:
        return np.array(self.values)


class TestFetch:
    @pytest.mark.parametrize("at", [0, 1])
    def test_waits_for_the_device_that_copies(
        self, monkeypatch: pytest.MonkeyPatch, at: int
    ) -> None:
        machine = Machine(monkeypatch)
        coming = fetch(machine.holds([1.5, 2.5], at))
        assert machine.lines[torch.device("cuda", at)].work, "copied at once: nothing to wait for"
        assert coming().tolist() == [1.5, 2.5]

    def test_copies_of_several_devices_do_not_mix(self, monkeypatch: pytest.MonkeyPatch) -> None:
        machine = Machine(monkeypatch)
        coming = [fetch(machine.holds([at, at], at)) for at in (1, 0, 1)]
        assert [each().tolist() for each in reversed(coming)] == [[1, 1], [0, 0], [1, 1]]

    def test_on_the_processor_it_is_there(self) -> None:
        assert fetch(torch.tensor([1.5]))().tolist() == [1.5]


class TestNoCache:
    @pytest.mark.parametrize("kind", ["qwen2", "qwen3", "mistral", "bert"])
    def test_keys_and_values_are_not_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
    ) -> None:
        kept: list[int] = []

        def update(self: Any, key: Any, value: Any, *rest: Any, **told: Any) -> Any:
            kept.append(key.shape[2])
            return key, value

        monkeypatch.setattr(DynamicCache, "update", update)
        folder = transformer(tmp_path / "model", kind)
        Model(checkpoint(str(folder)), "fp32").hidden(BATCH)
        Model(checkpoint(str(folder)), "fp32", layers=1).hidden(BATCH)
        assert kept == []

    def test_states_are_those_with_it(self, tmp_path: Path) -> None:
        folder = transformer(tmp_path / "model", "qwen3")
        found = Model(checkpoint(str(folder)), "fp32").hidden(BATCH)
        with torch.inference_mode():
            wanted = padded(AutoModel.from_pretrained(folder).eval(), BATCH, CPU)
        torch.testing.assert_close(found.rows, wanted.rows)
