"""Linear layers whose weights are laid out once for the processor's bf16 instructions.

oneDNN otherwise lays them out anew in every call: some 10 % of the time of a small model. The
operators are those that torch's own compiler uses; where a build of torch lacks them, or they do
not take a layer, the layer stays as it is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

_TOKENS = 2048
"""In a batch, roughly: the layout is chosen for it, and right for any."""


class PackedLinear(nn.Module):
    """As `nn.Linear`, for inference, with the activation that follows it where there is one."""

    def __init__(self, linear: nn.Linear, activation: str = "none") -> None:
        super().__init__()
        weight = linear.weight.detach()
        self.bias = None if linear.bias is None else linear.bias.detach()
        self.activation = activation
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, _TOKENS)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """(…, inputs) to (…, outputs)."""
        made: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            rows, self.weight, self.bias, self.activation, [], "none"
        )
        return made


def pack(model: nn.Module) -> None:
    """Replace the linear layers of a bf16 model on the CPU, in place."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                fused = name == "dense" and _gelu_follows(module)
                packed = _packed(child, "gelu" if fused else "none")
                if packed is not None:
                    setattr(module, name, packed)
                    if fused:
                        module.intermediate_act_fn = nn.Identity()


def _gelu_follows(module: Any) -> bool:
    """Whether it is BERT's layer that widens: `dense`, then the exact GELU."""
    from transformers.activations import GELUActivation

    return isinstance(getattr(module, "intermediate_act_fn", None), GELUActivation)


def _packed(linear: nn.Linear, activation: str) -> PackedLinear | None:
    try:
        packed = PackedLinear(linear, activation)
        packed(torch.zeros((1, linear.in_features), dtype=linear.weight.dtype))
    except (AttributeError, RuntimeError):
        return None
    return packed
