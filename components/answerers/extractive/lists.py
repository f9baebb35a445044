"""TOML files of words, phrases and formulas: ours, or a user's in place of them."""

from __future__ import annotations

import hashlib
import tomllib
from importlib import resources
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from components.errors import BadOption

_File = TypeVar("_File", bound=BaseModel)


def read(shape: type[_File], path: Path | None, option: str) -> _File:
    """The file's content; without a path that of our own file, which has the option's name.

    Raises BadOption where it cannot be read, or has another shape.
    """
    ours = resources.files("components.answerers.extractive").joinpath(f"{option}.toml")
    try:
        return shape.model_validate(
            tomllib.loads(_text(path, option) if path else ours.read_text("utf-8"))
        )
    except tomllib.TOMLDecodeError as error:
        raise BadOption(f"not a TOML file: {error}").at(where=str(path)) from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        told = {"extra_forbidden": "is not known"}.get(first["type"], "has the wrong shape")
        wrong = first["msg"] if first["type"] == "value_error" else told
        raise BadOption(f"{key} {wrong}").at(
            where=str(path), hint=f"the {option}.toml in the package shows the shape"
        ) from None


def digest(path: Path, option: str) -> str:
    """Sha256 of a file. Raises BadOption where it cannot be read."""
    return hashlib.sha256(_text(path, option).encode()).hexdigest()


def _text(path: Path, option: str) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadOption(f"the list cannot be read: {error}").at(
            where=str(path), hint=f"answerer.{option} names a TOML file"
        ) from None
