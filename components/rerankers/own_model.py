"""The model that a reranker reads with."""

from __future__ import annotations

from components.encoders.checkpoints import checkpoint
from components.errors import BadOption
from components.stages import Encoder


def model_name(named: str, encoder: Encoder | None) -> str:
    """The one named, or that of the index' encoder where the name is empty.

    Raises BadOption where neither is there.
    """
    name: str = named or getattr(encoder, "model", "")
    if not name:
        raise BadOption("the index' encoder has no model to rerank with").at(
            where="reranker.model", hint="name a model that `millrace models` lists"
        )
    return name


def reads_with(encoder: Encoder | None, name: str) -> bool:
    """Whether the index' encoder has a model's weights. Raises what `checkpoint` raises."""
    return encoder is not None and encoder.facts.get("weights") == checkpoint(name).weights_sha256
