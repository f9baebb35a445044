"""Templates of pages: complete without a network, with every text escaped."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from components.errors import MissingExtra

_PART = re.compile(r"[^\[,=/_]*[\[,=/_]?")
"""Where a long name may be broken."""


def template(name: str) -> Any:
    """A template beside this file. Raises MissingExtra."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ModuleNotFoundError as error:
        raise MissingExtra("the report needs the package 'jinja2'").at(
            hint='pip install "millrace[evals]"'
        ) from error
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["parts"] = _PART.findall
    return environment.get_template(name)
