"""`docker-compose.yml` as an engine reads it, for what is checked and run without one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "infra" / "images" / "Dockerfile"
WORKDIR = PurePosixPath("/srv/millrace")
_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::([?-])([^}]*))?\})")


@dataclass(frozen=True)
class Service:
    """One of them, its variables filled in."""

    name: str
    image: str
    command: tuple[str, ...]
    """As it is executed; empty: the image's own."""
    environment: Mapping[str, str]
    """The image's variables, too, where the image is ours."""
    check: tuple[str, ...]
    """The command that says whether it is well."""
    volumes: Mapping[PurePosixPath, str]
    """What is mounted where; empty: a volume without a name."""
    needs: tuple[str, ...]
    """What must be well before it begins."""

    @property
    def is_ours(self) -> bool:
        """Whether it runs from our image."""
        return self.image.startswith("millrace:")


def written() -> Mapping[str, Any]:
    """The file as it is."""
    found: Mapping[str, Any] = YAML(typ="safe").load(FILE)
    return found


def services(given: Mapping[str, str]) -> dict[str, Service]:
    """All of them with the variables of an `.env` file. Raises KeyError for a missing one."""
    return {
        name: _service(name, _filled(told, given)) for name, told in written()["services"].items()
    }


def extras() -> set[str]:
    """Of Millrace's, that the image has."""
    (found,) = re.findall(r'--editable "\.\[([\w,-]+)\]"', DOCKERFILE.read_text())
    return set(found.split(","))


def _service(name: str, told: Mapping[str, Any]) -> Service:
    kind, *check = told["healthcheck"]["test"]
    mounts = [each.removesuffix(":ro").rpartition(":") for each in told.get("volumes", [])]
    ours = _image_environment() if "build" in told else {}
    return Service(
        name=name,
        image=told["image"],
        command=tuple(shlex.split(told.get("command", ""))),
        environment={**ours, **{key: str(value) for key, value in told["environment"].items()}},
        check=("sh", "-c", *check) if kind == "CMD-SHELL" else tuple(check),
        volumes={PurePosixPath(target): source for source, _, target in mounts},
        needs=tuple(told.get("depends_on", ())),
    )


@cache
def _image_environment() -> Mapping[str, str]:
    joined = DOCKERFILE.read_text().replace("\\\n", " ")
    lines = re.findall(r"^ENV (.*)$", joined, re.MULTILINE)
    return dict(each.split("=", 1) for line in lines for each in shlex.split(line))


def _filled(told: Any, given: Mapping[str, str]) -> Any:
    if isinstance(told, dict):
        return {key: _filled(value, given) for key, value in told.items()}
    if isinstance(told, list):
        return [_filled(each, given) for each in told]
    return (
        _VARIABLE.sub(lambda found: _value(found, given), told) if isinstance(told, str) else told
    )


def _value(found: re.Match[str], given: Mapping[str, str]) -> str:
    dollar, name, kind, other = found.groups()
    if dollar:
        return "$"
    if value := given.get(name):
        return value
    if kind == "?":
        raise KeyError(name)
    return other or ""
