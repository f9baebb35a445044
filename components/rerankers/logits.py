"""A cross-encoder's last layer in 32 bits, whatever the others compute in.

In bf16 a score of 9 has neighbours at 8.94 and 9.06, and what lies between them is a tie.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch.nn.functional import linear


def in_32_bits(model: Any) -> None:
    """Has a model of sentence-transformers make its logits so.

    Of a language model that is asked for "yes" or "no" it is the logits of these two.
    """
    words = next((each for each in model if hasattr(each, "true_token_id")), None)
    if words is None:
        layers = [each for each in model.modules() if isinstance(each, torch.nn.Linear)]
        last = [each for each in layers if each.out_features == model.num_labels][-1:]
        for layer in last:
            layer.register_forward_hook(_exact)
    else:
        asked = [each for each in (words.true_token_id, words.false_token_id) if each is not None]
        head = model.model.get_output_embeddings()
        head.register_forward_hook(partial(_exact_at, asked))


def _exact(
    layer: torch.nn.Linear, given: tuple[torch.Tensor, ...], made: torch.Tensor
) -> torch.Tensor:
    bias = None if layer.bias is None else layer.bias.float()
    return linear(given[0].float(), layer.weight.float(), bias)


def _exact_at(
    asked: list[int],
    layer: torch.nn.Linear,
    given: tuple[torch.Tensor, ...],
    made: torch.Tensor,
) -> torch.Tensor:
    """Of some outputs; the others stay as exact as they are."""
    bias = None if layer.bias is None else layer.bias[asked].float()
    found = made.float()
    found[..., asked] = linear(given[0].float(), layer.weight[asked].float(), bias)
    return found
