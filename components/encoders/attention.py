"""Attention of short sequences on a CPU in bf16: two batched products around a softmax.

torch's fused attention spares memory that short sequences do not need and reaches a fifth of the
processor's rate where heads are 32 wide; batched products into memory that is kept reach more.
What it is not for goes to torch's: causal or sparse masks, grouped heads, long sequences, training.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import (
    AttentionMaskInterface,
    bidirectional_mask_function,
    sdpa_mask,
)

_NAME = "millrace_short"
_LONGEST = 512
"""Tokens; the scores of longer ones leave the processor's cache."""
_kept = threading.local()


def use(model: Any) -> None:
    """Have a transformers model attend this way, in place, where it would use torch's attention."""
    if getattr(model.config, "_attn_implementation", None) != "sdpa":
        return
    AttentionInterface.register(_NAME, attend)
    AttentionMaskInterface.register(_NAME, mask)
    model.set_attn_implementation(_NAME)


def mask(
    *,
    batch_size: int,
    q_length: int,
    kv_length: int,
    mask_function: Any,
    attention_mask: torch.Tensor | None,
    **others: Any,
) -> torch.Tensor | None:
    """As transformers calls it: True where a query may look (sequences, 1, queries, keys), None for
    everywhere. Where only padding is hidden, all queries share one line.
    """
    plain = mask_function is bidirectional_mask_function and not others.get("kv_offset")
    if not plain or attention_mask is None or attention_mask.shape[1] != kv_length:
        found: torch.Tensor | None = sdpa_mask(
            batch_size=batch_size,
            q_length=q_length,
            kv_length=kv_length,
            mask_function=mask_function,
            attention_mask=attention_mask,
            **others,
        )
        return found
    if attention_mask.all():
        return None
    return attention_mask[:, None, None].expand(batch_size, 1, q_length, kv_length)


def attend(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """As transformers calls it: (sequences, heads, tokens, width) each to
    (sequences, tokens, heads, width); the mask is True where a query may look.
    """
    if not _suits(module, query, key, value, attention_mask, others):
        mixed, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **others
        )
        return mixed, None
    sequences, heads, tokens, width = query.shape
    long, square = (sequences * heads, tokens, width), (sequences * heads, tokens, tokens)
    scale = width**-0.5 if scaling is None else scaling
    scaled = torch.mul(query, scale, out=_memory("query", query.shape)).view(long)
    keys = _memory("key", key.shape).copy_(key).view(long)
    values = _memory("value", value.shape).copy_(value).view(long)
    scores = torch.bmm(scaled, keys.transpose(1, 2), out=_memory("scores", square))
    if attention_mask is not None:
        _hide(scores.view(sequences, heads, tokens, tokens), attention_mask[:, 0, 0])
    shares = torch.ops.aten._softmax.out(scores, -1, False, out=_memory("shares", square))
    mixed = torch.bmm(shares, values, out=_memory("mixed", long))
    return mixed.view(query.shape).transpose(1, 2).contiguous(), None


def _suits(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    others: dict[str, Any],
) -> bool:
    alike = query.shape == key.shape == value.shape and query.dtype == torch.bfloat16
    causal = others.get("is_causal")
    if causal is None:
        causal = getattr(module, "is_causal", True)
    hides_keys = mask is None or (mask.dtype == torch.bool and mask.stride(2) == 0)
    return (
        alike
        and query.shape[2] <= _LONGEST
        and hides_keys
        and not (causal and mask is None)
        and others.get("position_bias") is None
        and others.get("softcap") is None
        and torch.is_inference_mode_enabled()
    )


def _hide(scores: torch.Tensor, seen: torch.Tensor) -> None:
    """Of (sequences, heads, tokens, tokens), the keys that are not in (sequences, tokens)."""
    lengths = seen.sum(dim=1)
    at_end = torch.equal(seen, torch.arange(seen.shape[1]) < lengths[:, None])
    for row, length in enumerate(lengths.tolist()):
        if at_end:
            scores[row, :, :, length:] = -torch.inf  # touches the padding alone
        else:
            scores[row].masked_fill_(~seen[row], -torch.inf)


def _memory(name: str, shape: Sequence[int]) -> torch.Tensor:
    """This thread's memory of that name, grown to the shape: its contents are whatever was left."""
    kept: dict[str, torch.Tensor] = _kept.__dict__
    size = prod(shape)
    if name not in kept or kept[name].numel() < size:
        kept[name] = torch.empty(size, dtype=torch.bfloat16)
    return kept[name][:size].view(shape)
