"""The packages of the extra `evals`, which an installation may lack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from components.errors import MissingExtra

HINT = "pip install 'millrace[evals]'"
BENCH = "pip install 'millrace[bench]'"
_EVALS = {
    "ir_measures": "ir-measures",
    "jinja2": "jinja2",
    "matplotlib": "matplotlib",
    "scipy": "scipy",
    "statsmodels": "statsmodels",
    "text_to_num": "text2num",
}
"""Modules, and the packages that they come with."""


def check(purpose: str) -> None:
    """Raises MissingExtra where one of them is not there: before the work, not after it. `purpose`
    says what for: `a report needs`.
    """
    absent = [package for module, package in _EVALS.items() if find_spec(module) is None]
    if absent:
        told = f"{purpose} packages that are not installed: {', '.join(absent)}"
        raise MissingExtra(told).at(hint=HINT)


@contextmanager
def needed(purpose: str, hint: str = HINT) -> Iterator[None]:
    """Something optional is imported in here. Raises MissingExtra where that fails, whether because
    a package is absent or because it is broken; `purpose` says what for: `plots need`.
    """
    try:
        yield
    except ImportError as error:
        module = (error.name or "").partition(".")[0]
        told = f"the package {_EVALS.get(module, module)!r}" if module else "a package"
        if not isinstance(error, ModuleNotFoundError):
            told += f", which cannot be imported: {' '.join(str(error).split())}"
        raise MissingExtra(f"{purpose} {told}").at(hint=hint) from error
