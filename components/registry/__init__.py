"""From a name in a pipeline file to a component.

Four ways in: our catalogue, the entry points of other packages (see `plugins`), `module:Class`
without any registration, and `llama_index:Class` for a class of another framework (see `BRIDGES`).
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, PydanticUserError, ValidationError, create_model

from components.errors import BadOption, MissingExtra, UnknownComponent
from components.machine.system import of_machine, shortage
from components.registry import plugins, protocols
from components.stages import STAGES
from components.values import Choice as Choice

CATALOGUE: Mapping[str, Mapping[str, str]] = {
    "source": {
        "archive": "components.sources.archive:Archive",
        "files": "components.sources.files:Files",
        "financebench": "components.sources.financebench:FinanceBench",
        "jsonl": "components.sources.jsonl:JsonLines",
        "pydocs": "components.sources.pydocs:PythonDocs",
        "url": "components.sources.url:Url",
    },
    "splitter": {
        "tokens": "components.splitters.tokens:Tokens",
        "sentences": "components.splitters.sentences:Sentences",
        "sentence": "components.splitters.sentence:Sentence",
        "pages": "components.splitters.pages:Pages",
        "whole": "components.splitters.whole:Whole",
    },
    "encoder": {
        "naive": "components.encoders.naive:Naive",
        "late": "components.encoders.late:Late",
        "landmark": "components.encoders.landmark:Landmark",
        "hashing": "components.encoders.hashing:Hashing",
    },
    "sparse": {
        "none": "components.encoders.no_sparse:NoSparse",
        "bm25": "components.encoders.bm25:Bm25",
    },
    "index": {
        "qdrant_edge": "components.indexes.edge.index:EdgeIndex",
        "qdrant": "components.indexes.qdrant.index:QdrantIndex",
    },
    "retriever": {
        "dense": "components.retrievers.dense:Dense",
        "sparse": "components.retrievers.sparse:Sparse",
        "hybrid": "components.retrievers.hybrid:Hybrid",
        "neighbourhood": "components.retrievers.neighbourhood:Neighbourhood",
    },
    "reranker": {
        "none": "components.rerankers.none:Keep",
        "feedback": "components.rerankers.feedback:Feedback",
        "e2rank": "components.rerankers.e2rank.reranker:E2Rank",
        "cross_encoder": "components.rerankers.cross_encoder:CrossEncoder",
        "late_interaction": "components.rerankers.late_interaction:LateInteraction",
    },
    "answerer": {
        "chat": "components.answerers.chat:Chat",
        "extractive": "components.answerers.extractive.extractive:Extractive",
        "iterative": "components.answerers.iterative:Iterative",
        "recorded": "components.answerers.recorded:Recorded",
    },
}
BRIDGES: Mapping[str, str] = {"llama_index": "components.bridges.llama_index"}
"""Modules whose `component(stage, name)` makes the dataclass of a foreign class, by prefix."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """One line of the catalogue's help."""

    name: str
    type: str
    required: bool
    default: Any
    """As a pipeline file would write it; None where the option is required or has none."""
    help: str


def names(stage: str) -> Mapping[str, str]:
    """Every registered name of a stage and where its class is. A built-in name cannot be taken."""
    others = {name: found[0].target for name, found in plugins.of_stage(stage).items()}
    return {**CATALOGUE[stage], **others, **CATALOGUE[stage]}


def load(stage: str, use: str) -> type[Any]:
    """The class behind a name. Raises UnknownComponent, MissingExtra."""
    prefix, _, foreign = use.partition(":")
    if foreign and prefix in BRIDGES:
        made: type[Any] = importlib.import_module(BRIDGES[prefix]).component(stage, foreign)
        return made
    known = names(stage)
    if use not in CATALOGUE[stage]:
        plugins.check_undisputed(stage, use)
    target = known.get(use, use if ":" in use else "")
    if not target:
        raise UnknownComponent(f"no {stage} is called {use!r}").at(
            where=f"{stage}.use", hint=_suggest(use, known, none="")
        )
    module_name, _, class_name = target.partition(":")
    try:
        module = import_module(module_name, f"{stage}.use")
    except ModuleNotFoundError as error:
        raise _missing(stage, use, module_name, error) from error
    found = getattr(module, class_name, None)
    if found is None:
        raise UnknownComponent(f"module {module_name} has no class {class_name}").at(
            where=f"{stage}.use"
        )
    if not (isinstance(found, type) and dataclasses.is_dataclass(found)):
        raise UnknownComponent(f"{target} is not a dataclass, so its options are unknown").at(
            where=f"{stage}.use",
            hint="decorate the class with @dataclass(frozen=True, kw_only=True)",
        )
    protocols.check(stage, found)
    return found


def import_module(name: str, where: str = "") -> Any:
    """The module. Raises ModuleNotFoundError, UnknownComponent where it is broken."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise
    # Whatever a stranger's module does; TypeError: a relative name.
    except (Exception, SystemExit) as error:
        if of_machine(error):
            raise
        raise shortage() or UnknownComponent(
            f"cannot import module {name!r}: {type(error).__name__}: {error}"
        ).at(where) from error


def _missing(stage: str, use: str, module: str, error: ModuleNotFoundError) -> Exception:
    if error.name and module.split(".")[0] == error.name.split(".")[0]:
        return UnknownComponent(f"cannot import module {error.name!r}").at(
            where=f"{stage}.use", hint="is it installed, or beside the pipeline file?"
        )
    return MissingExtra(f"{stage} {use!r} needs the package {error.name!r}").at(
        where=f"{stage}.use", hint="install the extra that brings it, or millrace[all]"
    )


def options_of(component: type[Any]) -> dict[str, dataclasses.Field[Any]]:
    """The fields that a pipeline file may set, in order."""
    found = sorted(dataclasses.fields(component), key=lambda each: each.metadata.get("last", False))
    return {each.name: each for each in found if each.init and not each.metadata.get("part")}


def parts_of(component: type[Any]) -> frozenset[str]:
    """The collaborators that it has a field for."""
    parts = (each for each in dataclasses.fields(component) if each.metadata.get("part"))
    return frozenset(each.name for each in parts)


def types_of(component: type[Any]) -> dict[str, Any]:
    """The options' types, with what bounds them. Raises UnknownComponent where there is none."""
    try:
        hints = typing.get_type_hints(component, include_extras=True)
        return {name: hints[name] for name in options_of(component)}
    except Exception as error:  # annotations of a stranger's component that name nothing
        raise _unreadable(component, error) from error


