"""The first layers of a transformer alone (2D Matryoshka: arXiv 2402.14776)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from components.errors import BadOption


def first_layers(loaded: Any, layers: int) -> Any:
    """The model without its later layers: called alike, `last_hidden_state` is the states after
    `layers` layers, before any normalisation that follows the last one. Changes the model given.

    Raises BadOption for an architecture without a list of layers.
    """
    import torch

    total = loaded.config.num_hidden_layers
    lists = [each for each in loaded.modules() if isinstance(each, torch.nn.ModuleList)]
    stack = next((each for each in lists if len(each) == total), None)
    if stack is None:
        raise BadOption(f"a {loaded.config.model_type} model cannot be cut to fewer layers").at(
            where="encoder.layers", hint="leave the option out"
        )
    del stack[layers:]
    loaded.config.num_hidden_layers = layers
    states: list[Any] = []
    stack[-1].register_forward_hook(
        lambda _module, _given, out: states.append(out[0] if isinstance(out, tuple) else out)
    )

    def forward(**inputs: Any) -> Any:
        loaded(**inputs)
        return SimpleNamespace(last_hidden_state=states.pop())

    return forward
