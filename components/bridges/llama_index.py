"""LlamaIndex readers as sources, node parsers as splitters and embeddings as encoders:
`use: "llama_index:CLASS"`.

CLASS is one of `llama_index.core`, such as `SimpleDirectoryReader` or `SentenceSplitter`, or a full
path, such as `llama_index.readers.web.SimpleWebPageReader`. Its parameters are the options, those
of `load_data` included, as far as YAML can write them.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import MISSING
from functools import cache
from typing import Any

from components import registry
from components.bridges import parameters, secrets
from components.bridges.encoder import FromEmbedding
from components.bridges.foreign import Wrapped, values_of
from components.bridges.parameters import Parameter
from components.bridges.parser import FromParser
from components.bridges.reader import FromReader
from components.errors import MissingExtra, UnknownComponent

_HOMES = (
    "llama_index.core",
    "llama_index.core.readers",
    "llama_index.core.node_parser",
    "llama_index.core.embeddings",
)
_DEFAULTS: dict[str, Any] = {
    "raise_on_error": True,  # a file that is skipped in silence would be deleted from the corpus
    "chunk_overlap": 0,  # the splitter's own class says why
}
_NOT_STORED = frozenset(
    {"input_dir", "input_file", "input_files", "num_workers", "show_progress", "verbose"}
)
"""Options that say where to read and how fast, not what is made of it."""
_NOT_IN_VECTORS = frozenset(
    {"cache_folder", "device", "embed_batch_size", "max_retries", "parallel_process"}
    | {"reuse_client", "show_progress_bar", "target_devices", "timeout"}
)
"""The same of embeddings."""
_OBJECTS = frozenset({"callback_manager", "embeddings_cache", "rate_limiter"})
"""Parameters of any type that only a program can make."""


@cache
def component(stage: str, name: str) -> type[Any]:
    """The dataclass of a reader, node parser or embedding.

    Raises UnknownComponent, MissingExtra.
    """
    core = _import("llama_index.core")
    kinds: dict[str, tuple[type[Any], type[Any]]] = {
        "source": (core.readers.base.BaseReader, FromReader),
        "splitter": (core.node_parser.NodeParser, FromParser),
        "encoder": (core.base.embeddings.base.BaseEmbedding, FromEmbedding),
    }
    if stage not in kinds:
        raise UnknownComponent(f"LlamaIndex gives sources, splitters and encoders, no {stage}").at(
            where=f"{stage}.use"
        )
    theirs, ours = kinds[stage]
    foreign = _find(stage, name, theirs)
    return _make(stage, name, foreign, ours, _loading(foreign) if stage == "source" else [])


def _import(module: str) -> Any:
    try:
        return registry.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or module
        core = missing in ("llama_index", "llama_index.core")
        hint = "install millrace[llama-index]" if core else "install the package that brings it"
        raise MissingExtra(f"{module} needs the package {missing!r}").at(
            where="llama_index", hint=hint
        ) from error


def _find(stage: str, name: str, base: type[Any]) -> type[Any]:
    module, _, own = name.rpartition(".")
    homes = [_import(each) for each in ((module,) if module else _HOMES)]
    found = next((getattr(each, own) for each in homes if hasattr(each, own)), None)
    if found is None:
        offered = {each for home in homes for each, kind in vars(home).items() if _is(kind, base)}
        raise UnknownComponent(f"{homes[0].__name__} has no class {own!r}").at(
            where=f"{stage}.use",
            hint=f"{registry.meant(own, offered)}classes of other packages are named in full: "
            "llama_index.readers.web.CLASS",
        )
    if not _is(found, base):
        raise UnknownComponent(f"{name} is no {base.__name__} of LlamaIndex").at(
            where=f"{stage}.use", hint=f"for the {stage}, name one of its {base.__name__} classes"
        )
    kind: type[Any] = found
    if kind is base or inspect.isabstract(kind):
        raise UnknownComponent(f"{name} is an abstract class").at(where=f"{stage}.use")
    return kind


def _is(found: object, base: type[Any]) -> bool:
    return isinstance(found, type) and issubclass(found, base)


def _loading(reader: type[Any]) -> list[Parameter]:
    """What `load_data` takes, or `lazy_load_data` where the reader has only that."""
    from llama_index.core.readers.base import BaseReader

    method = "lazy_load_data" if reader.load_data is BaseReader.load_data else "load_data"
    return parameters.of_method(getattr(reader, method), f"{reader.__name__}.{method}")


def _make(
    stage: str, name: str, foreign: type[Any], base: type[Any], loading: list[Parameter]
) -> type[Any]:
    making = parameters.of_class(foreign)
    known = {each.name: each for each in making}
    known = {**known, **{each.name: each for each in loading if each.name not in known}}
    _check(stage, name, base, known.values())
    passing = _NOT_STORED | (_NOT_IN_VECTORS if stage == "encoder" else set())
    return dataclasses.make_dataclass(
        foreign.__name__,
        [
            each.field(_DEFAULTS.get(each.name, each.default), stored=each.name not in passing)
            for each in known.values()
            if _is_option(each, base)
        ],
        bases=(base,),
        frozen=True,
        kw_only=True,
        namespace={
            "__doc__": _summary(foreign),
            "__module__": __name__,
            "__reduce__": _by_name,
            "check_given": classmethod(_check_given),
            "_wraps": Wrapped(stage, name, foreign, _passed(making, base), _passed(loading, base)),
        },
    )


def _by_name(self: Any) -> tuple[Any, ...]:
    """Pickled so: the class is made anew where it is unpickled."""
    return _made, (self._wraps.stage, self._wraps.name, values_of(self))


def _made(stage: str, name: str, options: Mapping[str, Any]) -> Any:
    return component(stage, name)(**options)


def _check_given(cls: type[Any], stage: str, options: Mapping[str, Any]) -> None:
    """Raises BadOption where an option is a secret."""
    secrets.refuse(stage, options, (each.name for each in dataclasses.fields(cls)))


def _check(stage: str, name: str, base: type[Any], known: Iterable[Parameter]) -> None:
    for each in known:
        if each.hint is None and each.default is MISSING and not each.secret:
            raise UnknownComponent(
                f"{name} needs {each.name!r}, which no pipeline file can hold"
            ).at(where=f"{stage}.use", hint="write a component of your own around it")
        if hasattr(base, each.name) and each.default is MISSING:
            raise UnknownComponent(f"{name}: its parameter {each.name!r} cannot be an option").at(
                where=f"{stage}.use"
            )


def _is_option(of: Parameter, base: type[Any]) -> bool:
    """Not what YAML cannot write, what is secret, or what the component has a meaning of its own
    for, such as an embedding's `tokenizer`.
    """
    writable = of.hint is not None and not of.secret and of.name not in _OBJECTS
    return writable and not of.name.startswith("_") and not hasattr(base, of.name)


def _passed(known: Iterable[Parameter], base: type[Any]) -> tuple[Parameter, ...]:
    """Those that a component gives a value to."""
    return tuple(each for each in known if each.secret or _is_option(each, base))


def _summary(foreign: type[Any]) -> str:
    return (inspect.getdoc(foreign) or foreign.__name__).strip()
