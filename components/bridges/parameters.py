"""The parameters of a foreign class as options: names, types, defaults, and which are paths."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import MISSING, dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from components.bridges.secrets import looks_secret

_PLAIN = (str, int, float, bool, type(None), Path, list, dict, tuple)
_HOLDERS = (list, tuple, dict, Sequence, Mapping, Iterable)
_MODELS = frozenset({"model", "model_name"})
"""A name, or a folder where it begins like one."""
_PATHS = frozenset({"dir", "dirs", "directory", "file", "files", "folder", "path", "paths"})


@dataclass(frozen=True)
class Parameter:
    """One parameter of a constructor or a method."""

    name: str
    hint: Any
    """Its type as far as YAML can write it; None where it cannot."""
    default: Any = MISSING
    help: str = ""

    @property
    def secret(self) -> bool:
        """A name such as `text_key` with a word as its default is none."""
        return looks_secret(self.name) and self.default in (MISSING, None, "")

    @property
    def path(self) -> bool:
        """A type that is a path, or a name that ends in one of `_PATHS` and may hold text."""
        named = self.name.rpartition("_")[2] in _PATHS
        return _mentions(self.hint, Path) or (named and _mentions(self.hint, str, list, Any))

    def field(self, default: Any, *, stored: bool) -> tuple[str, Any, Any]:
        """As `make_dataclass` takes it."""
        metadata = {
            "help": self.help,
            "stored": stored,
            "path": self.path,
            "or_folder": self.name in _MODELS,
        }
        if default is MISSING:
            return self.name, self.hint, dataclasses.field(metadata=metadata)
        # Copied: a list as a default is one list for all otherwise.
        made = dataclasses.field(default_factory=lambda: copy(default), metadata=metadata)
        return self.name, self.hint, made


def of_class(of: type[Any]) -> list[Parameter]:
    """What its constructor takes, fields of a pydantic model included."""
    fields, hints = getattr(of, "model_fields", {}), _hints(of.__init__)
    found = []
    for each in _named(inspect.signature(of)):
        hint, default = hints.get(each.name, each.annotation), each.default
        help = f"as in {of.__name__}"
        if each.name in fields:
            described = fields[each.name]
            hint = _annotated(described.annotation, described.metadata)
            help = described.description or help
            if each.name not in hints and not described.is_required():
                default = described.get_default(call_default_factory=True)
        found.append(_parameter(each.name, hint, default, help))
    return found


def of_method(of: Callable[..., Any], name: str) -> list[Parameter]:
    """What a method takes; `name` tells a person what it belongs to."""
    hints = _hints(of)
    return [
        _parameter(each.name, hints.get(each.name, each.annotation), each.default, f"as in {name}")
        for each in _named(inspect.signature(of))
        if each.name != "self"
    ]


def _parameter(name: str, hint: Any, default: Any, help: str) -> Parameter:
    if default is inspect.Parameter.empty or default is MISSING:
        return Parameter(name, _writable(hint), MISSING, help)
    if isinstance(default, Enum):
        default = default.value
    kept = _writable(hint) if isinstance(default, _PLAIN) else None
    if default is None and kept not in (None, Any):
        kept = _union([kept, type(None)])  # `max_length: int = None` is written often
    return Parameter(name, kept, default, help)


def _named(signature: inspect.Signature) -> list[inspect.Parameter]:
    passed = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [each for each in signature.parameters.values() if each.kind in passed]


def _hints(of: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(of, include_extras=True)
    except (NameError, TypeError, AttributeError):  # types that are imported for checkers only
        return {}


def _writable(hint: Any) -> Any:
    """The part of a type that YAML can write; None where there is none."""
    if hint is Any or hint is inspect.Parameter.empty:
        return Any
    if hint in _PLAIN:
        return hint
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return hint
    if origin is Annotated:
        kept = _writable(inner[0])
        return None if kept is None else _annotated(kept, inner[1:])
    if origin in (Union, types.UnionType):
        return _union([kept for each in inner if (kept := _writable(each)) is not None])
    if origin in (set, frozenset):  # whose order is never the same
        return _writable(types.GenericAlias(list, inner[:1]))
    if origin in _HOLDERS and all(each is ... or _writable(each) is not None for each in inner):
        return hint
    return None


def _annotated(hint: Any, metadata: Sequence[Any]) -> Any:
    return Annotated[hint, *metadata] if metadata else hint


def _union(kept: list[Any]) -> Any:
    return None if all(each is type(None) for each in kept) else Union[tuple(kept)]  # noqa: UP007


def _mentions(hint: Any, *kinds: Any) -> bool:
    return hint in kinds or any(_mentions(each, *kinds) for each in typing.get_args(hint))
