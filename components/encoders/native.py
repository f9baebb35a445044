"""What the installed transformers computes itself: code that comes with a model is not run.

Where transformers has a port of that code, it is used. The configuration of nomic-embed names its
sizes otherwise than the port does, which would build its defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.errors import BadOption

_PORTS = ("gte", "jina_embeddings_v3", "nomic_bert")
"""Kinds of which transformers has a port, and that are called so for it alone: the first two were
published as `new` and as `xlm-roberta`.
"""
_NOMIC = {
    "n_embd": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_inner": "intermediate_size",
    "layer_norm_epsilon": "layer_norm_eps",
    "vocab_size": "vocab_size",
    "type_vocab_size": "type_vocab_size",
}
_PORTED = {
    "activation_function": "swiglu",
    "causal": False,
    "mlp_fc1_bias": False,
    "mlp_fc2_bias": False,
    "parallel_block": False,
    "prenorm": False,
    "qkv_proj_bias": False,
    "rotary_emb_fraction": 1.0,
    "rotary_emb_interleaved": False,
    "rotary_emb_scale_base": None,
    "use_rms_norm": False,
}
"""What transformers' class of nomic-embed does, in the words of the model's own code."""
_TRAINED = 2048
"""Positions that nomic-embed was trained on. Its own code stretches them for longer texts."""


def named(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config.json in the words of transformers. Unchanged where it is in them, or in none that
    are known.
    """
    if config.get("model_type") != "nomic_bert" or "hidden_size" in config:
        return dict(config)
    lacking = _NOMIC.keys() - {key for key, value in config.items() if value is not None}
    if lacking or any(config.get(key, value) != value for key, value in _PORTED.items()):
        return dict(config)
    sizes = {theirs: config[ours] for ours, theirs in _NOMIC.items()}
    theta = float(config.get("rotary_emb_base") or 10_000)
    return {
        "model_type": "nomic_bert",
        **sizes,
        "pad_token_id": config.get("pad_token_id") or 0,
        "max_position_embeddings": config.get("max_trained_positions") or _TRAINED,
        "rope_parameters": {"rope_type": "default", "rope_theta": theta},
    }


def refusal(config: Mapping[str, Any]) -> str:
    """Why a model whose configuration is in transformers' words is not run; empty if it is."""
    if "AutoModel" in (config.get("auto_map") or {}) and config.get("model_type") not in _PORTS:
        # The library's own class of that type would load the weights and compute something else.
        return "comes with program code of its own, which is not run"
    if config.get("model_type") == "nomic_bert" and "hidden_size" not in config:
        return "is a nomic_bert that transformers has no class for"
    if config.get("is_encoder_decoder"):
        return "has an encoder and a decoder"
    return ""


def check_class(name: str, config: Mapping[str, Any]) -> None:
    """Raises BadOption where transformers has no class for such a model. Imports transformers."""
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    kind = config.get("model_type")
    if str(kind) not in MODEL_MAPPING_NAMES:
        raise BadOption(
            f"{name} is a {kind!r}, which transformers {transformers.__version__} does not know"
        ).at(where="encoder.model", hint="a later transformers may; `millrace models` lists others")


def configured(config: Mapping[str, Any]) -> Any:
    """The configuration for transformers' class; None where config.json says it in its words."""
    own = named(config)
    if own == config:
        return None
    from transformers import AutoConfig

    return AutoConfig.for_model(**own)