def _unreadable(component: Any, error: Exception) -> UnknownComponent:
    reason = " ".join(str(error).split())
    return UnknownComponent(
        f"the options of {component.__qualname__} have no usable type: {reason}"
    )


def _model(component: Any) -> type[BaseModel]:
    types = types_of(component)
    fields: dict[str, Any] = {}
    for name, each in options_of(component).items():
        default = _default(each)
        fields[name] = (types[name], ... if default is dataclasses.MISSING else default)
    config = ConfigDict(extra="forbid", protected_namespaces=())
    try:
        return create_model(component.__name__, __config__=config, **fields)
    except (PydanticUserError, NameError) as error:
        raise _unreadable(component, error) from error


def _default(of: dataclasses.Field[Any]) -> Any:
    """The option's default; MISSING where it has none."""
    if of.default_factory is not dataclasses.MISSING:
        return of.default_factory()
    return of.default


def resolve(stage: str, use: str, options: Mapping[str, Any]) -> Choice:
    """The options checked and completed. Raises BadOption with the known ones."""
    component = load(stage, use)
    known = options_of(component)
    if hasattr(component, "check_given"):  # before any value could be shown
        component.check_given(stage, options)
    for name in options:
        if name not in known:
            raise BadOption(f"{stage} {use!r} has no option {name!r}").at(
                where=f"{stage}.{name}", hint=_suggest(name, known, none="it has no options")
            )
    try:
        checked = _model(component).model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        given = f", not {first['input']!r}" if name in options else ""
        raise BadOption(f"{_plain(first['msg'])}{given}").at(
            where=f"{stage}.{name}", hint=f"{name}: {known[name].metadata.get('help', '')}"
        ) from None
    return Choice(use, checked.model_dump())


def build(stage: str, choice: Choice, **parts: object) -> Any:
    """The component; `parts` are the collaborators that it has a field for."""
    component = load(stage, choice.use)
    wanted = parts_of(component)
    given = {name: value for name, value in parts.items() if name in wanted}
    try:
        # Checked once more: a choice may come from a generation's file, where paths are text.
        return component(**resolve(stage, choice.use, choice.options).options, **given)
    except ValueError as error:
        raise BadOption(f"{stage} {choice.use!r}: {error}").at(where=stage) from error


def help_of(component: type[Any]) -> list[Option]:
    """Each option of a component, for a person, those that must be given first."""
    types = types_of(component)
    found = [
        Option(
            name=name,
            type=_type_name(types[name]),
            required=_default(each) is dataclasses.MISSING,
            default=_plain_value(_default(each)),
            help=each.metadata.get("help", ""),
        )
        for name, each in options_of(component).items()
    ]
    return sorted(found, key=lambda each: not each.required)


def missing_packages(component: type[Any]) -> list[str]:
    """Packages that the component needs and that are not installed."""
    needed: tuple[str, ...] = getattr(component, "requires", ())
    return [name for name in needed if not _is_installed(name)]


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # of a dotted name, the package around it
        return False


def is_path(stage: str, use: str, name: str) -> bool:
    """Whether an option holds a path or a list of paths, and so is relative to something."""
    from pathlib import Path

    component = load(stage, use)
    hint = types_of(component).get(name)
    marked = options_of(component)[name].metadata.get("path")
    return bool(marked) or hint is Path or Path in typing.get_args(hint)


def check_stage(stage: str) -> None:
    """Raises UnknownComponent where there is no such stage."""
    if stage not in STAGES:
        raise UnknownComponent(f"there is no stage {stage!r}").at(
            where=stage, hint=_suggest(stage, STAGES, none="")
        )


def _suggest(word: str, known: typing.Iterable[str], *, none: str) -> str:
    choices = sorted(known)
    return f"{meant(word, choices)}known: {', '.join(choices)}" if choices else none


def meant(word: str, known: typing.Iterable[str]) -> str:
    """`did you mean …? `, where one of the known words is near."""
    close = get_close_matches(word, list(known), n=1)
    return f"did you mean {close[0]!r}? " if close else ""


def _plain(message: str) -> str:
    return message[:1].lower() + message[1:]


def _plain_value(value: object) -> object:
    if value is dataclasses.MISSING:
        return None
    if isinstance(value, tuple | list):
        return list(value)
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _type_name(hint: Any) -> str:
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _type_name(typing.get_args(hint)[0])
    if origin is typing.Literal:
        return "|".join(map(str, typing.get_args(hint)))
    if origin is tuple:
        return f"list of {_type_name(typing.get_args(hint)[0])}"
    if origin is dict:
        return f"{{{': '.join(_type_name(each) for each in typing.get_args(hint))}}}"
    if origin is not None:
        return "|".join(_type_name(each) for each in typing.get_args(hint))
    return "none" if hint is type(None) else getattr(hint, "__name__", str(hint))
