"""Adapters (LoRA, arXiv 2106.09685) merged into a model's weights, from files as peft has them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.errors import ModelFault

if TYPE_CHECKING:
    import torch

WEIGHTS = "adapter_model.safetensors"
_ROOT = "base_model.model."
_MORE = (
    *("alora_invocation_tokens", "alpha_pattern", "fan_in_fan_out", "layer_replication"),
    *("lora_bias", "modules_to_save", "rank_pattern", "target_parameters"),
    *("trainable_token_indices", "use_bdlora", "use_dora", "use_qalora"),
)
"""Settings by which an adapter does more than add a product of two matrices to weights."""


@cache
def sha256(folder: Path) -> str:
    """Of all that an adapter changes, in hex. Raises ModelFault."""
    try:
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise _fault(folder, f"has no {WEIGHTS}: {error.strerror}") from None
    return hashlib.sha256(f"{_scale(folder)!r} ".encode() + weights).hexdigest()


def merge(model: Any, folder: Path) -> None:
    """Add what an adapter changes to a model's weights, in place.

    Raises ModelFault where it does more than that, or changes what the model does not have.
    """
    import torch

    weights = dict(model.named_parameters())
    with torch.no_grad():
        for name, change in _changes(folder):
            weight = weights.get(f"{name}.weight")
            if weight is None or weight.shape != change.shape:
                raise _fault(folder, f"changes {name}, which its model does not have")
            weight.copy_(weight.float() + change.to(weight.device))


def _changes(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """Names of modules with what is added to their weights, in fp32."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = {name: each.float() for name, each in load_file(folder / WEIGHTS).items()}
    except SafetensorError as error:
        raise _fault(folder, f"cannot be read: {error}") from None
    scale = _scale(folder)
    for name in sorted(tensors):
        module, lora, kind = name.removeprefix(_ROOT).partition(".lora_")
        if lora and _other(name) not in tensors:
            raise _fault(folder, f"has half of what changes {module}")
        if kind in ("A.weight", "embedding_A"):
            product = scale * (tensors[_other(name)] @ tensors[name])
            yield module, product.T if kind == "embedding_A" else product
        elif kind not in ("B.weight", "embedding_B"):
            raise _fault(folder, f"has {name}, which is no part of LoRA")


def _other(name: str) -> str:
    """The second of two matrices that are multiplied, or the first of the second."""
    mark, own = name.rpartition(".lora_")[::2]
    swapped = own.translate(str.maketrans("AB", "BA"))
    return f"{mark}.lora_{swapped}"


def _scale(folder: Path) -> float:
    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
        scale = alpha / (rank**0.5 if config.get("use_rslora") else rank)
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise _fault(folder, f"has no configuration: {error}") from None
    more = [name for name in _MORE if config.get(name)]
    more += [] if config.get("bias", "none") == "none" else ["bias"]
    more += [] if config.get("peft_type") == "LORA" else ["peft_type"]
    if more:
        raise _fault(folder, f"does more than is done here: {', '.join(more)}")
    return float(scale)


def _fault(folder: Path, what: str) -> ModelFault:
    return ModelFault(f"the adapter {folder.name} {what}").at(
        where=str(folder), hint="is it another model's, or another revision's?"
    )
