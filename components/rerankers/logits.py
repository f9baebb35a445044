"""A cross-encoder's last layer in 32 bits, whatever the others compute in.

In bf16 a score of 9 has neighbours at 8.94 and 9.06, and what lies between them is a tie.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def in_32_bits(model: Any) -> None:
    """Has a model of sentence-transformers make its logits so.

    Of a language model that is asked for "yes" or "no" it is the logits of these two.
    """
    words = next((each for each in model if hasattr(each, "true_token_id")), None)
    if words is not None:
        asked = [each for each in (words.true_token_id, words.false_token_id) if each is not None]
        model.model.get_output_embeddings().register_forward_hook(partial(_exact_at, asked))
    elif layers := _of_width(model, model.num_labels):
        layers[-1].register_forward_hook(_exact)


def _of_width(model: Any, width: int) -> list[torch.nn.Linear]:
    """Linear layers with so many outputs, in order."""
    from torch.nn import Linear

    layers = (each for each in model.modules() if isinstance(each, Linear))
    return [each for each in layers if each.out_features == width]


def _exact(
    layer: torch.nn.Linear, given: tuple[torch.Tensor, ...], made: torch.Tensor
) -> torch.Tensor:
    from torch.nn.functional import linear

    bias = None if layer.bias is None else layer.bias.float()
    return linear(given[0].float(), layer.weight.float(), bias)


def _exact_at(
    asked: list[int],
    layer: torch.nn.Linear,
    given: tuple[torch.Tensor, ...],
    made: torch.Tensor,
) -> torch.Tensor:
    """Of some outputs; the others stay as exact as they are."""
    from torch.nn.functional import linear

    bias = None if layer.bias is None else layer.bias[asked].float()
    found = made.float()
    found[..., asked] = linear(given[0].float(), layer.weight[asked].float(), bias)
    return found
