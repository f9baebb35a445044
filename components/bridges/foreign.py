"""Making a LlamaIndex object from a component's options, and calling it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import MISSING, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from components import registry
from components.bridges import secrets
from components.bridges.parameters import Parameter
from components.errors import MillraceError, MissingExtra

_LONGEST = 400
"""Characters of somebody else's message."""


@dataclass(frozen=True)
class Wrapped:
    """A LlamaIndex class, as a component stands for it."""

    stage: str
    name: str
    """As the pipeline file names it."""
    kind: type[Any]
    making: tuple[Parameter, ...]
    """What its constructor takes."""
    loading: tuple[Parameter, ...] = ()
    """What its `load_data` takes."""

    def check_environment(self, kind: type[MillraceError]) -> None:
        """Raises `kind` where a secret has no variable without which it cannot be made or used."""
        unset = [
            secrets.variable(each.name)
            for each in (*self.making, *self.loading)
            if each.secret and each.default is MISSING and not secrets.from_environment([each.name])
        ]
        if unset:
            raise kind(f"{self.name} needs {', '.join(unset)}").at(
                where="environment", hint="set it; no pipeline file may hold it"
            )


@contextmanager
def needed(what: str) -> Iterator[None]:
    """LlamaIndex is imported in here. Raises MissingExtra where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtra(f"{what} needs the package 'llama-index-core'").at(
            hint="install millrace[llama-index]"
        ) from error


def values_of(component: Any) -> dict[str, Any]:
    """Those of its options, by name."""
    return {name: getattr(component, name) for name in registry.options_of(type(component))}


def versions(foreign: type[Any]) -> dict[str, str]:
    """Of LlamaIndex, and of the package that the class is from where its name tells."""
    found = {"llama-index-core": version("llama-index-core")}
    package = "-".join(foreign.__module__.split(".")[:3]).replace("_", "-")
    with suppress(PackageNotFoundError):  # a class of the core, or of the user's own
        found[package] = version(package)
    return found


def arguments(component: object, wanted: Sequence[Parameter]) -> dict[str, Any]:
    """The parameters whose value is not their default, secrets from the environment included."""
    given = {
        each.name: getattr(component, each.name)
        for each in wanted
        if hasattr(component, each.name) and getattr(component, each.name) != each.default
    }
    return given | secrets.from_environment(each.name for each in wanted if each.secret)


@contextmanager
def called(name: str, kind: type[MillraceError], hidden: Mapping[str, Any]) -> Iterator[None]:
    """Errors as `kind`, with the message of LlamaIndex but no secret; what it prints to stderr."""
    try:
        with redirect_stdout(sys.stderr):
            yield
    except MillraceError:
        raise
    except ImportError as error:
        raise MissingExtra(f"{name} needs a package: {_message(error, hidden)}") from error
    except Exception as error:
        raise kind(f"{name}: {_message(error, hidden)}") from error


def _message(error: BaseException, hidden: Mapping[str, Any]) -> str:
    told = str(error) or type(error).__name__
    if error.__cause__ is not None and str(error.__cause__) not in told:
        told = f"{told}: {type(error.__cause__).__name__}: {error.__cause__}"
    for name, value in hidden.items():
        if secrets.looks_secret(name) and isinstance(value, str) and value:
            told = told.replace(value, "***")
    return " ".join(told.split())[:_LONGEST]
