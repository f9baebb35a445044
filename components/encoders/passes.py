"""A forward pass over sequences of token ids: padded to one length, or packed one after another.

Packed is for GPUs with flash attention, whose kernels take sequences of any lengths at once. Ids
travel from pinned memory, so that the processor goes on while they do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from components.encoders.device import AMPERE
from components.values import Integers

FLASH = "flash_attention_2"
_PACKABLE = ("bert", "llama", "mistral", "qwen2", "qwen3")
"""Kinds of models whose positions begin at 0 and that hand their attention what it is given."""


@dataclass(frozen=True)
class Hidden:
    """Last layer's states of some sequences."""

    rows: torch.Tensor
    """(rows, width): tokens, sequence after sequence; behind each may be padding."""
    starts: Sequence[int]
    """Row of each sequence's first token."""


def can_pack(device: torch.device, dtype: torch.dtype, kind: str) -> bool:
    """Whether a model of this kind can read packed sequences there."""
    from transformers.utils.import_utils import is_flash_attn_2_available

    if device.type != "cuda" or kind not in _PACKABLE or not is_flash_attn_2_available():
        return False
    halves = dtype in (torch.bfloat16, torch.float16)
    return halves and torch.cuda.get_device_capability(device) >= AMPERE


def padded(weights: Any, batch: Sequence[Integers], device: torch.device) -> Hidden:
    """All as long as the longest, padded on the right."""
    longest = max(map(len, batch))
    ids = np.zeros((len(batch), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    states: torch.Tensor = weights(
        input_ids=put(ids, device), attention_mask=put(mask, device)
    ).last_hidden_state
    return Hidden(states.reshape(-1, states.shape[2]), range(0, len(batch) * longest, longest))


def packed(weights: Any, batch: Sequence[Integers], device: torch.device) -> Hidden:
    """As one long sequence in which each sees itself alone."""
    lengths = np.array([len(each) for each in batch], dtype=np.int32)
    ends = np.cumsum(lengths, dtype=np.int32)
    starts = ends - lengths
    positions = np.arange(ends[-1]) - np.repeat(starts, lengths)
    bounds = put(np.concatenate([[0], ends]).astype(np.int32), device)
    longest = int(lengths.max())
    states: torch.Tensor = weights(
        input_ids=put(np.concatenate(batch).astype(np.int64)[None], device),
        position_ids=put(positions.astype(np.int64)[None], device),
        cu_seq_lens_q=bounds,
        cu_seq_lens_k=bounds,
        max_length_q=longest,
        max_length_k=longest,
    ).last_hidden_state
    return Hidden(states[0], starts.tolist())


def put(array: np.ndarray[Any, Any], device: torch.device) -> torch.Tensor:
    """On the device; a GPU fetches it while the processor goes on."""
    tensor = torch.from_numpy(array)
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def fetch(tensor: torch.Tensor) -> Callable[[], np.ndarray[Any, Any]]:
    """Begins to bring a tensor back from its device; the call waits until it is here."""
    if tensor.device.type != "cuda":
        here: np.ndarray[Any, Any] = tensor.cpu().numpy()
        return lambda: here
    kept = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    kept.copy_(tensor, non_blocking=True)
    done = torch.cuda.Event()  # type: ignore[no-untyped-call]
    # The copy is in the line of the tensor's device, which need not be the current one.
    done.record(torch.cuda.current_stream(tensor.device))

    def wait() -> np.ndarray[Any, Any]:
        done.synchronize()
        found: np.ndarray[Any, Any] = kept.numpy()
        return found

    return wait
