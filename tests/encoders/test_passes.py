"""Packed sequences are read as padded ones are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AutoModel

from components.encoders.passes import can_pack, packed, padded
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
