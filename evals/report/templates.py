"""Templates of pages: complete without a network, with every text escaped."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from evals import extras

_PART = re.compile(r"[^\[,=/_]*[\[,=/_]?")
"""Where a long name may be broken."""


def template(name: str) -> Any:
    """A template beside this file. Raises MissingExtra."""
    with extras.needed("the report needs"):
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["parts"] = _PART.findall
    return environment.get_template(name)
