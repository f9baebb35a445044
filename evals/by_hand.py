"""Files in YAML that a person goes through: rows, each of which begins with what is to fill in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from components.errors import BadOption, SpecError
from components.spec import yaml_file

M = TypeVar("M", bound=BaseModel)


def check_new(file: Path) -> None:
    """Raises BadOption where there is such a file, since it may hold a person's work."""
    if file.exists():
        raise BadOption("there is such a file already").at(
            where=str(file), hint="name another; nothing is written over a person's work"
        )


def write(rows: Sequence[Mapping[str, Any]], head: str, file: Path) -> None:
    """A new file of these rows below `head`, a blank line before each. Raises BadOption."""
    check_new(file)
    yaml = YAML()
    yaml.width = 100
    out = StringIO()
    yaml.dump(list(rows), out)
    first = f"\n- {next(iter(rows[0]))}:" if rows else ""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = out.getvalue().replace(first, f"\n{first}") if first else out.getvalue()
    file.write_text(head + text, encoding="utf-8")


def shown(text: str) -> Any:
    """As it can be read best in YAML without losing a character, or gaining one: a blank line is
    put before the next question.
    """
    lines = text.split("\n")
    whole = all(each.isprintable() and each == each.rstrip() for each in lines)
    if whole and len(lines) == 1 and "  " not in text:  # of which folding a line keeps one
        return text
    if whole and lines[0] and lines[-1] and not lines[0].startswith(" "):
        return LiteralScalarString(text)
    return DoubleQuotedScalarString(text)


def read(file: Path, told: str) -> list[Any]:
    """The rows. Raises SpecError: what is no list is `told`."""
    try:
        raw = yaml_file.parse(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot be read: {error}").at(where=str(file)) from None
    if not isinstance(raw, list):
        raise SpecError(told).at(where=str(file))
    return raw


def checked(model: type[M], raw: object, where: str, hints: Mapping[str, str]) -> M:
    """A row as an object. Raises SpecError, with the hint of the field that is wrong."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        place = f"{where}: {'.'.join(map(str, first['loc']))}" if field else where
        told = first["msg"][:1].lower() + first["msg"][1:]
        raise SpecError(told).at(place, hints.get(field, "")) from None


def check_once(ids: Iterable[str], file: Path) -> None:
    """Raises SpecError where a row is there twice."""
    seen = set[str]()
    for id in ids:
        if id in seen:
            raise SpecError(f"{id} is there twice").at(where=str(file))
        seen.add(id)
